"""The code in an answer, and the cell that it could be run as.  Nothing here runs it."""

from __future__ import annotations

from collections.abc import Callable

from ..markdown.blocks import block_parser

__all__ = ["CodeBlock", "as_cell", "code_blocks"]


class CodeBlock(str):
    """The code of a fenced block, as a text; ``language`` is what its fence says, in lower case, ``""`` for nothing."""

    language: str

    def __new__(cls, code: str, language: str = "") -> CodeBlock:
        """``code`` in ``language``."""
        block = super().__new__(cls, code)
        block.language = language
        return block


def code_blocks(text: str) -> list[CodeBlock]:
    """The fenced code blocks of a Markdown text in their order, those in lists and quotations too."""
    return [
        CodeBlock(token.content.removesuffix("\n"), _language(token.info))
        for token in block_parser().parse(text)
        if token.type == "fence"
    ]


def as_cell(block: CodeBlock, is_cell_magic: Callable[[str], bool]) -> str:
    """``block`` as a cell: code in another language than Python gets its magic, ``%%bash``, where there is one.

    ``is_cell_magic`` tells whether a magic of that name is there.
    """
    name = _MAGICS.get(block.language, block.language)
    if name in _PYTHON or not is_cell_magic(name):
        return str(block)
    return f"%%{name}\n{block}"


def _language(info: str) -> str:
    words = info.replace("{", " ").replace("}", " ").split()  # "{python}" and "{.python}" are R Markdown's and pandoc's
    return words[0].lstrip(".").lower() if words else ""


_PYTHON = frozenset(["python", "py", "python3", "py3", "ipython", "ipython3", "pycon", "text", "txt"])

# The magic of a language, where it is not called as the language is.
_MAGICS = {"shell": "bash", "zsh": "bash", "js": "javascript", "md": "markdown", "tex": "latex", "r": "R", "rb": "ruby"}
