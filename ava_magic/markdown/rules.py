"""What is added to CommonMark: the rules of markdown-it that a stranger's text needs, and that notebooks are used to.

Pure.  They add mathematics in all its delimiters, task lists and links from bare addresses; they bound nesting, and
they let no words be lost.  Each does work in proportion to the text.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from .emphasis import add_emphasis
from .footnotes import MARK, add_footnotes

__all__ = ["CLOSING", "DEEPEST", "DOLLARS", "HALF_DOLLARS", "add_display_math", "add_rules"]

# At DEBUG markdown-it tells of every rule that it tries: half a megabyte below a reply, where somebody who looks for
# something else has set the root logger to that.  A level of the user's own stays.
_parsers_log = logging.getLogger("markdown_it")
if _parsers_log.level == logging.NOTSET:
    _parsers_log.setLevel(logging.INFO)

CLOSING = {"\\(": "\\)", "\\[": "\\]"}
"""The end of a formula by its beginning, where they differ."""

# A single "$" is a price, a shell's or R's far more often than a formula where a word touches it from outside, where
# code begins in between, or where a sum and words follow.  Only Latin words count: Chinese is written without spaces.
_TEX = r"[^$`\\]*(?:\\.[^$`\\]*)*"
_TWO_SIGNS_TEX = r"[^$`\\]*(?:(?:\\.|\$(?!\$))[^$`\\]*)*"
_OPENS = r"(?<![A-Za-z_\d])\$(?=[^\s$])"
_OPENS_TWO = r"(?<!\d)\$\$(?!\$)"
_PRICE = r"\d[\d.,]*\s(?=[^$]*(?:[A-Za-z]{2}|[^\x00-\x7f]))[^-\\^_=+*/<>{}$]*\$"
_CLOSES = r"(?<!\s)\$(?!(?!(?:st|nd|rd|th|s)\b)[A-Za-z_\d])"

DOLLARS = re.compile(
    rf"{_OPENS}(?!{_PRICE})(?P<one>`[^`$]+`|{_TEX}){_CLOSES}|{_OPENS_TWO}(?P<two>{_TWO_SIGNS_TEX})\$\$(?!\d)", re.DOTALL
)
"""A formula between one or two dollar signs in a line of text, with what stands between them."""

HALF_DOLLARS = re.compile(rf"(?:{_OPENS}(?!\d)(?:`[^`$]*`?|{_TEX})|{_OPENS_TWO}{_TWO_SIGNS_TEX}\$?)\\?\Z", re.DOTALL)
"""The beginning of a formula of which the end may still come."""

DEEPEST = 24
"""Levels of nesting above which a block, or a line of text, is shown as it was written."""

_MANY_OPEN = re.compile(rf"(?:\[[^\[\]`\\]{{0,40}}){{{DEEPEST + 1}}}")
_OPEN_RUN = re.compile(r"(?:!?\[(?!\^))*")


def add_rules(parser: MarkdownIt) -> None:
    """Teach ``parser`` all of them."""
    parser.options["maxNesting"] = 4 * DEEPEST
    parser.enable(["table", "strikethrough"])
    add_display_math(parser)
    add_footnotes(parser)
    add_emphasis(parser, _is_safe_link)
    parser.inline.ruler.before("escape", "bracket_math", _bracket_math)
    parser.inline.ruler.at("math_inline", _dollar_math)
    parser.inline.ruler.before("link", "plain_bracket", _plain_bracket)
    parser.core.ruler.after("block", "shallow_blocks", _shallow_blocks)
    parser.core.ruler.after("inline", "finish_inline", _finish_inline)
    parser.validateLink = _is_safe_link  # type: ignore[method-assign]  # markdown-it documents it


def _is_safe_link(url: str) -> bool:
    """Whether a link may lead there: to the web, or to somebody's mail."""
    try:
        parts = urlsplit(url)
        return (parts.scheme in ("http", "https") and bool(parts.hostname)) or parts.scheme == "mailto"
    except ValueError:
        return False


def add_display_math(parser: MarkdownIt) -> None:
    r"""Teach ``parser`` the blocks ``$$...$$`` and ``\[...\]``."""
    parser.use(dollarmath_plugin, allow_labels=False)
    parser.block.ruler.before("fence", "bracket_block", _bracket_block, {"alt": ["paragraph"]})


def _bracket_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("\\[", begin) or state.is_code_block(start):
        return False
    for line in range(start, end):
        stop = state.eMarks[line]
        text = state.src[begin if line == start else state.bMarks[line] : stop].rstrip()
        if line > start and (not text.strip() or state.sCount[line] < state.blkIndent):
            return False  # a formula ends with its paragraph
        if text.endswith("\\]"):
            if not silent:
                token = state.push("bracket_block", "math", 0)
                token.block = True
                token.markup = "\\["
                token.content = state.getLines(start, line + 1, state.blkIndent, False).strip()[2:-2]
                token.map = [start, line + 1]
                state.line = line + 1
            return True
    return False


def _bracket_math(state: StateInline, silent: bool) -> bool:
    r"""The delimiters ``\(...\)`` and ``\[...\]``, which Markdown alone takes for escaped brackets."""
    opening = state.src[state.pos : state.pos + 2]
    closing = CLOSING.get(opening)
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


def _dollar_math(state: StateInline, silent: bool) -> bool:
    match = DOLLARS.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "$" else None
    if match is None:
        return False
    if not silent:
        token = state.push("math_inline" if match["two"] is None else "math_inline_double", "math", 0)
        token.markup = "$" if match["two"] is None else "$$"
        token.content = match["one"] or match["two"]
    state.pos = match.end()
    return True


def _plain_bracket(state: StateInline, silent: bool) -> bool:
    """Take ``[`` and ``![`` for text where no link can begin: the parser would try each far into the text."""
    source = state.src
    bracket = state.pos + (source[state.pos] == "!")
    if not source.startswith("[", bracket) or MARK.match(source, bracket):
        return False
    end = state.pos + 1
    if _MANY_OPEN.match(source, bracket) and (run := _OPEN_RUN.match(source, state.pos, state.posMax)):
        end = max(end, run.end())  # the run may be empty
    elif bracket <= _last_end_of_a_link(state):
        return False
    if not silent:
        state.pending += source[state.pos : end]
    state.pos = end
    return True


def _last_end_of_a_link(state: StateInline) -> int:
    """Where the last ``]`` stands that may end the words of a link; -1 if none does."""
    ends: dict[str, int] = state.env.setdefault("ends_of_links", {})
    if state.src not in ends:
        ends[state.src] = state.src.rfind("]" if state.env.get("references") else "](")
    return ends[state.src]


def _shallow_blocks(state: StateCore) -> None:
    """Replace each top-level block that is nested too deep by its own lines: the parser would lose what is in it."""
    lines: list[str] | None = None
    out: list[Token] = []
    start = 0
    for index, token in enumerate(state.tokens):
        if token.level == 0 and token.nesting <= 0:
            block = state.tokens[start : index + 1]
            start = index + 1
            if max(inner.level for inner in block) > DEEPEST and block[0].map is not None:
                lines = state.src.split("\n") if lines is None else lines
                first, last = block[0].map
                block = [Token("code_block", "code", 0, content="\n".join(lines[first:last]) + "\n")]
            out += block
    state.tokens = out


def _finish_inline(state: StateCore) -> None:
    """Task lists, what links tell, and a bound on nesting, in one walk over the inline tokens."""
    for index, token in enumerate(state.tokens):
        if token.type != "inline" or not token.children:
            continue
        if max(child.level for child in token.children) > DEEPEST:
            token.children = [Token("text", "", 0, content=token.content)]
        _tell_of_links(token.children)
        if index > 1 and state.tokens[index - 2].type == "list_item_open" and token.content[:4] in _TASKS:
            _make_task(state.tokens[index - 2], token.children)


_TASKS = {"[ ] ": "", "[x] ": " checked", "[X] ": " checked"}


def _make_task(item: Token, children: list[Token]) -> None:
    first = children[0]
    if first.type == "text" and first.content[:4] in _TASKS:
        item.meta["task"] = True
        children.insert(0, Token("checkbox", "input", 0, info=_TASKS[first.content[:4]]))
        first.content = first.content[4:]


def _tell_of_links(children: list[Token]) -> None:
    """Tell the end of each link where it leads, and an image whether it is in one."""
    link: Token | None = None
    for child in children:
        if child.type == "link_open":
            link = child
        elif child.type == "link_close" and link is not None:
            child.attrs = link.attrs
            link = None
        elif child.type == "image":
            child.meta["in_link"] = link is not None
