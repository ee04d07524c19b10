"""Control characters are shown, not obeyed.

A terminal obeys escape sequences and a browser obeys bidirectional overrides; both can make a reply look like
something that it is not (``Trojan Source``, CVE-2021-42574).  Only newline and tab survive here; every other control
character becomes a visible stand-in.
"""

from __future__ import annotations

import re

__all__ = ["OBEYED", "counted", "one_line", "visible"]

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
OBEYED = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_BIDI}\ud800-\udfff\ufff9-\ufffb]")
"""A character that a screen would obey, or that is no text at all."""


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)  # the block "Control Pictures"
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"\u27e8U+{code:04X}\u27e9"


def visible(text: str) -> str:
    """``text`` with every character that a screen would obey replaced by one that it shows.  CRLF and CR become LF."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return OBEYED.sub(_stand_in, text)


def one_line(text: str, limit: int = 300) -> str:
    """``text`` as a single visible line of at most ``limit`` characters."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def counted(number: int, noun: str) -> str:
    """``number`` with its noun: ``1 turn``, ``1,000 turns``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
