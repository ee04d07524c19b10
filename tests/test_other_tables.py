"""Tables of polars and Arrow in a prompt, and those of other libraries by protocol; skipped where one is missing."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from .filled import fill

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
narwhals = pytest.importorskip("narwhals")


@pytest.mark.parametrize(("rows", "shown"), [(0, []), (1, [0]), (4, [0, 1, 18, 19]), (20, [*range(20)])])
def test_the_number_of_rows_can_be_asked_for(rows: int, shown: list[int]) -> None:
    for table in (pl.DataFrame({"n": range(20)}), pa.table({"n": range(20)})):
        lines = fill(f"{{t:{rows}}}", t=table).splitlines()[4:]
        assert [int(line.strip("| ")) for line in lines if "…" not in line] == shown


@pytest.mark.parametrize("table", [pl.DataFrame({"n": [1, 2, 3]}), pl.Series("n", [1, 2, 3])])
def test_statistics_can_be_asked_for(table: Any) -> None:
    text = fill("{t:describe}", t=table)
    assert text.startswith(f"Statistics of a {type(table).__name__}, 3 rows × 1 column\n")
    assert "| mean | 2 |" in text


@pytest.mark.parametrize(
    "frame", [pl.DataFrame(), pl.DataFrame({"n": [[1, 2]], "s": [{"a": 1}], "m": [None]}), pa.table({})]
)
def test_a_table_of_any_shape_and_type_is_one(frame: Any) -> None:
    text = fill("{f} {f:3} {f:schema}", f=frame)
    assert "shown" not in text
    assert "stays as typed" not in text


@pytest.mark.parametrize(
    "value",
    [
        pl.Series("n", [1, 2]),
        pl.DataFrame({"n": [1, 2]}),
        pa.table({"n": [1, 2]}),
        pa.RecordBatch.from_pydict({"n": [1, 2]}),
        narwhals.from_native(pl.DataFrame({"n": [1, 2]})),
    ],
)
def test_other_tables_go_in_likewise(value: Any) -> None:
    text = fill("{t}", t=value)
    assert "2 rows × 1 column" in text
    assert "| n (" in text
    assert text.splitlines()[-2:] in (["| 0 | 1 |", "| 1 | 2 |"], ["| 1 |", "| 2 |"])


def test_a_table_of_another_library_goes_in_by_the_interchange_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for such a library, since those that have only this protocol are large."""

    class Frame:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __len__(self) -> int:
            return len(self._inner)

        def __dataframe__(self, **_: Any) -> Any:
            return self._inner.__dataframe__()

    frame = Frame(pa.table({"n": [7, 8]}))
    assert fill("{t}", t=frame) == "shown: Frame"  # as a user's class it is not asked
    library = types.ModuleType("frames")
    library.__file__ = "/usr/lib/python3/site-packages/frames/__init__.py"
    Frame.__module__, Frame.__qualname__ = "frames", "Frame"
    library.Frame = Frame  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "frames", library)
    assert fill("{t}", t=frame).splitlines()[-2:] == ["| 0 | 7 |", "| 1 | 8 |"]


def test_a_stream_that_can_be_read_but_once_is_not_read() -> None:
    reader = pa.RecordBatchReader.from_batches(pa.schema({"n": pa.int64()}), [pa.RecordBatch.from_pydict({"n": [1]})])
    assert fill("{r}", r=reader) == "shown: RecordBatchReader"
    assert reader.read_all().num_rows == 1
