"""Tables: typed, kept as columns, the same when read again, and guarded against what claims to be one."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft.errors import InputError, MissingExtraError, NotFoundError
from weft.records import dumps, loads, tables


def year(number: int) -> datetime.datetime:
    return datetime.datetime(number, 1, 1)


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(),
    "boolean": st.booleans(),
    "text": st.text(st.characters(exclude_categories=())),
    "time": st.datetimes(year(1700), year(2260), timezones=st.just(datetime.UTC)),
    "json": st.dictionaries(st.text(), st.none() | st.integers(-(2**100), 2**100) | st.text()),
}


@st.composite
def some_tables(draw: st.DrawFn) -> tuple[dict[str, str], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    cells = [st.none() | CELLS[kind] for kind in kinds]
    rows = draw(st.lists(st.tuples(*cells).map(list), max_size=12))
    return {f"c{number}": kind for number, kind in enumerate(kinds)}, rows


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


@settings(max_examples=150, deadline=None)
@given(some_tables())
def test_a_table_comes_back_as_it_was(made: tuple[dict[str, str], list[list[Any]]]) -> None:
    dtype, rows = made
    table = weft.Table(columns=list(dtype), data=rows, dtype=dtype)
    frame = tables.unpack(tables.pack(table.frame()[0]))
    again = weft.Table.of_frame(frame)
    assert again.types == dtype
    for row, back in zip(rows, again.data, strict=True):
        assert all(map(same, row, back)), (row, back)
    number = len(rows) - 1
    if rows:
        assert all(map(same, again._columns[0].values[number:], [frame.columns[0].cell(number)]))


def test_types_are_told_by_the_cells() -> None:
    table = weft.Table(columns=["a", "b", "c", "d", "e", "f", "g"])
    table.add_data(1, 1, True, "x", np.float32(0.5), datetime.date(2026, 1, 2), {"k": 1})
    table.add_data(None, 2.5, np.bool_(False), None, np.int64(3), np.datetime64("2026-01-02"), [1])
    assert table.types == {
        "a": "integer",
        "b": "number",
        "c": "boolean",
        "d": "text",
        "e": "number",
        "f": "time",
        "g": "json",
    }
    assert table.get_column("b") == [1.0, 2.5]
    assert table.get_column("f")[0] == datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    assert table.get_column("b", convert_to="numpy").dtype == np.float64
    assert [number for number, _ in table.iterrows()] == [0, 1]
    assert len(table) == 2
    assert repr(table) == "weft.Table(2 rows: a, b, c, d, e, f, g)"
    with pytest.raises(NotFoundError, match="no column 'z'"):
        table.get_column("z")


def test_a_row_that_does_not_fit_changes_nothing() -> None:
    table = weft.Table(columns=["a", "b"], data=[[1, "x"]], dtype={"a": int})
    for row, said in (
        ((1.5, "y"), "column 'a' of the table is of type integer; this cell is number: '1.5'"),
        ((1, 2), "column 'b' of the table is of type text; this cell is integer"),
        ((1,), "The row has 1 cells, the table 2 columns"),
    ):
        with pytest.raises(InputError, match=said):
            table.add_data(*row)
    assert table.data == [[1, "x"]]
    mixed = weft.Table(columns=["a"], data=[[1], ["x"], [weft.Image(np.zeros((1, 1)))]], allow_mixed_types=True)
    assert mixed.types == {"a": "json"}
    assert mixed.frame()[1], "the bytes of a picture in a mixed column are kept"
    strict = weft.Table(columns=["a"], optional=False)
    with pytest.raises(InputError, match="'a' must have a value"):
        strict.add_data(None)


def test_columns_are_added() -> None:
    table = weft.Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", (number * 0.5 for number in range(2)))
    assert table.data == [[1, 0.0], [2, 0.5]]
    empty = weft.Table(columns=[])
    empty.add_column("a", [1, 2, 3])
    assert len(empty) == 3
    with pytest.raises(InputError, match="'c' has 1 cells, the table 2 rows"):
        table.add_column("c", [1])
    with pytest.raises(InputError, match="Two columns are called 'a'"):
        table.add_column("a", [1, 2])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: weft.Table(columns=["a", "a"]), "Two columns are called 'a'"),
        (lambda: weft.Table(columns=[""]), "cannot be called ''"),
        (lambda: weft.Table(columns=["a"], data="rows"), "cannot be a str"),
        (lambda: weft.Table(columns=["a"], data=["xy"]), "A row of a table is a list"),
        (lambda: weft.Table(columns=["a"], dtype={"a": "colour"}), "cannot be of type 'colour'"),
        (lambda: weft.Table(dataframe=3), "A int is no table"),
        (lambda: weft.Table(dataframe=pd.DataFrame({"a": [1]}), columns=["b"]), "no column 'b'"),
        (lambda: weft.Table(dataframe=pd.DataFrame([[1, 2]], columns=["a", "a"])), "Two columns are called 'a'"),
    ],
)
def test_tables_that_are_none(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_rows_in_many_forms() -> None:
    assert weft.Table(data=[{"x": 1, "y": 2}, {"y": 3}]).data == [[1, 2], [None, 3]]
    assert weft.Table(data=np.array([[1, 2]])).columns == ["0", "1"]
    assert weft.Table().columns == ["Input", "Output", "Expected"]
    assert weft.Table(columns=["a", "b"], data=[[1, 2]], dtype=[float, int]).types == {"a": "number", "b": "integer"}
    assert weft.Table(columns=["a"], data=[[1]], dtype=float).data == [[1.0]]
    far = datetime.date(9999, 1, 1)
    assert weft.Table(columns=["a", "b"], data=[[2**70, far]]).types == {"a": "json", "b": "json"}
    with pytest.raises(InputError, match="of type media"):
        weft.Table(columns=["a"], data=[[1]], dtype={"a": weft.Image})


def test_tables_of_pandas_go_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "u": np.array([1, 2**64 - 1], np.uint64),
            "f": [0.5, float("nan")],
            "b": [True, False],
            "s": ["x", None],
            "t": pd.to_datetime(pd.Series(["2026-01-02", None]), utc=True),
            "n": pd.array([1, None], dtype="Int64"),
            "o": [1, "x"],
            "m": [1, 2.5],
            "e": [None, None],
        }
    )
    table = weft.Table(dataframe=frame)
    assert table.types == {
        **{"i": "integer", "u": "json", "f": "number", "b": "boolean", "s": "text", "t": "time"},
        **{"n": "integer", "o": "json", "m": "number", "e": "text"},
    }
    assert table.data[1][:2] == [2, str(2**64 - 1)]
    assert math.isnan(table.data[1][2])
    assert table.data[1][3:] == [False, None, None, None, "x", 2.5, None]
    assert table.data[0][5] == datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    back = weft.Table(data=table.to_pandas()[["i", "s"]])
    assert back.data == [[1, "x"], [2, None]]
    assert weft.Table(dataframe=frame, columns=["b"]).columns == ["b"]

    class Polars:
        columns = ("i",)

        def to_pandas(self) -> pd.DataFrame:
            return frame[["i"]]

    assert weft.Table(dataframe=Polars()).data == [[1], [2]]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pandas"):
        table.to_pandas()


def changed(**more: Any) -> bytes:
    data = tables.pack(weft.Table(columns=["a", "b"], data=[[1, "x"], [2, "yy"]]).frame()[0])
    head, _, body = data.partition(b"\n")
    told = loads(head)
    for name, value in more.items():
        if name == "rows":
            told["rows"] = value
        else:
            told["columns"][0][name] = value
    return dumps(told) + b"\n" + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no table", "cannot be read"),
        (b"[]\n", "cannot be read"),
        (changed(rows=-1), "no number of rows"),
        (changed(rows=3), "do not fit"),
        (changed(type="pickle"), "of type 'pickle'"),
        (changed(dtype="O"), "a column holds 'O'"),
        (changed(parts=[[0, 0], [2**40, 11]]), "too large"),
        (changed(parts=[[0, 0], [2**20, 11]]), "another size than it says"),
        (changed(parts=[[0, 0], [2, 99999]]), "cut short"),
        (changed(parts=[[0, 0], [2, -5]]), "cut short"),
        (changed()[:-3], "cut short"),
        (changed(type="text"), "cannot be read"),
        (changed(type="boolean", parts=[[0, 0], [0, 0]]), "bits are missing"),
    ],
)
def test_what_claims_to_be_a_table_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        tables.unpack(data)


def test_texts_that_do_not_fit_their_lengths_are_refused() -> None:
    frame = weft.Table(columns=["a"], data=[["x"]]).frame()[0]
    texts = frame.columns[0].values
    texts._data = b"xyz"
    with pytest.raises(InputError, match="texts of 'a' do not fit"):
        tables.unpack(tables.pack(frame))


def test_only_some_columns_are_read() -> None:
    data = tables.pack(weft.Table(columns=["a", "b"], data=[[1, "x"]]).frame()[0])
    frame = tables.unpack(data, only=["b"])
    assert [column.name for column in frame.columns] == ["b"]
    with pytest.raises(InputError, match=r"no column 'a'.*It has: 'b'"):
        frame.column("a")


def test_a_table_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="bytes and 1 columns is too large"):
        weft.Table(columns=["a"], data=[["x" * 20]]).reference()


def test_a_cell_of_many_megabytes_is_kept_whole() -> None:
    text = "<script>\x00\ud800" + "x" * 20_000_000
    table = weft.Table(columns=["a"], data=[[text]])
    frame = tables.unpack(tables.pack(table.frame()[0]))
    assert frame.columns[0].cell(0) == text
