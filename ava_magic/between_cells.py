"""What waits for the next cell: it is done when that begins, or when the extension is taken out.

Loading the extension loads this, so it imports no screen.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["at_next_cell", "catch_up"]

_waiting: list[Callable[[], object]] = []


def at_next_cell(work: Callable[[], object]) -> None:
    """Do ``work`` when the next cell begins."""
    _waiting.append(work)


def catch_up() -> None:
    """Do all that has waited."""
    while _waiting:
        _waiting.pop(0)()
