"""Parts of the pages that need no browser: thinned curves, the columns of runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from weft.records import Run, RunKind, RunStatus, Series
from weft.review_ui import charts
from weft.review_ui.views.runs import about, differing, listing, numbers, result


def series(values: NDArray[np.float64]) -> Series:
    steps = np.arange(len(values), dtype=np.int64)
    return Series("r", "loss", "", steps, steps, values)


def run(run_id: str, kind: RunKind = RunKind.TRAIN, **fields: object) -> Run:
    given = {"kind": kind, "status": RunStatus.FINISHED, "name": run_id, **fields}
    return Run(run_id, "p", **given)  # type: ignore[arg-type]


def test_few_points_are_drawn_as_they_are() -> None:
    part = series(np.array([1.0, np.nan, 3.0]))
    thin = charts.thinned(part)
    assert thin.values is part.values


def test_many_points_keep_their_least_and_greatest() -> None:
    values = np.sin(np.arange(10_000) / 50.0)
    values[[5, 7_777]] = [9.0, -9.0]
    values[2_000:2_100] = np.nan
    values[6_000] = np.inf
    thin = charts.thinned(series(values))
    assert len(thin.steps) <= 300
    assert (thin.high.max(), thin.low.min()) == (9.0, -9.0)
    assert np.isfinite(thin.values).all()
    assert (thin.low <= thin.values).all()
    assert (thin.values <= thin.high).all()
    figure = charts.figure("loss", [(run("a"), series(values))], {"a": "#0072b2"})
    assert [trace.hoverinfo for trace in figure.data] == ["skip", None]


def test_runs_of_one_name_are_told_apart() -> None:
    twins = [(run(name, name="same"), series(np.ones(3))) for name in ("abcdef123", "uvwxyz123")]
    figure = charts.figure("loss", twins, {"abcdef123": "#000000", "uvwxyz123": "#111111"})
    assert [trace.name for trace in figure.data] == ["same abcdef", "same uvwxyz"]


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
