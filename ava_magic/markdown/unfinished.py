"""What an unfinished piece of Markdown is shown as while the rest is on its way.

Pure.  ``**bol`` is shown bold at once, not as two stars that vanish later; a table is one from its first row; half a
link shows its words; a sign that may still become anything waits for what follows it.  Only what is painted is mended,
never the reply.
"""

from __future__ import annotations

import re

from markdown_it.token import Token

from .blocks import block_parser
from .emphasis import BARE_URL, is_cjk
from .rules import CLOSING, DEEPEST, DOLLARS, HALF_DOLLARS

__all__ = ["mend"]

_PREFIX = r"(?:[ \t]*(?:>|[-*+](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$)))*[ \t]*"  # of quotes and lists
_UNDECIDED = re.compile(
    rf"""{_PREFIX}(?:[-*+=_]{{0,2}}|\#{{1,6}}|`{{1,2}}|~{{1,2}}|\|?|\$\$?|\\[(\[]?|\d{{1,9}}[.)]?
    |\[[\ xX]?\]?[ ]?|\[[^\]\n^][^\]\n]*\]:[^\n]*)[ \t]*""",
    re.VERBOSE,
)
_ROW = re.compile(rf"({_PREFIX})(\|[^\n]*)(?:\n[ \t>]*[-:| \t]*)?")
_HALF_ADDRESS = r"""(?:[^()\s]|\([^()\s]*\))*(?:\([^()\s]*|[ ]+(?:"[^"\n]*"?|'[^'\n]*'?)?)?"""
_HALF_LINK = re.compile(rf"(?<!\\)!?\[([^\[\]\n^][^\[\]\n]*)(?:\](?:\({_HALF_ADDRESS}|\[[^\[\]\n]*)?)?$")
_HALF_NOTE = re.compile(r"!?\[(?:\^[^\[\]\n]*\]?)?$|!$")
_HALF_SIGN = re.compile(r"(?<!\\)(?:\\|\${1,2}|(?<!~)~|&\#?\w{0,7})$")
_PART = re.compile(
    r"(?P<code>`+)|(?P<url>https?://)|(?P<bracket>\\[(\[])|\\.|(?P<dollar>\$)|(?P<run>\*+|~~|(?<!\w)_+|_+(?!\w))"
)


def mend(tail: str) -> str:
    """``tail``, the last block of a text that goes on, as Markdown that is whole."""
    lines = tail.split("\n")
    leaves = [token for token in block_parser().parse(tail) if token.map and token.type not in _CONTAINERS]
    last = leaves[-1] if leaves else None
    if last is not None and last.type in ("fence", "code_block"):
        return "\n".join(lines[:-1]) if _is_closing(last, lines) else tail
    if _UNDECIDED.fullmatch(lines[-1]):
        lines[-1] = ""
    end = len(lines) - (not lines[-1].strip("> \t"))
    in_table = any(token.type == "table_open" and token.map and token.map[1] >= end for token in leaves)
    if in_table:
        return "\n".join([*lines[:-1], _mend_row(lines[-1])])
    if last is None or last.type != "inline" or last.map is None or last.map[1] < end:
        return "\n".join(lines)
    before, text = lines[: last.map[0]], "\n".join(lines[last.map[0] :])
    row = _ROW.fullmatch(text.rstrip("\n"))
    return "\n".join([*before, _mend_table(row) if row else _mend_words(text)])


_CONTAINERS = ("bullet_list_open", "list_item_open")


def _is_closing(fence: Token, lines: list[str]) -> bool:
    """Whether the last line may be the beginning of the fence's end."""
    sign = fence.markup[:1]
    line = lines[-1].strip("> \t")
    begins = fence.type == "fence" and bool(line) and line == sign * len(line) and len(line) < len(fence.markup)
    return begins and fence.map is not None and fence.map[1] >= len(lines)


def _mend_table(row: re.Match[str]) -> str:
    prefix, cells = row[1], _mend_row(row[2])
    columns = max(1, cells.strip().strip("|").count("|") + 1)
    indent = re.sub(r"[^\s>]", " ", prefix)
    return f"{prefix}{cells}\n{indent}{'|---' * columns}|\n"


def _mend_row(row: str) -> str:
    """Close what is open in the last cell."""
    begin = row.rfind("|") + 1
    return row if row[begin - 2 : begin] == "\\|" else row[:begin] + _mend_words(row[begin:])


def _mend_words(text: str) -> str:
    """Close what is open at the end of a paragraph: a link, a code span, emphasis.  An open formula is left alone."""
    text = _HALF_SIGN.sub("", _HALF_NOTE.sub("", _HALF_LINK.sub(r"\1", text)))
    opened: list[tuple[str, int]] = []  # the signs of open emphasis with their numbers, outermost first
    position = 0
    while len(opened) <= DEEPEST and (part := _PART.search(text, position)):  # each run looks at all that are open
        position = part.end()
        if part["code"]:
            end = re.compile(rf"(?<!`){part['code']}(?!`)").search(text, position)
            if end is None:
                inside = text[position:].rstrip("`")
                text = text[: part.start()] + (part["code"] + inside + part["code"] if inside.strip() else "")
                break
            position = end.end()
        elif part["url"]:
            if url := BARE_URL.match(text, part.start()):
                position = url.end()
        elif part["dollar"]:
            if formula := DOLLARS.match(text, part.start()):
                position = formula.end()
            elif HALF_DOLLARS.match(text, part.start()):
                break
        elif opening := part["bracket"]:
            closing = text.find(CLOSING[opening], position)
            if closing < 0:
                break
            position = closing + len(opening)
        elif part["run"]:
            if position == len(text):  # at the very end, it may be there to open or to close
                text = text[: part.start()]
                break
            opened = _with_run(opened, part["run"], text[part.start() - 1 : part.start()], text[position])
    shown = opened if len(opened) <= DEEPEST else []  # what is marked deeper is shown as it is written
    closers = "".join(sign * number for sign, number in reversed(shown))
    return text.rstrip(" ") + closers if closers else text


def _with_run(opened: list[tuple[str, int]], run: str, before: str, after: str) -> list[tuple[str, int]]:
    """What is open after a run of signs, which closes what it can, and opens with the rest of it."""
    left = len(run)
    still: list[tuple[str, int]] = []
    for sign, number in reversed(opened):
        closed = min(left, number) if sign == run[0] and before.strip() else 0
        left -= closed
        if number > closed:
            still.insert(0, (sign, number - closed))
    if left and after.strip() and (after.isalnum() or not before.isalnum() or is_cjk(before)):
        still.append((run[0], left))
    return still
