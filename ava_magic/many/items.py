"""What a question is asked for, one after the other: items in any of the shapes that a notebook holds them in.

Pure: a table is known by what it can do, and no library of tables is loaded to look at one.
"""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..environment import from_home
from ..errors import AvaError

__all__ = ["Items", "Row", "items_of", "words_of"]


class Row(dict[Any, Any]):
    """A row of a table by its columns, or an entry of a dict as ``key`` and ``value``.

    What it holds stands in its attributes as well, so that a prompt can say ``{item.name}`` and ``{item["a name"]}``.
    There it hides a method of the same name: a column may be called ``items``.
    """

    def __init__(self, values: Mapping[Any, Any]) -> None:
        super().__init__(values)
        self.__dict__.update(values)

    def __str__(self) -> str:
        return "\n".join(f"{name}: {words_of(value)}" for name, value in dict.items(self))


class Items(NamedTuple):
    """What to go through, and how many there are; ``None`` where that is not known before the end."""

    source: Iterator[Any] | AsyncIterator[Any]
    total: int | None


def items_of(items: Any) -> Items:
    """The items that ``items`` holds: those of a list, Series, set, generator or asynchronous iterator, the rows of a
    DataFrame and the entries of a dict (each a :class:`Row`), the lines of a text file that are not empty.

    Raises :class:`AvaError` (``config``) for what holds none.
    """
    if isinstance(items, str | bytes | bytearray):
        raise AvaError("a text is one item; give a list of texts, or a pathlib.Path for the lines of a file", "config")
    if isinstance(items, os.PathLike):
        return Items(_lines_of(Path(items)), None)
    if isinstance(items, io.TextIOBase):
        return Items(_full_lines(items), None)
    if hasattr(items, "__aiter__"):
        return Items(aiter(items), None)
    try:
        return Items(_source(items), len(items) if hasattr(items, "__len__") else None)
    except TypeError:
        kind = type(items).__name__
        raise AvaError(f"{kind} holds no items: it takes a list, a table, a generator or the like", "config") from None


def words_of(item: Any) -> str:
    """An item in words, in whatever state it is."""
    if isinstance(item, Row):
        return ", ".join(f"{words_of(name)}: {words_of(value)}" for name, value in dict.items(item))
    try:
        return str(item)
    except Exception as error:  # the value's own code
        return f"<{type(item).__name__}, which raises {type(error).__name__}>"


def _source(items: Any) -> Iterator[Any]:
    if isinstance(items, Mapping):
        return (Row({"key": key, "value": value}) for key, value in items.items())
    if hasattr(items, "itertuples") and hasattr(items, "columns"):  # pandas: it makes Python's own numbers of NumPy's
        columns = list(items.columns)
        return (Row(dict(zip(columns, row, strict=True))) for row in items.itertuples(index=False, name=None))
    if hasattr(items, "iter_rows"):  # polars
        return map(Row, items.iter_rows(named=True))
    return iter(items)


def _lines_of(path: Path) -> Iterator[str]:
    try:
        file = from_home(path).open(encoding="utf-8")
    except OSError as error:
        raise AvaError(f"{path} cannot be read: {error.strerror}", "config") from None
    return _full_lines(file)


def _full_lines(file: io.TextIOBase | Any) -> Iterator[str]:
    with file:
        for line in file:
            if line.strip():
                yield line.rstrip("\r\n")
