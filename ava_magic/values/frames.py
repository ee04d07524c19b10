"""Tables of the libraries that have them: pandas, polars, Arrow, and what gives itself by a protocol of theirs.

Nothing is imported: a table's library is loaded already.  A table is known by its class being the library's own, and a
protocol's method is called only on a class of an installed library; a user's class that has one is left alone.
The protocols are the dataframe interchange protocol (https://data-apis.org/dataframe-protocol/latest/) and Arrow's
PyCapsule interface (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .lookup import MISSING, attributes_of, bases_of, class_attribute, class_called, is_a, is_installed, stored
from .tables import Column, Table, plain_text, titled

__all__ = ["table_of"]

# What pandas reads of a table when it makes another of it; a subclass that has a say in that is not read.
_READ = {"_mgr", "index", "name", "_name", "__getattribute__", "__getattr__", "__class__", "__dict__", "attrs", "flags"}
_LENGTHS = ("shape", "num_rows", "__len__")  # a table has one; a stream, which could be read but once, has none


def table_of(value: Any) -> Table | None:
    """What there is to tell of ``value`` if it is a table; ``None`` for everything else.

    Raises whatever its library raises where it is broken.
    """
    for (module, name), read in _READERS.items():
        kind = class_called(module, name)
        if kind is not None and is_a(value, kind):
            own = value if type(value) is kind else _as_its_base(value, kind)
            return None if own is None else read(own)
    return _by_protocol(value)


def _as_its_base(value: Any, kind: type) -> Any:
    """A subclass of pandas's as what it is at bottom, with nothing of the subclass run; ``None`` where it would be."""
    own = itertools.takewhile(lambda base: base is not kind, bases_of(type(value)))
    is_plain = kind.__module__.startswith("pandas") and not any(_READ & attributes_of(base).keys() for base in own)
    return kind(value) if is_plain else None


def _pandas_frame(frame: Any) -> Table:
    about = zip(frame.columns.tolist(), frame.dtypes.tolist(), frame.isna().sum().tolist(), strict=True)
    columns = [Column(plain_text(name), str(dtype), missing) for name, dtype, missing in about]
    return Table(
        titled("DataFrame", len(frame), columns),
        len(frame),
        columns,
        values=lambda position, part: frame.iloc[part, position].tolist(),
        labels=lambda part: frame.index[part].tolist(),
        describe=lambda: frame.describe(include="all"),
    )


def _pandas_series(series: Any) -> Table:
    name = "value" if series.name is None else plain_text(series.name)
    columns = [Column(name, str(series.dtype), int(series.isna().sum()))]
    return Table(
        titled("Series", len(series), columns),
        len(series),
        columns,
        values=lambda _, part: series.iloc[part].tolist(),
        labels=lambda part: series.index[part].tolist(),
        describe=lambda: series.describe().to_frame(),
    )


def _polars_frame(frame: Any) -> Table:
    return _polars("DataFrame", frame, frame.get_columns())


def _polars_series(series: Any) -> Table:
    return _polars("Series", series, [series])


def _polars(kind: str, table: Any, series: Sequence[Any]) -> Table:
    columns = [Column(each.name or "value", str(each.dtype), each.null_count()) for each in series]
    return Table(
        titled(kind, len(table), columns),
        len(table),
        columns,
        values=lambda position, part: series[position][part].to_list(),
        describe=table.describe,
    )


def _arrow_table(table: Any) -> Table:
    fields = enumerate(table.schema)
    columns = [Column(field.name, str(field.type), table.column(position).null_count) for position, field in fields]
    return Table(
        titled("Table", table.num_rows, columns),
        table.num_rows,
        columns,
        values=lambda position, part: table.column(position)[part].to_pylist(),
    )


_READERS: dict[tuple[str, str], Callable[[Any], Table]] = {
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Series"): _pandas_series,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
}


def _by_protocol(value: Any) -> Table | None:
    """A table of another library, taken over by one that is loaded and knows the protocol."""
    kind = type(value)
    if all(class_attribute(kind, name) is MISSING for name in _LENGTHS) or not is_installed(kind):
        return None
    if class_attribute(kind, "__arrow_c_stream__") is not MISSING:
        if (arrow := stored(sys.modules.get("pyarrow"), "table")) is not MISSING:
            return _arrow_table(arrow(value))
        if (polars := class_called("polars", "DataFrame")) is not None:
            return _polars_frame(polars(value))
    if class_attribute(kind, "__dataframe__") is not MISSING:
        pandas = sys.modules.get("pandas")
        if pandas is not None:
            return _pandas_frame(pandas.api.interchange.from_dataframe(value))
        if (polars := stored(sys.modules.get("polars"), "from_dataframe")) is not MISSING:
            return _polars_frame(polars(value))
    return None
