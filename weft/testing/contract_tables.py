"""The part of the contract that is about tables and histograms of runs as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import Logged, Media
from weft.records.logged import TableJoin, TableQuery
from weft.records.media import reference
from weft.records.tables import MEDIA_TYPE, Frame, column_of, pack
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T

_KINDS = {"id": "integer", "answer": "text", "score": "number", "ok": "boolean", "more": "json", "when": "time"}
_ROWS: list[list[Any]] = [
    [1, "a Cat", 0.9, True, {"k": [1]}, 0],
    [2, "a dog", 0.1, False, None, 10**18],
    [3, None, float("nan"), True, "text", 2 * 10**18],
    [4, "a cat", 0.5, None, 7, None],
    [5, "<script>\x00\ud800" + "x" * 5000, None, False, ["y" * 5000], 3],
]


def logged_table(
    store: Store, rows: list[list[Any]], run_id: str = "r", step: int = 1, kinds: dict[str, str] | None = None
) -> None:
    """Store a table as a run logs it."""
    kinds = kinds or _KINDS
    columns = [column_of(name, kind, [row[at] for row in rows]) for at, (name, kind) in enumerate(kinds.items())]
    data = pack(Frame(len(rows), columns))
    told = {"kind": "table", **reference(data, MEDIA_TYPE)}
    logged = Logged(run_id, "p", "answers", step, T + step, "table", told)
    store.ingest(batch_of(f"{run_id}-{step}", Media("p", MEDIA_TYPE, data), logged))


class TableContract:
    """Tables: pages, groups, joins; histograms over steps."""

    def test_a_page_of_a_table(self, store: Store) -> None:
        logged_table(store, _ROWS[:2])
        logged_table(store, _ROWS, step=5)
        page = store.logged.read_table(TableQuery("r", "answers"))
        assert (page.step, page.source, page.total, page.matched, page.numbers) == (5, "", 5, 5, [0, 1, 2, 3, 4])
        assert page.columns == [{"name": name, "type": kind} for name, kind in _KINDS.items()]
        assert page.rows[:2] == _ROWS[:2]
        assert page.rows[2] == [3, None, "NaN", True, "text", 2 * 10**18]
        long, more = page.rows[4][1], page.rows[4][4]
        assert (long["_weft"], len(long["text"]), long["characters"]) == ("cut", 2000, len(_ROWS[4][1]))
        assert more["characters"] == 5004
        assert store.logged.read_cell(TableQuery("r", "answers"), 4, "answer") == _ROWS[4][1]
        assert store.logged.read_cell(TableQuery("r", "answers"), 2, "score") == "NaN"
        assert store.logged.read_table(TableQuery("r", "answers", step=4)).total == 2
        some = store.logged.read_table(TableQuery("r", "answers", columns=["score", "id"], first=1, limit=1))
        assert some.rows == [[0.1, 2]]

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ("score < 0.6", [2, 4]),
            ("not score < 0.6", [1]),
            ("score is None or score >= 0.9", [1, 5]),
            ("score is not None and id > 2", [3, 4]),
            ('"CAT" in answer', [1, 4]),
            ('"cat" not in answer', [2, 5]),
            ('answer == "a dog" or answer in ["a cat", "a cow"]', [2, 4]),
            ("id not in [1, 2, 3]", [4, 5]),
            ("ok", [1, 3]),
            ("not ok", [2, 5]),
            ("ok == false and id != 2", [5]),
            ('column["more"] == "text"', [3]),
            ("more > 6.5", [4]),
            ('when > "2001-01-01"', [2, 3]),
            ("(id == 1 or id == -2) and (score > 0)", [1]),
        ],
    )
    def test_rows_that_fit_an_expression(self, store: Store, where: str, found: list[int]) -> None:
        logged_table(store, _ROWS)
        page = store.logged.read_table(TableQuery("r", "answers", where=where))
        assert [row[0] for row in page.rows] == found
        assert page.matched == len(found)

    def test_rows_by_text_and_in_order(self, store: Store) -> None:
        logged_table(store, _ROWS)

        def ids(**more: Any) -> list[int]:
            return [row[0] for row in store.logged.read_table(TableQuery("r", "answers", **more)).rows]

        assert ids(text="SCRIPT") == [5]
        assert ids(order=["score"]) == [2, 4, 1, 3, 5]
        assert ids(order=["-score"]) == [1, 4, 2, 3, 5]
        assert ids(order=["answer"]) == [5, 1, 4, 2, 3]
        assert ids(order=["ok", "-id"]) == [5, 2, 3, 1, 4]
        assert ids(order=["-ok", "id"], where="id < 4") == [1, 3, 2]

    def test_groups(self, store: Store) -> None:
        rows = [[n, ["x", "y", None][n % 3], n / 10, n % 2 == 0, None, n] for n in range(10)]
        logged_table(store, rows)
        groups = store.logged.group_table(TableQuery("r", "answers", where="id > 0"), ["answer"])
        assert [(group.keys, group.rows) for group in groups] == [(["y"], 3), ([None], 3), (["x"], 3)]
        assert groups[0].figures["id"] == {"mean": 4.0, "minimum": 1.0, "maximum": 7.0, "count": 3.0}
        both = store.logged.group_table(TableQuery("r", "answers"), ["ok", "answer"])
        assert sum(group.rows for group in both) == 10
        assert {tuple(group.keys) for group in both} >= {(True, "x"), (False, None)}
        assert store.logged.group_table(TableQuery("r", "answers", where="id > 99"), ["ok"]) == []

    def test_tables_of_runs_side_by_side(self, store: Store) -> None:
        kinds = {"key": "text", "answer": "text", "score": "number"}
        logged_table(
            store, [["a", "same", 1.0], ["b", "one", 0.2], ["c", "only", 0.5], ["a", "again", 0.0]], kinds=kinds
        )
        logged_table(store, [["b", "two", 0.9], ["a", "same", 0.9], [None, "x", 1.0]], run_id="s", kinds=kinds)
        page = store.logged.join_tables(TableJoin(["r", "none", "s"], "answers", "key"))
        assert (page.run_ids, page.total, page.matched, page.differing, page.repeated) == (["r", "s"], 3, 3, 3, 1)
        assert [row.key for row in page.rows] == ["b", "c", "a"]
        assert page.rows[0].cells == [["one", 0.2], ["two", 0.9]]
        assert page.rows[1].cells == [["only", 0.5], None]
        assert page.rows[2].differs == ["score"]
        assert page.figures == [{"score": pytest.approx(0.425)}, {"score": pytest.approx(2.8 / 3)}]
        answers = store.logged.join_tables(TableJoin(["r", "s"], "answers", "key", compare=["answer"], changed=True))
        assert [row.key for row in answers.rows] == ["b", "c"]
        chosen = store.logged.join_tables(TableJoin(["r", "s"], "answers", "key", where="score > 0.95"))
        assert [row.key for row in chosen.rows] == ["a"]
        assert store.logged.join_tables(TableJoin(["s"], "answers", "key", first=1, limit=1)).rows[0].key == "a"

    def test_what_cannot_be_asked_of_tables(self, store: Store) -> None:
        logged_table(store, _ROWS)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"where": "scor < 1"}, "no column 'scor'"),
            ({"where": "score <"}, "a value is missing"),
            ({"where": "score < 1 answer"}, "is not expected here"),
            ({"where": "score"}, "compared with nothing"),
            ({"where": 'score < "x"'}, "cannot be compared with 'x'"),
            ({"where": 'when > "soon"'}, "is no time"),
            ({"where": '"x" in score'}, "holds no text"),
            ({"where": "(score < 1"}, "stands where '\\)' is missing"),
            ({"where": "< 1"}, "a column is missing"),
            ({"where": "id is 3"}, "'is' is for None"),
            ({"where": "not " * 60 + "ok"}, "nested deeper"),
            ({"where": "id in [" + "1," * 600 + "1]"}, "more than 500 values"),
            ({"order": ["nothing"]}, "no column 'nothing'"),
            ({"columns": ["nothing"]}, "no column 'nothing'"),
            ({"limit": 1001}, "have 1001 rows"),
            ({"first": -1}, "begin at -1"),
        ]
        for more, said in wrong:
            with pytest.raises(InputError, match=said):
                store.logged.read_table(TableQuery("r", "answers", **more))
        with pytest.raises(InputError, match="grouped by 0 columns"):
            store.logged.group_table(TableQuery("r", "answers"), [])
        with pytest.raises(InputError, match="no row 5"):
            store.logged.read_cell(TableQuery("r", "answers"), 5, "id")
        with pytest.raises(NotFoundError, match="has no table 'none'"):
            store.logged.read_table(TableQuery("r", "none"))
        with pytest.raises(NotFoundError, match="None of the runs has a table"):
            store.logged.join_tables(TableJoin(["x"], "answers", "id"))
        with pytest.raises(InputError, match="Tables of 21 runs"):
            store.logged.join_tables(TableJoin([f"r{n}" for n in range(21)], "answers", "id"))
        with pytest.raises(InputError, match="column 'nothing' to compare"):
            store.logged.join_tables(TableJoin(["r"], "answers", "id", compare=["nothing"]))

    def test_a_table_that_is_none_is_told(self, store: Store) -> None:
        told = {"kind": "table", **reference(b"no table", MEDIA_TYPE)}
        store.ingest(batch_of("w", Media("p", MEDIA_TYPE, b"no table"), Logged("r", "p", "t", 1, T, "table", told)))
        with pytest.raises(InputError, match="The table cannot be read"):
            store.logged.read_table(TableQuery("r", "t"))

    def test_histograms_over_steps(self, store: Store) -> None:
        def told(step: int, **data: Any) -> Logged:
            return Logged("r", "p", "w", step, T + step, "histogram", {"kind": "histogram", **data}, "0")

        first = told(1, low=0.0, high=4.0, counts=[1, 2, 3, 4])
        second = told(2, bins=[0.0, 1.0, 8.0], counts=[1, 7])
        text = Logged("r", "p", "w", 3, T, "text", {"kind": "text", "text": "x"}, "0")
        store.ingest(
            batch_of("w", first, second, text, *[told(step, low=0.0, high=1.0, counts=[1]) for step in range(10, 50)])
        )
        found = store.logged.read_histograms("r", "w", bins=8, most=2)
        assert (found.low, found.high, found.total, found.source) == (0.0, 4.0, 42, "0")
        assert found.steps.tolist() == [1, 49]
        assert found.counts[0].tolist() == [0.5, 0.5, 1, 1, 1.5, 1.5, 2, 2]
        every = store.logged.read_histograms("r", "w", bins=8, source="0")
        assert every.counts[1].tolist() == [1] * 8
        assert len(every.steps) == 42
        with pytest.raises(NotFoundError, match="no histograms 'v'"):
            store.logged.read_histograms("r", "v")
        with pytest.raises(InputError, match="0 bins"):
            store.logged.read_histograms("r", "w", bins=0)
        store.ingest(batch_of("w", told(1, low="x", counts=[]), segment=1))
        with pytest.raises(InputError, match="is no histogram"):
            store.logged.read_histograms("r", "w")
