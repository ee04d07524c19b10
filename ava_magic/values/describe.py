"""How a value of the notebook goes into a prompt: as text within a budget, or as a picture.

What is known is told in words of our own: tables, arrays, functions, classes, exceptions.  All else is shown by
IPython's formatters, as the notebook would show it, so nothing of a user's class runs that would not run then.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any, Protocol

from ..reply import Reply
from .arrays import array_text, scalar_of
from .content import Picture
from .frames import table_of
from .lookup import is_a, module_of
from .sources import source_of, traceback_of
from .tables import Column, Table, draw, draw_schema

__all__ = ["BUDGET", "Display", "cut", "describe", "formatted"]

BUDGET = 8_000
"""Characters that one value may take."""

_PATHS = ("pathlib", "pathlib._local")  # the latter since Python 3.13


class Display(Protocol):
    """How the notebook shows a value."""

    def text(self, value: Any) -> str | None:
        """As text; ``None`` where it shows nothing.  Raises what the value's own code raises."""
        ...

    def picture(self, value: Any) -> Picture | None:
        """As an image, if the value is one."""
        ...


def describe(value: Any, display: Display, cells: Any = ()) -> str | Picture | None:
    """``value`` as the prompt tells it; ``None`` where it can be told in no way.

    ``cells`` are the sources of the notebook's cells.  Raises what the value's own code raises.
    """
    value = scalar_of(value)
    words = _plain(value)
    if words is None:
        words = source_of(value, cells)
    if words is None and is_a(value, BaseException):
        words = traceback_of(value)
    if words is None and module_of(type(value)) != "builtins":
        words = _data(value)
        if words is None and (picture := display.picture(value)) is not None:
            return picture
    if words is None:
        words = display.text(value)
    return None if words is None else cut(words)


def formatted(value: Any, spec: str, as_repr: bool) -> str:
    """``value`` by the format that was typed behind its name.

    For a table this is a number of rows, ``describe`` or ``schema``.  Raises what the value's own code raises.
    """
    if as_repr:
        value = str.__str__(repr(value))
    elif table := table_of(value):
        return cut(_table_as(table, spec))
    elif type(value) is Reply:
        value = value.text
    return cut(str.__str__(format(value, spec)))


def cut(words: str, budget: int = BUDGET) -> str:
    """A text within ``budget`` characters: of a longer one the middle is left out, which is said.

    :mod:`~..prompt.leaks` knows these words: a secret may stand cut in two on either side of them.
    """
    if len(words) <= budget:
        return words
    half = budget // 2
    return f"{words[:half]}\n[... {len(words) - budget:,} characters left out ...]\n{words[-half:]}"


def _plain(value: Any) -> str | None:
    """What is a text already, or next to it."""
    kind = type(value)
    if kind is str:
        return str.__str__(value)
    if kind is int or kind is bool or value is None:
        return str(value)
    if kind is Reply:
        return str(value.text)
    return str(value) if is_a(value, PurePath) and module_of(kind) in _PATHS else None


def _data(value: Any) -> str | None:
    """A table or an array in short; ``None`` for other values, and where its library fails at it."""
    try:
        table = table_of(value)
        return array_text(value) if table is None else draw(table, BUDGET)
    except Exception:  # a library in a state or a version that we do not know: IPython shows it then
        return None


def _table_as(table: Table, spec: str) -> str:
    if spec == "schema":
        return draw_schema(table, BUDGET)
    if spec == "describe" and table.describe is not None and (statistics := table_of(table.describe())):
        columns = [Column(column.name, "", 0) for column in statistics.columns]
        title = f"Statistics of a {table.title}"
        return draw(replace(statistics, columns=columns, title=title), BUDGET, rows=statistics.rows)
    if spec.isascii() and spec.isdigit():
        return draw(table, BUDGET, rows=int(spec))
    raise ValueError("a table takes a number of rows, describe or schema")
