"""Tables and arrays in a prompt: those of pandas and numpy, and that nothing is imported for them."""

from __future__ import annotations

import subprocess
import sys
import types
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_magic.values.tables import Column, Table, draw, draw_schema, titled

from .filled import fill

SMALL = {"name": ["Ann", None], "age": [3.5, float("nan")]}


def test_a_small_data_frame_goes_in_whole() -> None:
    assert fill("{df}", df=pd.DataFrame(SMALL, index=["a", "b"]).astype({"name": "category"})) == (
        "DataFrame, 2 rows × 2 columns\n"
        "\n"
        "|  | name (category, 1 missing) | age (float64, 1 missing) |\n"
        "| --- | --- | --- |\n"
        "| a | Ann | 3.5 |\n"
        "| b | NaN | NaN |"
    )


def test_of_a_long_data_frame_the_first_rows_and_the_last_go_in() -> None:
    text = fill("{df}", df=pd.DataFrame({"n": range(1000)}))
    assert text.splitlines()[2:] == [
        "|  | n (int64) |",
        "| --- | --- |",
        *(f"| {n} | {n} |" for n in range(5)),
        "| … 990 rows left out … | … |",
        *(f"| {n} | {n} |" for n in range(995, 1000)),
    ]


@pytest.mark.parametrize(
    ("rows", "shown"), [(0, []), (1, [0]), (4, [0, 1, 18, 19]), (20, [*range(20)]), (99, [*range(20)])]
)
def test_the_number_of_rows_can_be_asked_for(rows: int, shown: list[int]) -> None:
    lines = fill(f"{{t:{rows}}}", t=pd.DataFrame({"n": range(20)})).splitlines()[4:]
    assert [int(line.split("|")[-2]) for line in lines if "…" not in line] == shown
    assert any(f"{20 - rows} rows left out" in line for line in lines) == (rows < 20)


def test_a_series_goes_in_as_one_column() -> None:
    text = "Series, 2 rows × 1 column\n\n|  | n (int64) |\n| --- | --- |\n| 0 | 1 |\n| 1 | 2 |"
    assert fill("{s}", s=pd.Series([1, 2], name="n")) == text
    assert fill("{s}", s=pd.Series([1, 2])) == text.replace("n (", "value (")


def test_statistics_can_be_asked_for() -> None:
    text = fill("{t:describe}", t=pd.DataFrame({"n": [1, 2, 3]}))
    assert text.startswith("Statistics of a DataFrame, 3 rows × 1 column\n")
    assert "| mean | 2 |" in text
    assert "float" not in text


def test_the_schema_holds_no_value() -> None:
    text = fill("{t:schema}", t=pd.DataFrame({"n": [17, 18], "m": [None, "secret"]}))
    assert "| n | int64 | 0 |" in text
    assert "| m | " in text
    assert not {"17", "18", "secret"} & set(text.split())


@pytest.mark.parametrize("spec", ["x", "-1", "5.2", "head", "²"])
def test_another_format_of_a_table_stays_as_typed_and_is_explained(spec: str) -> None:
    assert fill(f"{{t:{spec}}}", t=pd.DataFrame({"n": [1]})) == (
        f"{{t:{spec}}}\n({{t:{spec}}} stays as typed: ValueError: a table takes a number of rows, describe or schema)"
    )


def test_a_cell_can_end_neither_its_row_nor_its_table() -> None:
    text = fill("{t}", t=pd.DataFrame({"a | b\nc": ["x|y\n\n| z |\\", "w" * 500]}))
    assert len(text.splitlines()) == 6
    assert "a \\| b c" in text
    assert "x\\|y \\| z \\|\\\\ |" in text
    assert "w" * 59 + "…" in text


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"n": []}),
        pd.DataFrame(),
        pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame([[1, 2]], columns=["n", "n"]),
        pd.DataFrame({("a", "b"): [1]}),
        pd.DataFrame({"n": pd.Categorical(["x"]), "t": pd.to_datetime(["2024-01-01"]), "d": [{"a": 1}]}),
        pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}),
    ],
)
def test_a_table_of_any_shape_and_type_is_one(frame: Any) -> None:
    text = fill("{f} {f:3} {f:schema}", f=frame)
    assert "shown" not in text
    assert "stays as typed" not in text


def test_a_float_has_the_digits_of_its_type() -> None:
    frame = pd.DataFrame({"single": np.array([0.1], dtype="float32"), "double": [0.1 + 0.2]})
    assert fill("{f}", f=frame).splitlines()[-1] == "| 0 | 0.1 | 0.3 |"


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3000), st.integers(1, 400), st.integers(0, 2000), st.integers(0, 300), st.text(max_size=80))
def test_whatever_the_table_it_fits_and_counts_what_is_left_out(
    rows: int, columns: int, asked: int, width: int, name: str
) -> None:
    about = [Column(f"{name}{number}", "int64", number) for number in range(columns)]
    table = Table(
        titled("DataFrame", rows, about), rows, about, lambda _, part: ["v" * width] * (part.stop - part.start)
    )
    text = draw(table, 8_000, rows=asked)
    assert len(text) <= 8_000
    assert len(draw_schema(table, 8_000)) <= 8_000
    lines = text.splitlines()[2:]
    cells = [line.count(" | ") for line in lines]
    assert max(cells) == min(cells) or "|" in name
    shown = [line for line in lines[2:] if not line.startswith("| … ")]
    left_out = [line for line in lines if "rows left out" in line or "row left out" in line]
    assert len(shown) == rows or f"{rows - len(shown):,} row" in left_out[0]


@pytest.mark.parametrize("columns", [1, 4, 5, 60])
def test_cells_that_grow_as_they_are_escaped_still_fit(columns: int) -> None:
    about = [Column("|" * 200, "|" * 200, 0) for _ in range(columns)]
    table = Table("DataFrame", 100, about, lambda _, part: ["|" * 200] * (part.stop - part.start))
    text = draw(table, 8_000)
    assert len(text) <= 8_000
    assert "rows left out" in text


def test_a_subclass_goes_in_as_what_it_is_at_bottom_with_nothing_of_it_run() -> None:
    class Frame(pd.DataFrame):  # type: ignore[misc]  # pandas has no types
        @property
        def _constructor(self) -> Any:
            raise AssertionError("it ran")

        def __repr__(self) -> str:
            raise AssertionError("it ran")

        shape = columns = dtypes = iloc = isna = describe = __len__ = property(__repr__)

    assert fill("{f}", f=Frame({"n": [7]})).splitlines()[-1] == "| 0 | 7 |"


def test_a_subclass_with_a_say_in_how_it_is_read_is_shown_by_the_notebook() -> None:
    class Frame(pd.DataFrame):  # type: ignore[misc]  # pandas has no types
        def __getattribute__(self, name: str) -> Any:
            if armed:
                raise AssertionError("it ran")
            return super().__getattribute__(name)

    armed: list[int] = []
    frame = Frame({"n": [7]})
    armed.append(1)
    assert fill("{f}", f=frame) == "shown: Frame"


def test_a_class_that_calls_itself_pandas_is_none() -> None:
    ran: list[object] = []

    class DataFrame:
        def __getattr__(self, name: str = "") -> Any:
            ran.append(name)
            raise AttributeError(name)

        __dataframe__ = __arrow_c_stream__ = __len__ = __array__ = __getattr__

    DataFrame.__module__, DataFrame.__qualname__ = "pandas", "DataFrame"
    assert fill("{f}", f=DataFrame()) == "shown: DataFrame"
    assert ran == []


@pytest.mark.parametrize("ends", [ValueError, SystemExit])
def test_an_object_in_a_cell_that_cannot_be_shown_is_told_by_its_class(ends: type[BaseException]) -> None:
    class Odd:
        def __str__(self) -> str:
            raise ends

    assert fill("{f}", f=pd.DataFrame({"o": [Odd()]})).splitlines()[-1] == "| 0 | <Odd> |"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.arange(3), "numpy array, shape (3,), dtype int64, from 0 to 2\n[0, 1, 2]"),
        (np.array([[0.5, np.nan]]), "numpy array, shape (1, 2), dtype float64, from 0.5 to 0.5, 1 NaN\n[[0.5, nan]]"),
        (np.array([True, False]), "numpy array, shape (2,), dtype bool, 1 of 2 are True\n[ True, False]"),
        (np.array(["a"]), "numpy array, shape (1,), dtype <U1\n['a']"),
        (np.array([]), "numpy array, shape (0,), dtype float64\n[]"),
        (np.array([np.nan]), "numpy array, shape (1,), dtype float64, 1 NaN\n[nan]"),
        (np.array(7), "numpy array, shape (), dtype int64, from 7 to 7\n7"),
        (np.array([1 + 2j]), "numpy array, shape (1,), dtype complex128\n[1.+2.j]"),
    ],
)
def test_an_array_goes_in_with_its_shape_type_and_range(value: Any, text: str) -> None:
    assert fill("{a}", a=value) == text


def test_of_a_large_array_a_corner_goes_in() -> None:
    text = fill("{a}", a=np.arange(6 * 40 * 50).reshape(6, 40, 50))
    assert text.startswith(
        "numpy array, shape (6, 40, 50), dtype int64, from 0 to 11999\nits first 5 × 5 of 12,000 values:"
    )
    assert "[200, 201, 202, 203, 204]" in text


def test_an_array_that_means_more_than_its_numbers_tells_that_itself() -> None:
    assert fill("{a}", a=np.ma.array([1, 2], mask=[False, True])) == "shown: MaskedArray"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float64(0.5), "shown: float"),
        (np.int32(7), "7"),
        (np.str_("text"), "text"),
        (np.bool_(True), "True"),
        (np.datetime64("2024-01-01"), "shown: datetime64"),
    ],
)
def test_a_scalar_of_numpy_goes_in_as_the_python_value_that_it_is(value: Any, text: str) -> None:
    assert fill("{n}", n=value) == text


def test_a_tensor_goes_in_by_the_array_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for torch, which is too large for a test: it gives its values only when they are detached and here."""

    class Tensor:
        dtype = "torch.float32"

        def __init__(self, values: Any, where: str) -> None:
            self._values, self._where = values, where

        def detach(self) -> Tensor:
            return Tensor(self._values, self._where.replace("graph", ""))

        def cpu(self) -> Tensor:
            return Tensor(self._values, self._where.replace("gpu", ""))

        def __array__(self, *_: Any, **__: Any) -> Any:
            assert not self._where
            return self._values

    assert fill("{t}", t=Tensor(np.ones(2), "")) == "shown: Tensor"
    torch = types.ModuleType("torch")
    torch.Tensor = Tensor  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "torch", torch)
    text = fill("{t}", t=Tensor(np.ones(2, dtype="float32"), "graph gpu".replace(" ", "")))
    assert text == "torch tensor, shape (2,), dtype torch.float32, from 1 to 1\n[1., 1.]"


def test_nothing_is_imported_for_a_value() -> None:
    code = (
        "import sys, ava_magic.prompt.question, ava_magic.prompt.preview\n"
        "from ava_magic.prompt.fields import interpolate\n"
        "class Display:\n    text = lambda self, value: repr(value)\n    picture = lambda self, value: None\n"
        "assert interpolate('{x}{y}', {'x': [1.5], 'y': object()}, Display()).inserted\n"
        "print({'pandas', 'numpy', 'PIL', 'polars', 'pyarrow', 'plotly'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
