"""Parts of the pages that need no browser: the columns of runs."""

from __future__ import annotations

import ast

from weft.records import Run, RunKind, RunStatus
from weft.review_ui import ui
from weft.review_ui.views.runs import about, differing, listing, numbers, result


def run(run_id: str, kind: RunKind = RunKind.TRAIN, **fields: object) -> Run:
    given = {"kind": kind, "status": RunStatus.FINISHED, "name": run_id, **fields}
    return Run(run_id, "p", **given)  # type: ignore[arg-type]


def test_a_column_is_for_what_most_runs_have() -> None:
    assert differing([{"lr": 0.1, "seed": 1}, {"lr": 0.2}, {"lr": 0.2}, {}]) == ["lr"]
    assert numbers([{"loss": 1.0, "samples": 3}, {"loss": 2.0, "samples": 3}, {"rare": 1.0}]) == ["loss", "samples"]


def test_runs_of_several_kinds_tell_their_results_in_one_column() -> None:
    mixed = [
        run("t", config={"lr": 0.1}, summary={"loss": 0.25}),
        run("e", RunKind.EVAL, config={"target": "f", "dataset": "d:v1"}, summary={"exact": 0.5, "samples": 9}),
        run("a", RunKind.APP, failure={"type": "ValueError", "message": "no"}),
    ]
    columns, rows = listing(mixed, {})
    assert [column.label for column in columns][-2:] == ["About", "Result"]
    assert [list(row.cells)[-2:] for row in rows] == [
        ["lr 0.100", "loss 0.250"], ["f · d:v1", "exact 0.500"], ["", "ValueError: no"]
    ]  # fmt: skip
    columns, _ = listing(mixed, {}, mixed[:1])
    assert [column.label for column in columns][-1] == "loss"
    assert (about(mixed[0]), result(mixed[2])) == ("lr 0.100", "ValueError: no")


def test_a_result_that_is_called_as_a_setting_says_so() -> None:
    columns, _ = listing([run(str(rate), config={"lr": rate}, summary={"lr": 0.0}) for rate in (1, 2)], {})
    assert [column.label for column in columns][-2:] == ["lr", "summary.lr"]


def test_a_name_is_quoted_for_the_lines_that_load_it() -> None:
    for name in ('a "b"', "back\\slash", "Größe & Проект +1 (a,b)=c 🚀", "line\nline"):
        assert ast.literal_eval(ui.quoted(name)) == name
