"""Markdown that a stranger wrote, rendered to HTML in which nothing runs and nothing is fetched.

JupyterLab runs script that it finds in the HTML of a live session, so nothing of a reply is passed through:

- raw HTML is text; the only tags are those written here, and no attribute of them is the reply's but a link's target;
- a link leads to ``http``, ``https`` or ``mailto``, and the host that it leads to is readable beside it;
- an image is a link, since loading it would carry data out;
- mathematics is left between its delimiters for the front end to typeset, unless it holds a command that can load, link
  or name an element; everywhere else ``$`` and ``\\`` are kept from being taken for a delimiter;
- what is nested deeper than anybody reads is shown as it was written.

The work is linear in the text: markdown-it's is, and so is what is added here.
"""

from __future__ import annotations

import functools
import logging
import re
import zlib
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.footnote import footnote_plugin

from .blocks import add_display_math
from .controls import visible

__all__ = ["loads_or_links", "plain", "to_html"]

_log = logging.getLogger(__name__)
_DEEPEST = 24  # levels of nesting above which a block, or a line of text, is shown as it was written
_HIGHLIGHT_LIMIT = 100_000  # characters of code above which colours are not worth their time
_URL = re.compile(r"(?<![\w:/.@-])https?://[^\s<>\"'`\\$]*[^\s<>\"'`\\$.,:;!?)\]}*_]")
_CLOSING = {"\\(": "\\)", "\\[": "\\]"}
_TEX = re.compile(
    r"\\(?:href|url|includegraphics|class|cssId|style|html\w*|data|require|def|gdef|edef|let|(?:re|provide)?newcommand"
    r"|newenvironment|unicode|bbox|mmlToken|texttip|tooltip|toggle|action)(?![A-Za-z])"
)


def to_html(text: str) -> str:
    """``text``, which is Markdown, as HTML."""
    source = visible(text)
    # Footnotes link to each other by id: the prefix keeps those of two replies in one page apart.
    try:
        html: str = _parser().render(source, {"docId": f"{zlib.crc32(source.encode()):08x}"})
    except Exception:  # whatever a text may do to a parser, its words are shown
        _log.exception("a text could not be rendered")
        return f"<pre>{escape(source)}</pre>\n"
    return html


def plain(text: str) -> str:
    """``text`` as HTML that shows it as it is: no tag, no mathematics, no control character."""
    return _keep_from_typesetting(escape(visible(text)))


def loads_or_links(tex: str) -> bool:
    """Whether a formula holds a TeX command that can load, link, name an element or define another command."""
    return _TEX.search(tex) is not None


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 4 * _DEEPEST}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    add_display_math(parser)
    parser.use(footnote_plugin)
    parser.inline.ruler.before("escape", "bracket_math", _bracket_math)
    parser.core.ruler.after("block", "shallow_blocks", _shallow_blocks)
    parser.core.ruler.after("inline", "finish_inline", _finish_inline)
    parser.core.ruler.before("footnote_tail", "idle_footnotes", _show_idle_footnotes)
    for kind in ("math_inline", "math_inline_double", "math_block", "bracket_math", "bracket_block"):
        parser.add_render_rule(kind, _Renderer.formula)
    parser.validateLink = _is_safe_link  # type: ignore[method-assign]
    return parser


def _is_safe_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (parts.scheme in ("http", "https") and bool(parts.hostname)) or parts.scheme == "mailto"
    except ValueError:
        return False


def _bracket_math(state: StateInline, silent: bool) -> bool:
    r"""The delimiters ``\(...\)`` and ``\[...\]``, which Markdown alone takes for escaped brackets."""
    opening = state.src[state.pos : state.pos + 2]
    closing = _CLOSING.get(opening)
    if closing is None or (closing, state.src) in state.env.setdefault("unclosed", set()):
        return False
    end = state.src.find(closing, state.pos + 2, state.posMax)
    if end < 0:
        state.env["unclosed"].add((closing, state.src))  # or each opening would look for it again
    if end <= state.pos + 2:
        return False
    if not silent:
        token = state.push("bracket_math", "math", 0)
        token.markup = opening
        token.content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def _shallow_blocks(state: StateCore) -> None:
    """Replace each top-level block that is nested too deep by its own lines: the parser would lose what is in it."""
    lines: list[str] | None = None
    out: list[Token] = []
    start = 0
    for index, token in enumerate(state.tokens):
        if token.level == 0 and token.nesting <= 0:
            block = state.tokens[start : index + 1]
            start = index + 1
            if max(inner.level for inner in block) > _DEEPEST and block[0].map is not None:
                lines = state.src.split("\n") if lines is None else lines
                first, last = block[0].map
                block = [Token("code_block", "code", 0, content="\n".join(lines[first:last]) + "\n")]
            out += block
    state.tokens = out


def _show_idle_footnotes(state: StateCore) -> None:
    """Turn a footnote that nothing refers to into plain paragraphs: the plugin would drop its words."""
    referred = state.env.get("footnotes", {}).get("refs", {})
    out: list[Token] = []
    idle: list[str] = []  # the labels of the footnotes around the token; "" for one that is left as it is
    unsaid = ""
    for token in state.tokens:
        if token.type == "footnote_reference_open":
            label = token.meta["label"]
            unsaid = label if referred.get(f":{label}", -1) < 0 else ""
            idle.append(unsaid)
            if unsaid:
                continue
        elif token.type == "footnote_reference_close" and idle.pop():
            continue
        elif token.type == "inline" and unsaid:
            token.children = [Token("text", "", 0, content=f"[^{unsaid}]: "), *(token.children or [])]
            unsaid = ""
        out.append(token)
    state.tokens = out


def _finish_inline(state: StateCore) -> None:
    """Task lists, bare links, and a bound on nesting, in one walk over the inline tokens."""
    for index, token in enumerate(state.tokens):
        if token.type != "inline" or not token.children:
            continue
        if max(child.level for child in token.children) > _DEEPEST:
            token.children = [Token("text", "", 0, content=token.content)]
        token.children = _link_bare_urls(token.children)
        if index > 1 and state.tokens[index - 2].type == "list_item_open" and token.content[:4] in _TASKS:
            _make_task(state.tokens[index - 2], token.children)


_TASKS = {"[ ] ": "", "[x] ": " checked", "[X] ": " checked"}


def _make_task(item: Token, children: list[Token]) -> None:
    first = children[0]
    if first.type == "text" and first.content[:4] in _TASKS:
        item.meta["task"] = True
        children.insert(0, Token("checkbox", "input", 0, info=_TASKS[first.content[:4]]))
        first.content = first.content[4:]


def _link_bare_urls(children: list[Token]) -> list[Token]:
    """Make links of bare addresses, and let the end of each link know where it leads."""
    out: list[Token] = []
    link: Token | None = None
    for child in children:
        if child.type == "link_open":
            link = child
        elif child.type == "link_close" and link is not None:
            child.attrs = link.attrs
            link = None
        if child.type == "text" and link is None and "://" in child.content:
            out += _split_at_urls(child.content)
        else:
            out.append(child)
    return out


def _split_at_urls(text: str) -> Iterator[Token]:
    position = 0
    for match in _URL.finditer(text):
        if _is_safe_link(match.group()):
            yield Token("text", "", 0, content=text[position : match.start()])
            yield Token("link_open", "a", 1, attrs={"href": match.group()}, markup="autolink")
            yield Token("text", "", 0, content=match.group())
            yield Token("link_close", "a", -1, attrs={"href": match.group()}, markup="autolink")
            position = match.end()
    yield Token("text", "", 0, content=text[position:])


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
        url = str(token.attrGet("src") or "")
        return f"{_link(url)}[{_keep_from_typesetting(escape(words))}]{_end_link(url)}"

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"<code>{escape(tokens[idx].content)}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        words = tokens[idx].info.split()
        return _code(tokens[idx].content, words[0] if words else "")

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[idx].content, "")

    def checkbox(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<input type="checkbox" disabled{tokens[idx].info}> '

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<li style="list-style-type: none">' if tokens[idx].meta.get("task") else "<li>"

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div style="overflow-x: auto"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def formula(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A formula between its delimiters, for the front end to typeset, or as text if it could do more than that."""
        token = tokens[idx]
        opening = token.markup or "$"
        closing = _CLOSING.get(opening, opening)
        source = escape(opening + token.content + closing)
        if loads_or_links(token.content):
            return f"<code>{source}</code>"
        return f"<p>{source}</p>\n" if token.block else f"<span>{source}</span>"


def _link(url: str) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">' if url else ""


def _end_link(url: str, *, tells_its_target: bool = False) -> str:
    """The end of a link, and beside it where it leads: its words may claim something else."""
    if not url or tells_its_target:
        return "</a>" if url else ""
    parts = urlsplit(url)
    return f"</a> <small>({plain(parts.path if parts.scheme == 'mailto' else parts.hostname or '')})</small>"


def _keep_from_typesetting(html: str) -> str:
    """JupyterLab typesets what stands between delimiters in one text node: here no node holds a whole one."""
    if "$" not in html and "\\" not in html:
        return html
    return html.replace("\\", "<span>\\</span>").replace("$", "<span>$</span>")


def _code(code: str, language: str) -> str:
    return f'<div class="highlight"><pre>{_highlight(code, language)}</pre></div>\n'


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
