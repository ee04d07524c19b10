"""The pages that strangers read, and the blocks of code in them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

__all__ = ["DOCS", "ROOT", "Block", "blocks", "pages"]

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "ava_magic" / "docs"


class Block(NamedTuple):
    """A fenced block: ``kind`` is the first word after the fence, ``name`` the second, which names a file."""

    kind: str
    name: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every page, the ones that ship in the package among them."""
    folders = (ROOT, ROOT / "docs", ROOT / "examples", DOCS)
    return [page for folder in folders for page in sorted(folder.glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order; those in lists and quotes too."""
    fences = [token for token in MarkdownIt().parse(page.read_text("utf-8")) if token.type == "fence"]
    return [
        Block(token.info.partition(" ")[0], token.info.partition(" ")[2], token.content, token.map[0] + 1)
        for token in fences
        if token.map
    ]
