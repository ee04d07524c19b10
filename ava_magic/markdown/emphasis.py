"""Where ``*`` and ``_`` are no CommonMark: in bare addresses, and beside Chinese, Japanese and Korean.

Pure.  ``https://example.org/__init__.py`` is an address, with the underscores in it; GitHub reads it so too.  And
CommonMark counts on blanks between words: by its rules ``**note:**`` with text right behind it ends no emphasis,
where that text and most others have none.  So beside such a character ``*`` opens where no blank follows it, and
closes where none precedes it; https://github.com/tats-u/markdown-cjk-friendly has the whole reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.rules_inline import StateInline, emphasis

__all__ = ["BARE_URL", "add_emphasis", "is_cjk"]

_CJK = "[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
_NO_URL = r"\s<>\"'`\\$\u00ab\u00bb\u2018-\u201f\u3001\u3002\u3008-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
_NO_END = r".,:;!?)\[\]}*_~"
# What it opens and closes itself; but "[^1]" is the mark of a footnote, and "[a](b)" a link.
_BRACKETS = rf"(?:\([^(){_NO_URL}]*\)|\{{[^{{}}{_NO_URL}]*\}}|\[(?!\^)[^\[\]{_NO_URL}]*\](?!\())"
_NO_ENTITY = r"(?!&\#?\w+;)"
BARE_URL = re.compile(
    rf"""(?:(?<![^\W_])|(?<={_CJK}))(?<![:/.@-])https?://
    (?:{_BRACKETS}|\\[_*~&\#+.-]|&amp;|(?!\*\*|~~|\[|{_BRACKETS}){_NO_ENTITY}[^{_NO_URL}])*
    (?:{_BRACKETS}|{_NO_ENTITY}[^{_NO_URL}{_NO_END}])""",
    re.VERBOSE,
)
"""An address in Markdown, without the signs behind it that belong to the text; a bracket that it opens it may close."""


def add_emphasis(parser: MarkdownIt, is_safe: Callable[[str], bool]) -> None:
    """Teach ``parser`` both; an address is a link where it ``is_safe``."""

    def bare_url(state: StateInline, silent: bool) -> bool:
        if silent or state.src[state.pos] != ":":  # most calls end here
            return False
        scheme = next(filter(state.pending.endswith, ("https", "http")), "")
        match = BARE_URL.match(state.src, state.pos - len(scheme), state.posMax) if scheme else None
        if match is None:
            return False
        state.pending = state.pending[: -len(scheme)]
        address = unescapeAll(match.group())
        if state.linkLevel or not is_safe(address):
            state.pending += address
        else:
            state.push("link_open", "a", 1).attrs = {"href": address}
            state.tokens[-1].markup = "autolink"
            state.push("text", "", 0).content = address
            state.push("link_close", "a", -1).markup = "autolink"
        state.pos = match.end()
        return True

    parser.inline.ruler.push("bare_url", bare_url)
    parser.inline.ruler.at("emphasis", _emphasis)


def is_cjk(character: str) -> bool:
    """Whether it is one of those that are written without blanks between words, or of their punctuation."""
    return re.match(_CJK, character) is not None


def _emphasis(state: StateInline, silent: bool) -> bool:
    begin, known = state.pos, len(state.delimiters)
    if state.src[begin] not in "*_" or not emphasis.tokenize(state, silent):
        return False
    before, after = state.src[begin - 1 : begin], state.src[state.pos : state.pos + 1]
    if state.src[begin] == "*" and (is_cjk(before) or is_cjk(after)):
        for sign in state.delimiters[known:]:
            sign.open = sign.open or bool(after.strip())
            sign.close = sign.close or bool(before.strip())
    return True
