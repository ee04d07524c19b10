"""Markdown that a stranger wrote, made safe: to HTML, and to Markdown that is as inert as the HTML.

JupyterLab runs script that it finds in the Markdown and HTML of a live session.  So nothing of a reply is passed
through: raw HTML is text, links lead to ``http``, ``https`` and ``mailto`` only, and an image is a link, since loading
it would carry data out.  No attribute that the reply chose is written, except the target of such a link.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from .controls import visible

__all__ = ["Blocks", "inert_markdown", "to_html"]

_HIGHLIGHT_LIMIT = 100_000  # characters of code above which colours are not worth their time
_FENCE = re.compile(r"[`~]{3,}")


def to_html(text: str) -> str:
    """``text``, which is Markdown, as HTML in which nothing runs and nothing is fetched."""
    html: str = _parser().render(visible(text))
    return html


def inert_markdown(text: str) -> str:
    """``text`` as Markdown with no raw HTML, no image, and no code block that a front end would draw or run."""
    source = visible(text)
    lines = source.split("\n")
    out: list[str] = []
    position = 0
    for token in _block_parser().parse(source):
        if token.level or token.nesting < 0 or token.map is None:
            continue
        start, end = token.map
        out.extend(map(_inert_line, lines[position:start]))
        if token.type in ("fence", "code_block"):
            out.extend(_inert_fence(token))
        else:
            out.extend(map(_inert_line, lines[start:end]))
        position = end
    out.extend(map(_inert_line, lines[position:]))
    return "\n".join(out)


class Blocks:
    """An incremental parser: :meth:`feed` it text in any cut; it tells which top-level blocks can no longer change.

    ``tail`` is the text of the block that may still grow.
    """

    def __init__(self) -> None:
        self.tail = ""

    def feed(self, text: str) -> str:
        """Take more text; return the text of the blocks that it settles, ``""`` if it settles none.

        A block is settled when a later one has begun.  For that a line counts when it is whole, since the next
        character can turn ``#`` from a heading into a word; an unfinished line counts only where whatever it becomes
        must be a new block.
        """
        begun = bool(self.tail) and not self.tail.endswith("\n")
        self.tail += text
        if begun and "\n" not in text:
            return ""
        whole, newline, unfinished = self.tail.rpartition("\n")
        lines = [*whole.split("\n"), unfinished] if newline else [unfinished]
        blocks = [
            token
            for token in _block_parser().parse(whole + newline)
            if token.map is not None and token.level == 0 and token.nesting >= 0
        ]
        starts = [token.map[0] for token in blocks if token.map is not None]
        if blocks and unfinished.strip() and _is_closed(blocks[-1], len(lines) - 1):
            starts.append(len(lines) - 1)
        if len(starts) < 2:
            return ""
        self.tail = "\n".join(lines[starts[-1] :])
        return "\n".join(lines[: starts[-1]]) + "\n"

    def finish(self) -> str:
        """The end has come: return the rest."""
        rest, self.tail = self.tail, ""
        return rest


def _is_closed(block: Token, lines: int) -> bool:
    """Whether the last block of ``lines`` whole lines is over, so that any next line begins another one."""
    can_go_on_after_a_blank_line = block.type in ("bullet_list_open", "ordered_list_open", "code_block")
    return block.map is not None and block.map[1] < lines and not can_go_on_after_a_blank_line


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    parser.use(tasklists_plugin)
    parser.use(footnote_plugin)
    parser.add_render_rule("math_inline", _math("<span>$", "$</span>"))
    parser.add_render_rule("math_inline_double", _math("<span>$$", "$$</span>"))
    parser.add_render_rule("math_block", _math("<p>$$", "$$</p>\n"))
    parser.add_render_rule("math_block_label", _math("<p>$$", "$$</p>\n"))
    parser.validateLink = _is_safe_link  # type: ignore[method-assign]
    return parser


@functools.cache
def _block_parser() -> MarkdownIt:
    """Finds blocks, and leaves what is in them alone."""
    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable("table")
    parser.use(dollarmath_plugin)
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _is_safe_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (parts.scheme in ("http", "https") and bool(parts.netloc)) or parts.scheme == "mailto"


class _Renderer(RendererHTML):
    """The HTML of each kind of token that a reply could use against its reader."""

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _protect_dollars(escapeHtml(tokens[idx].content))

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        href = str(tokens[idx].attrGet("href") or "")
        if href.startswith("#"):  # a footnote of this same reply
            return f'<a href="{escapeHtml(href)}">'
        return _link(href)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        words = self.renderInlineAsText(token.children or [], options, env) or "image"
        return f"{_link(str(token.attrGet('src') or ''))}[{_protect_dollars(escapeHtml(words))}]</a>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        return _code(token.content, token.info.split()[0] if token.info.split() else "")

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[idx].content, "")


def _math(opening: str, closing: str) -> Any:
    """A render rule that leaves a formula, between its delimiters, for the front end to typeset."""

    def render(self: _Renderer, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return opening + escapeHtml(tokens[idx].content) + closing

    return render


def _link(url: str) -> str:
    return f'<a href="{escapeHtml(url)}" target="_blank" rel="noopener noreferrer">'


def _protect_dollars(html: str) -> str:
    """JupyterLab typesets what stands between two dollar signs of one text node: here no node has two."""
    return html.replace("$", "<span>$</span>")


def _code(code: str, language: str) -> str:
    return f'<div class="highlight"><pre>{_highlight(code, language)}</pre></div>\n'


def _highlight(code: str, language: str) -> str:
    """``code`` as escaped HTML with Pygments' short class names, which front ends style to their own theme."""
    if not language or len(code) > _HIGHLIGHT_LIMIT:
        return escapeHtml(code)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return escapeHtml(code)
    coloured: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return coloured


def _inert_line(line: str) -> str:
    """A line of Markdown in which no tag, image or fence can begin."""
    line = line.replace("<", "&lt;").replace("![", "!\\[")
    return _FENCE.sub(lambda match: "\\" + "\\".join(match.group()), line)


def _inert_fence(token: Token) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", token.content)), default=0)
    fence = "`" * max(3, longest + 1)
    language = token.info.split()[0] if token.info.split() else ""
    if not re.fullmatch(r"[A-Za-z0-9+#-]{1,20}", language) or language.lower() in _DRAWN:
        language = "text"
    return [f"{fence}{language}", *token.content.removesuffix("\n").split("\n"), fence]


# Languages that some front end draws or runs in place of showing them.
_DRAWN = frozenset(
    {"mermaid", "vega", "vega-lite", "html", "svg", "latex", "math", "geojson", "topojson", "stl", "plotly"}
)
