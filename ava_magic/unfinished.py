"""What an unfinished piece of Markdown is shown as while the rest is on its way.

Pure.  ``**bol`` is shown bold at once, not as two stars that vanish later; a table is one from its first row; half a
link shows its words.  Only what is painted is mended, never the reply.
"""

from __future__ import annotations

import re

__all__ = ["mend"]

_HALF_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*$")
_HALF_WORDS = re.compile(r"!?\[([^\[\]\n]*)$")
_HEADER_ROW = re.compile(r" {0,3}\|[^\n]*")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-*[-:| \t]*")
_MARKS = re.compile(r"(?P<code>`+)|(?P<skip>\\.)|(?P<mark>\*{1,3}|~~|(?<!\w)_{1,2}|_{1,2}(?!\w))")


def mend(tail: str) -> str:
    """``tail``, the last block of a text that goes on, as Markdown that is whole."""
    if re.match(r" {0,3}(```|~~~)", tail):
        return tail  # an open fence runs to the end as it is
    if _HEADER_ROW.match(tail):
        return _mend_table(tail)
    start = tail.rfind("\n") + 1
    if tail[start:].strip() in ("", "-", "*", "+", "=", "==", "--", "#", "##", "###", ">", "|", "$", "$$"):
        return tail[:start] + _mend_line("")  # it may become anything; it comes with what follows it
    paragraph = tail.rfind("\n\n") + 2 if "\n\n" in tail else 0
    return tail[:paragraph] + _mend_line(tail[paragraph:])


def _mend_table(tail: str) -> str:
    header, _, rest = tail.partition("\n")
    delimiters, has_rows, _ = rest.partition("\n")
    if has_rows or not _DELIMITERS.fullmatch(delimiters):
        return tail
    columns = max(1, header.strip().strip("|").count("|") + 1)
    return f"{header}\n{'|---' * columns}|\n"


def _mend_line(text: str) -> str:
    """Close what is open at the end of a paragraph: a link, a code span, emphasis."""
    text = _HALF_LINK.sub(r"\1", text)
    text = _HALF_WORDS.sub(r"\1", text)
    open_marks: list[str] = []
    position = 0
    while match := _MARKS.search(text, position):
        position = match.end()
        if code := match["code"]:
            end = re.compile(rf"(?<!`){code}(?!`)").search(text, position)
            if end is None:
                return text + (code if text[position:].strip() else "")
            position = end.end()
        elif mark := match["mark"]:
            before, after = text[match.start() - 1 : match.start()], text[position : position + 1]
            if mark in open_marks and before.strip():
                del open_marks[open_marks.index(mark) :]
            elif after.strip():
                open_marks.append(mark)
            elif not after:
                text = text[: match.start()]  # a mark at the very end is still to open or to close something
                if mark in open_marks:
                    break
    return text.rstrip(" ") + "".join(reversed(open_marks)) if open_marks else text
