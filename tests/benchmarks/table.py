"""The figures as they are printed: one aligned line for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Row", "render"]

_HEAD = ("what", "ours", "theirs", "ratio", "promise", "")
_WIDTHS = (50, 12, 12, 8, 10, 5)  # at the least, so that the tables of one run line up


@dataclass(frozen=True)
class Row:
    """One figure.

    ``ours`` and ``theirs`` are what is printed, with the unit; ``ratio`` is ours over theirs, or what else the two come
    to.  ``promise`` is printed too; ``kept`` says whether ours keeps it, ``None`` where nothing is promised or measured.
    """

    what: str
    ours: str = ""
    theirs: str = ""
    ratio: str = ""
    promise: str = ""
    kept: bool | None = None

    def cells(self) -> tuple[str, ...]:
        verdict = {True: "kept", False: "SHORT", None: ""}[self.kept]
        return (self.what, self.ours, self.theirs, self.ratio, self.promise, verdict)


def render(rows: Iterable[Row]) -> str:
    """The rows under a head, in columns."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(least, *(len(line[n]) for line in lines)) for n, least in enumerate(_WIDTHS)]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    what, *figures, verdict = cells
    columns = [what.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True))]
    return "  ".join([*columns, verdict]).rstrip()
