"""The recorded request that is nearest to one that is not recorded, and what differs, for a person to read.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from ..controls import one_line
from .entry import Entry, Request

__all__ = ["difference", "nearest"]

_COMPARED = 500  # characters of a question that tell how near two are
_SHOWN = 100  # characters of a line around the place where it differs


def nearest(asked: Request, entries: Sequence[Entry]) -> Entry:
    """The entry whose request is most like ``asked``: by the question itself, and by the lines of all of it."""
    lines = _lines(asked)
    question = lines[-1][-_COMPARED:]

    def likeness(entry: Entry) -> float:
        recorded = _lines(entry.request)
        words = SequenceMatcher(None, recorded[-1][-_COMPARED:], question, autojunk=False)
        return words.quick_ratio() + SequenceMatcher(None, recorded, lines, autojunk=False).ratio()

    return max(entries, key=likeness)


def difference(recorded: Request, asked: Request, most: int = 7) -> list[str]:
    """At most ``most`` lines: what stands in ``recorded`` alone after ``-``, what in ``asked`` alone after ``+``."""
    shown = list(_differing(_lines(recorded), _lines(asked)))
    if len(shown) > most:
        shown[most - 1 :] = [f"  and {len(shown) - most + 1:,} more lines"]
    return shown


def _differing(recorded: list[str], asked: list[str]) -> Iterator[str]:
    for what, *span in SequenceMatcher(None, recorded, asked, autojunk=False).get_opcodes():
        if what != "equal":
            start, end, new_start, new_end = span
            for old, new in zip_longest(recorded[start:end], asked[new_start:new_end]):
                place = _first_difference(old or "", new or "")
                if old is not None:
                    yield f"  - {_around(old, place)}"
                if new is not None:
                    yield f"  + {_around(new, place)}"


def _lines(request: Request) -> list[str]:
    """A request as lines of text, each with what it is of."""
    lines = [f"model: {request.model}"] if request.model else []
    lines += [f"{name}: {_words(value)}" for name, value in request.fields.items()]
    for message in request.messages:
        role = message.get("role", "?")
        lines += [f"{role}: {line}" for line in _words(message.get("content")).split("\n")]
    return lines


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _first_difference(old: str, new: str) -> int:
    return next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _around(line: str, place: int) -> str:
    """``line``, or where it is long what it is of and the part of it around ``place``."""
    if len(line) > _SHOWN and place > _SHOWN // 2:
        head = line[: line.find(": ") + 2]
        line = f"{head}\u2026{line[max(len(head), place - _SHOWN // 4) :]}"
    return one_line(line, _SHOWN)
