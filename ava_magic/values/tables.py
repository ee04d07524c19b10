"""A table in few words: its shape, each column with its type and what it lacks, its first rows and its last.

It is a Markdown table, which models read well, and fits a budget: rows go first, from the middle, then columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..controls import counted
from .lookup import name_of

__all__ = ["Column", "Table", "draw", "draw_schema", "one_cell", "plain_text", "titled"]

_ROWS = 10  # that are shown where nobody asks for another number
_MOST_ROWS = 1_000
_MOST_COLUMNS = 60
_WIDEST_CELL = 60  # characters


class Column(NamedTuple):
    """A column: its name, its type in its library's words, and how many of its values are missing."""

    name: str
    dtype: str
    missing: int

    def __str__(self) -> str:
        about = [self.dtype, f"{self.missing:,} missing" if self.missing else ""]
        words = ", ".join(filter(None, about))
        return f"{self.name} ({words})" if words else self.name


@dataclass(frozen=True, slots=True)
class Table:
    """What there is to tell of a table, whatever library it is from.

    Attributes:
        title: what it is called, and its shape.
        values: gives the values of one column, by its position, in a range of rows.
        labels: gives the labels of a range of rows; ``None`` for a table whose rows have none.
        describe: makes the table of its statistics; ``None`` where the library has none.
    """

    title: str
    rows: int
    columns: Sequence[Column]
    values: Callable[[int, slice], Sequence[Any]]
    labels: Callable[[slice], Sequence[Any]] | None = None
    describe: Callable[[], Any] | None = None


def titled(kind: str, rows: int, columns: Sequence[Column]) -> str:
    """What a table is called, with its shape."""
    return f"{kind}, {counted(rows, 'row')} × {counted(len(columns), 'column')}"


def draw(table: Table, budget: int, rows: int = _ROWS) -> str:
    """``table`` with about ``rows`` of its rows, in at most ``budget`` characters or a little more."""
    rows = min(rows, table.rows, _MOST_ROWS)
    columns = min(len(table.columns), _MOST_COLUMNS)
    while len(text := _drawn(table, rows, columns)) > budget:
        if rows > _ROWS:
            rows //= 2
        elif columns > 4:
            columns = columns * 2 // 3
        elif rows > 2:
            rows //= 2
        else:
            break
    return text


def draw_schema(table: Table, budget: int) -> str:
    """The columns of ``table`` and none of its values."""
    count = min(len(table.columns), budget // 10)
    lines = [_row((_tidy(c.name), _tidy(c.dtype), f"{c.missing:,}")) for c in table.columns]
    while True:
        head, tail = _ends(len(lines), count)
        gap = [_row((_left_out(len(lines), count, "column"), "…", "…"))] if count < len(lines) else []
        text = "\n".join([table.title, "", *_HEAD, *lines[:head], *gap, *lines[len(lines) - tail :]])
        if len(text) <= budget or count <= 2:
            return text
        count = count * 2 // 3


def plain_text(value: Any, digits: int = 10) -> str:
    """A cell's value as text, whatever its class makes of that; floats with at most ``digits`` significant ones."""
    if type(value) is float:
        return "NaN" if math.isnan(value) else f"{value:.{digits}g}"
    try:
        return str.__str__(str(value))
    except KeyboardInterrupt:
        raise
    except BaseException:  # an object in a cell may even want to leave the program
        return f"<{name_of(type(value))}>"


def one_cell(text: str) -> str:
    """``text`` as the cell of a table has it: in one line, with what would end the cell escaped."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")


_HEAD = ("| column | dtype | missing |", "| --- | --- | --- |")


def _drawn(table: Table, rows: int, columns: int) -> str:
    top, bottom = _ends(table.rows, rows)
    left, right = _ends(len(table.columns), columns)
    width = len(table.columns)
    slices = [slice(0, top), *([slice(table.rows - bottom, table.rows)] if bottom else [])]
    grid = [_column(table, position, slices) for position in (*range(left), *range(width - right, width))]
    if columns < width:
        grid.insert(left, [_left_out(width, columns, "column"), *["…"] * rows])
    if table.labels is not None:
        grid.insert(0, ["", *(_tidy(plain_text(label)) for part in slices for label in table.labels(part))])
    lines = [_row(cells) for cells in zip(*grid, strict=True)]
    if rows < table.rows:
        lines.insert(1 + top, _row([_left_out(table.rows, rows, "row"), *["…"] * (len(grid) - 1)]))
    return "\n".join([table.title, "", *lines[:1], _row(["---"] * len(grid)), *lines[1:]] if grid else [table.title])


def _column(table: Table, position: int, slices: Sequence[slice]) -> list[str]:
    column = table.columns[position]
    digits = 7 if "float32" in column.dtype.lower() else 10  # as many as its values have
    values = [value for part in slices for value in table.values(position, part)]
    return [_tidy(str(column), _WIDEST_CELL * 2), *(_tidy(plain_text(value, digits)) for value in values)]


def _ends(length: int, shown: int) -> tuple[int, int]:
    """How many of ``length`` things are shown of their beginning and of their end."""
    return (length, 0) if shown >= length else (shown - shown // 2, shown // 2)


def _left_out(length: int, shown: int, what: str) -> str:
    return f"… {counted(length - shown, what)} left out …"


def _tidy(text: str, widest: int = _WIDEST_CELL) -> str:
    """A cell that cannot end its row or its table."""
    line = " ".join(text[: 10 * widest].split())
    return one_cell(line if len(line) <= widest else line[: widest - 1] + "…")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
