"""Markdown that a stranger wrote, rendered to HTML in which nothing runs and nothing is fetched.

JupyterLab runs script that it finds in the HTML of a live session, so nothing of a reply is passed through:

- raw HTML is text; the only tags are those written here, and no attribute of them is the reply's but a link's target;
- a link leads to ``http``, ``https`` or ``mailto``, and the host that it leads to is readable beside it;
- an image is a link, since loading it would carry data out;
- mathematics is left between its delimiters for the front end to typeset, unless ``formulas`` finds that it would do
  more than show itself; everywhere else ``$`` and ``\\`` are kept from being taken for a delimiter;
- what is nested deeper than anybody reads is shown as it was written.

The work is linear in the text: markdown-it's is, and so is what is added here.
"""

from __future__ import annotations

import functools
import logging
import re
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from ..controls import visible
from .formulas import does_more_than_show
from .rules import CLOSING, add_rules

__all__ = ["CODE_FONT", "as_it_is", "plain", "to_html"]

CODE_FONT = "font-family: var(--jp-code-font-family, monospace)"
"""JupyterLab's font for code, by name: Voilà gives ``<pre>`` none."""

_log = logging.getLogger(__name__)
_HIGHLIGHT_LIMIT = 100_000  # characters of code above which colours are not worth their time
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")


def to_html(text: str, *, continues: bool = False) -> str:
    """``text``, which is Markdown, as HTML.  ``continues``: its last block goes on in what is rendered next."""
    source = visible(text)
    # Footnotes link to each other by id: the prefix keeps those of two replies in one page apart.
    env = {"docId": f"{zlib.crc32(source.encode()):08x}", "continues": continues}
    try:
        html: str = _parser().render(source, env)
    except Exception:  # whatever a text may do to a parser, its words are shown
        _log.exception("a text could not be rendered")
        return f"<pre>{escape(source)}</pre>\n"
    return html


def plain(text: str) -> str:
    """``text`` as HTML that shows it as it is: no tag, no mathematics, no control character."""
    return _keep_from_typesetting(escape(visible(text)))


def as_it_is(text: str) -> str:
    """A text of many lines as HTML that shows it as it is."""
    return f'<p style="white-space: pre-wrap">{plain(text)}</p>\n'


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
    add_rules(parser)
    for kind in ("math_inline", "math_inline_double", "math_block", "bracket_math", "bracket_block"):
        parser.add_render_rule(kind, _Renderer.formula)
    return parser


class _Renderer(RendererHTML):
    """The HTML of each kind of token that a reply could use against its reader."""

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _keep_from_typesetting(escape(tokens[idx].content))

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _link(str(tokens[idx].attrGet("href") or ""))

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        return _end_link(str(token.attrGet("href") or ""), tells_its_target=token.markup == "autolink")

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        words = self.renderInlineAsText(token.children or [], options, env) or "image"
        if token.meta["in_link"]:
            return _keep_from_typesetting(escape(words))
        url = str(token.attrGet("src") or "")
        return f"{_link(url)}[{_keep_from_typesetting(escape(words))}]{_end_link(url)}"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        words = tokens[idx].info.split()
        goes_on = env["continues"] and idx == len(tokens) - 1
        return _code(tokens[idx].content, words[0] if words else "", goes_on=goes_on)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[idx].content, "")

    def checkbox(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<input type="checkbox" disabled{tokens[idx].info}> '

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<li style="list-style-type: none">' if tokens[idx].meta.get("task") else "<li>"

    def note_mark(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """The label of a footnote, which leads from its mark to its words and back; the names are our own."""
        mark = tokens[idx].meta
        label = f"[{_keep_from_typesetting(escape(mark['label']))}]"
        if mark["number"] is None:
            return f"<sup>{label}</sup>"
        name = f"{env['docId']}-{mark['number']}"
        here, there = ("fn", "fnref") if mark["is_note"] else ("fnref", "fn")
        own = f' id="{here}-{name}"' if mark["first"] else ""
        return f'<sup><a href="#{there}-{name}"{own}>{label}</a></sup>'

    def footnote_reference_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "<div>"

    def footnote_reference_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</div>\n"

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div style="overflow-x: auto"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A cell on the side that the reply wants, else on the left: JupyterLab has those of an output on the right."""
        token = tokens[idx]
        return f'<{token.tag} style="{token.attrGet("style") or "text-align:left"}">'

    td_open = th_open

    def formula(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A formula between its delimiters, for the front end to typeset, or as text if it could do more than that."""
        token = tokens[idx]
        token.content = _LABEL.sub("", token.content)  # the front end would give the formula an id of that name
        closing = CLOSING.get(token.markup, token.markup)
        source = escape(token.markup + token.content + closing)
        if does_more_than_show(token.content) or "\\label" in token.content:
            return f"<code>{source}</code>"
        return f"<p>{source}</p>\n" if token.block else f"<span>{source}</span>"


def _link(url: str) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">' if url else ""


def _end_link(url: str, *, tells_its_target: bool = False) -> str:
    """The end of a link, and beside it where it leads: its words may claim something else."""
    if not url:
        return ""
    parts = urlsplit(url)
    if tells_its_target and "@" not in parts.netloc:  # before an "@" may stand the name of another host
        return "</a>"
    return f"</a> <small>({plain(parts.path if parts.scheme == 'mailto' else parts.hostname or '')})</small>"


def _keep_from_typesetting(html: str) -> str:
    """JupyterLab typesets what stands between delimiters in one text node: here no node holds a whole one."""
    if "$" not in html and "\\" not in html:
        return html
    return html.replace("\\", "<span>\\</span>").replace("$", "<span>$</span>")


def _code(code: str, language: str, *, goes_on: bool = False) -> str:
    # JupyterLab wraps the long lines of an output, and leaves no gap below code: both make it hard to read.
    style = f"{CODE_FONT}; white-space: pre; overflow-x: auto"
    if not goes_on:
        style += "; margin-bottom: 1em"
    if "\n" not in code.rstrip("\n"):
        style += "; user-select: all"  # a single command is copied whole, so one click marks it
    first = "<span></span>" if code.startswith("\n") else ""  # or a page drops the line end right behind the tag
    return f'<div class="highlight"><pre style="{style}">{first}{_highlight(code, language)}</pre></div>\n'


def _highlight(code: str, language: str) -> str:
    """``code`` as escaped HTML with Pygments' short class names, which front ends style to their own theme."""
    if not language or len(code) > _HIGHLIGHT_LIMIT:
        return escape(code)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return escape(code)
    coloured: Any = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return str(coloured)
