"""JSON in a model's answer: alone, in a fence, or in the middle of prose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .code_blocks import code_blocks

__all__ = ["json_values"]

_START = re.compile(r"[{\[]")
_IN_VAIN = 50_000_000  # characters that may be read for what turns out to be no JSON: each try may read them all


def json_values(text: str) -> Iterator[Any]:
    """The JSON values in ``text``, the likeliest to be meant first.

    The whole text, then what stands in fences, then objects and arrays in the prose, the longest first; a number or a
    word counts only where it is all that a text or a fence holds.
    """
    blocks = sorted(code_blocks(text), key=lambda block: block.language != "json")
    for part in (text, *blocks):
        try:
            yield _decoder.decode(part.strip().removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            continue
        if part is text:
            return
    yield from _within(text)


def _within(text: str) -> Iterator[Any]:
    """The objects and arrays in ``text`` that lie in no other one, the longest first."""
    found: list[tuple[int, Any]] = []
    position = 0
    tries = _IN_VAIN // (len(text) + 1) + 1
    while tries and (start := _START.search(text, position)):
        try:
            value, position = _decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            tries -= 1
            position = start.end()
        else:
            found.append((position - start.start(), value))
    yield from (value for _, value in sorted(found, key=lambda pair: -pair[0]))


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")  # though Python's own parser takes it (RFC 8259, section 6)


# Not strict: a line break in a string, which JSON forbids, is what a model writes all the same.
_decoder = json.JSONDecoder(strict=False, parse_constant=_refuse)
