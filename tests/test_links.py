"""Every link in the pages leads somewhere: to a file, to a heading in it, or to a host that we know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .pages import DOCS, ROOT, pages

HOSTS = {"semver.org", "keepachangelog.com", "docs.python.org", "html.spec.whatwg.org", "github.com"}


def _tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt().enable("table").parse(page.read_text("utf-8")):
        yield token
        yield from token.children or ()


def links(page: Path) -> list[str]:
    """The targets of a page's links and images, those that are written as HTML too."""
    tokens = list(_tokens(page))
    named = [str(token.attrs[name]) for token in tokens for name in ("href", "src") if name in token.attrs]
    html = " ".join(token.content for token in tokens if token.type.startswith("html"))
    return named + re.findall(r'(?:href|src|srcset)="([^" ]+)', html)


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them: small letters, no punctuation, hyphens for spaces, and a number
    behind one that is there already."""
    tokens = list(_tokens(page))
    titles = [after.children or [] for token, after in pairwise(tokens) if token.type == "heading_open"]
    found: Counter[str] = Counter()
    names = set()
    for title in titles:
        words = "".join(token.content for token in title if token.type in ("text", "code_inline"))
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return names


def fault(page: Path, link: str) -> str:
    """What is wrong with a link of a page; empty: nothing."""
    parts = urlsplit(link)
    if parts.scheme:
        is_known = parts.scheme == "https" and parts.hostname in HOSTS
        return "" if is_known else f"{parts.hostname} is no host that we know"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists():
        return f"{parts.path} is not there"
    if not target.is_relative_to(ROOT):
        return f"{parts.path} is not of this project"
    if parts.fragment and parts.fragment not in anchors(target):
        return f"{target.name} has no heading #{parts.fragment}"
    return ""


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    faults = {link: words for link in links(page) if (words := fault(page, link))}
    assert faults == {}


def test_the_index_has_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / urlsplit(link).path).resolve() for link in links(index) if not urlsplit(link).scheme}
    assert reached >= {*DOCS.glob("*.md"), *(ROOT / "docs").glob("*.md")} - {index}


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("nowhere.md", "nowhere.md is not there"),
        ("connecting.md#no-such-heading", "connecting.md has no heading #no-such-heading"),
        ("#no-such-heading", "safety.md has no heading #no-such-heading"),
        ("../../../etc", "../../../etc is not there"),
        ("https://example.org/x", "example.org is no host that we know"),
        ("http://semver.org", "semver.org is no host that we know"),
        ("connecting.md#choose-or-switch-the-model--m", ""),
        ("own-provider.md#write-your-own-provider", ""),
        ("#redirects-and-cookies", ""),
    ],
)
def test_a_link_that_leads_nowhere_is_told(link: str, words: str) -> None:
    assert fault(DOCS / "safety.md", link) == words


def test_a_heading_that_stands_twice_is_numbered(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# The `--each` way!\n\n## A_b, c\n\n## A_b, c\n\n```python\n# no heading\n```\n")
    assert anchors(page) == {"the---each-way", "a_b-c", "a_b-c-1"}
