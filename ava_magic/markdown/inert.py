"""Markdown as inert as the HTML: for front ends that render it by themselves, and for exports.

They trust it: JupyterLab passes raw HTML in the Markdown of a live session through, follows ``javascript:`` links in it
and draws ``mermaid``.  And each reads Markdown a little differently, so nothing here depends on guessing where a front
end sees code: what it would obey is taken apart wherever it stands.  Only the way of doing so depends on a guess: the
text looks right where the guess is right, and is harmless where it is wrong.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from markdown_it.token import Token

from ..controls import visible
from .blocks import block_parser, fence_around
from .formulas import does_more_than_show

__all__ = ["inert_markdown", "inert_source"]

_log = logging.getLogger(__name__)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LESS_THAN = re.compile(r"(?<!\\)((?:\\\\)*)\\?<")  # with the backslash before it, which would be shown before "&lt;"
_LINK = re.compile(r"\]\((?!(?:https?://|mailto:)[\w.~:/?#@&=+,;%-]+\))|\](?=:)")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_FENCE = re.compile(r"(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,20}")
_SPLIT = "\u200c"  # a zero-width non-joiner behind "<": it looks the same, and no tag can begin

# Languages that some front end draws or runs in place of showing them.
_DRAWN = frozenset(
    ["mermaid", "vega", "vega-lite", "html", "svg", "latex", "math", "geojson", "topojson", "stl", "plotly", "jsx"]
)


def inert_markdown(text: str) -> str:
    """``text`` as Markdown with no raw HTML, no image, no link but to the web, and no code that a front end draws."""
    source = visible(text)
    try:
        return _inert(source)
    except Exception:  # whatever a text may do to a parser, its words are shown
        _log.exception("a text could not be taken apart")
        return inert_source(source)


def inert_source(text: str) -> str:
    """``text`` as Markdown that shows it as it is written, however long it is: nothing in it is looked at."""
    return "\n".join(_in_fence(visible(text), "text"))


def _inert(source: str) -> str:
    lines = source.split("\n")
    out: list[str] = []
    position = 0
    for token, (start, end) in _code_blocks(source):
        out.extend(map(_inert_line, lines[position:start]))
        if token.level == 0:
            out.extend(_fenced(token))
        else:
            out.extend(map(_inert_code, lines[start:end]))
        position = end
    out.extend(map(_inert_line, lines[position:]))
    return "\n".join(out)


def _code_blocks(source: str) -> Iterator[tuple[Token, tuple[int, int]]]:
    for token in block_parser().parse(source):
        if token.type in ("fence", "code_block") and token.map is not None:
            yield token, (token.map[0], token.map[1])


def _fenced(token: Token) -> list[str]:
    """A code block of the top level, in a fence of its own that nothing in it can close."""
    return _in_fence(token.content, _language(token.info))


def _in_fence(code: str, language: str) -> list[str]:
    fence = fence_around(code)
    return [fence + language, *code.removesuffix("\n").split("\n"), fence]


def _language(info: str) -> str:
    """The language of a fence, if it is one that is only shown; else ``text``."""
    words = info.split()
    if not words:
        return ""
    return words[0] if _LANGUAGE.fullmatch(words[0]) and words[0].lower() not in _DRAWN else "text"


def _inert_code(line: str) -> str:
    line = _FENCE.sub(lambda match: match["fence"] + _language(match["info"]), line)
    return _TAG.sub("<" + _SPLIT, line)


def _inert_line(line: str) -> str:
    """A line of text in which no tag, image, link target or fence can begin."""
    parts: list[str] = []
    position = 0
    for span in _CODE_SPAN.finditer(line):
        parts += [_inert_words(line[position : span.start()]), _TAG.sub("<" + _SPLIT, _inert_text(span.group()))]
        position = span.end()
    return "".join([*parts, _inert_words(line[position:])])


def _inert_words(text: str) -> str:
    return _inert_text(_LESS_THAN.sub(r"\1&lt;", text))


def _inert_text(text: str) -> str:
    text = text.replace("![", "!\\[")
    if does_more_than_show(text):
        text = text.replace("\\", "\\" + _SPLIT)
    text = _LINK.sub(lambda match: match.group()[0] + "\\" + match.group()[1:], text)
    return re.sub(r"`{3,}|~{3,}", lambda match: "\\" + "\\".join(match.group()), text)
