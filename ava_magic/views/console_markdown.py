"""Markdown for a console: rich draws it, and nothing that was written is lost on the way.

Rich alone drops the address of an image, the definitions of links and notes, what does not fit a table's columns and
the delimiters of mathematics.  So each becomes words, before rich sees it:

- a link is its words and its address, an image is ``[words] (address)``.  No hyperlink (OSC 8) is ever sent: it would
  lead where nobody can read, and a terminal finds an address that is printed;
- a definition, ``[1]: https://...`` or ``[^1]: words``, is a line as it was written, and so is what refers to it.
  Blocks are printed one by one, most often before the definition has come: how they look must not depend on that;
- a formula stays as it was typed, with its delimiters;
- a table that is too wide for the console is shown as its rows, a line for each cell.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, MarkdownContext, MarkdownElement, TableBodyElement, TableDataElement, TableElement
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text, TextType

from ..controls import visible
from ..markdown.rules import CLOSING, add_rules

if TYPE_CHECKING:
    from rich.console import JustifyMethod

__all__ = ["ConsoleMarkdown"]

_TITLE = r"""(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\))"""
_DEFINITION = re.compile(rf"\[(?:\^[^\s\[\]]+\]:[^\n]*|[^\[\]\n]+\]:[ \t]*\S+(?:[ \t]+{_TITLE})?[ \t]*(?=\n|\Z))")
_LINE_END = re.compile(r"\n[ \t]*")
_WORD = 12  # cells of a word that a column of a table should hold unbroken; longer ones are folded
_BORDER = 3  # cells between two columns


class _Cell(TableDataElement):
    justify: JustifyMethod

    def on_text(self, context: MarkdownContext, text: TextType) -> None:
        """Add to the cell; rich 13.4 keeps only the last piece of it."""
        content = self.content if isinstance(self.content, Text) else Text(justify=self.justify)
        self.content = content.append(text, context.current_style if isinstance(text, str) else None)


class _Table(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.body = self.body or TableBodyElement()  # a table that has only begun; rich 13.4 insists on rows
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
                if _least_width(table, console, options) > options.max_width:
                    yield Text("\n\n").join(self._rows())
                    continue
            yield table

    def _rows(self) -> Iterator[Text]:
        """Each row as lines ``name: value``; where there is no row yet, the names."""
        names = [cell.content for cell in self.header.row.cells] if self.header and self.header.row else []
        rows = [[cell.content for cell in row.cells] for row in self.body.rows] if self.body else []
        for row in rows:
            pairs = zip(names, row, strict=True)  # the parser fills up or cuts each row
            yield Text("\n").join(Text.assemble(name, ": " if name else "", value) for name, value in pairs)
        if not rows:
            yield Text("\n").join(Text.assemble(name) for name in names)


def _least_width(table: Table, console: Console, options: ConsoleOptions) -> int:
    """The cells that ``table`` needs for its columns to be read."""
    unbound = options.update(width=10_000)  # or a measure ends at the console's width
    cells = ([column.header, *column.cells] for column in table.columns)
    words = ([Measurement.get(console, unbound, cell).minimum for cell in column] for column in cells)
    return sum(min(_WORD, max(column)) + _BORDER for column in words)


class ConsoleMarkdown(Markdown):
    """``text``, which is Markdown, to be printed by a rich console."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "table_open": _Table,
        "td_open": _Cell,
        "th_open": _Cell,
    }
    inlines = Markdown.inlines | {"link", "link_url"}  # the names of rich's styles

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = list(_shown(_parser().parse(visible(text))))


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False})
    add_rules(parser)
    parser.disable(["reference", "footnote_def", "note_mark"])
    parser.inline.ruler.before("plain_bracket", "definition", _definition)
    return parser


def _definition(state: StateInline, silent: bool) -> bool:
    """A line that defines a link or a note: it stays as it was written, on a line of its own."""
    before = state.tokens[-1] if state.tokens and not state.pending else None
    begins = state.pos == 0 or (before is not None and before.type in ("softbreak", "hardbreak"))
    match = _DEFINITION.match(state.src, state.pos, state.posMax) if begins and not silent else None
    if match is None:
        return False
    if before is not None:
        before.type = "hardbreak"
    state.push("text", "", 0).content = match.group()
    state.pos = match.end()
    line_end = _LINE_END.match(state.src, state.pos, state.posMax)
    if line_end is not None:
        state.push("hardbreak", "br", 0)
        state.pos = line_end.end()
    return True


def _shown(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens in a row, without children, and with words in place of those that rich would drop."""
    words = ""
    for token in tokens:
        if token.type == "inline":
            yield from _shown(token.children or [])
        elif token.type == "text":
            words += token.content
            yield _text(token.content)
        elif token.type == "link_open":
            words = ""
            yield Token("words_open", "link", 1)
        elif token.type == "link_close":
            yield Token("words_close", "link", -1)
            address = str(token.attrGet("href") or "")
            if words not in (address, address.removeprefix("mailto:")):
                yield from _address(address)
        elif token.type == "image":
            yield _text("[")
            yield from _shown(token.children or [_text("image")])
            yield _text("]")
            yield from _address(str(token.attrGet("src") or ""))
        elif token.tag == "math":
            yield from _formula(token)
        elif token.type == "checkbox":
            yield _text("[x] " if token.info else "[ ] ")
        else:
            yield token


def _text(words: str) -> Token:
    return Token("text", "", 0, content=visible(words))  # an entity may have stood for what a screen obeys


def _address(url: str) -> Iterator[Token]:
    yield _text(" (")
    yield Token("address", "link_url", 0, content=visible(url))
    yield _text(")")


def _formula(token: Token) -> Iterator[Token]:
    text = _text(token.markup + token.content + CLOSING.get(token.markup, token.markup))
    yield from [Token("paragraph_open", "p", 1), text, Token("paragraph_close", "p", -1)] if token.block else [text]
