"""The part of the contract that is about series as charts need them, and the names of metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from weft.errors import InputError
from weft.records import Metrics, RunUpdate
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T

_SECOND = 1_000_000_000


class CurveContract:
    """Curves: each point where they are few, exact buckets of consecutive steps where they are many."""

    def test_few_points_are_told_one_by_one(self, store: Store) -> None:
        log(store, "a", {0: 5.0, 1: math.nan, 7: -1.0})
        log(store, "a", {3: 2.0}, name="acc", source="1")
        log(store, "b", {2: 9.0})
        found = store.series.read_curves(["b", "none", "a"], ["loss", "acc"]).curves
        assert [(c.run_id, c.name, c.source) for c in found] == [
            ("b", "loss", ""),
            ("a", "loss", ""),
            ("a", "acc", "1"),
        ]
        curve = found[1]
        assert curve.x.tolist() == [0.0, 1.0, 7.0]
        for figures in (curve.minimum, curve.maximum, curve.mean, curve.last):
            np.testing.assert_array_equal(figures, [5.0, math.nan, -1.0])
        assert curve.counts.tolist() == [1, 1, 1]
        assert store.series.read_curves([], ["loss"]).curves == []
        assert store.series.read_curves(["a"], []).curves == []

    def test_many_points_become_buckets(self, store: Store) -> None:
        steps = range(0, 6000, 2)
        values = {step: math.sin(step / 50) + (step == 3000) * 100 for step in steps}
        log(store, "a", values)
        log(store, "a", {3000: 50.0, 1: 7.0, 9000: 1.0}, later=1)
        values |= {3000: 50.0, 1: 7.0, 9000: 1.0}
        for buckets in (1, 7, 40, 1000, 5000):
            [curve] = store.series.read_curves(["a"], ["loss"], buckets=buckets).curves
            assert len(curve.x) <= buckets
            check_curve(curve, values)
        [curve] = store.series.read_curves(["a"], ["loss"], buckets=50, first=2999, last=3001.5).curves
        assert (curve.x.tolist(), curve.last.tolist()) == ([3000.0], [50.0])

    def test_over_time_and_another_metric(self, store: Store) -> None:
        store.ingest(batch_of("w", RunUpdate("a", "p", T, started_at_ns=T), segment=99))
        records = [Metrics("a", "p", n, T + n * _SECOND, {"loss": float(n), "epoch": n // 4}) for n in range(2, 20)]
        records += [Metrics("a", "p", n, T + n * _SECOND, {"val": n}) for n in (1, 21)]
        store.ingest(batch_of("w", *records))
        [curve] = store.series.read_curves(["a"], ["loss"], x="relative", first=3.0, last=5.0).curves
        assert curve.x.tolist() == [3.0, 4.0, 5.0]
        [curve] = store.series.read_curves(["a"], ["loss"], x="time", last=T / 1e9 + 2.5).curves
        assert curve.x.tolist() == [(T + 2 * _SECOND) / 1e9]
        curves = store.series.read_curves(["a"], ["loss", "val"], x="epoch", first=2).curves
        assert curves[0].x.tolist() == [2.0] * 4 + [3.0] * 4 + [4.0] * 4
        assert curves[0].last.tolist() == [float(n) for n in range(8, 20)]
        assert (curves[1].x.tolist(), curves[1].last.tolist()) == ([4.0], [21.0])
        assert store.series.read_curves(["a"], ["loss"], x="none").curves == []

    def test_only_what_changed_comes_again(self, store: Store) -> None:
        none = store.series.read_curves(["a", "b"], ["loss"])  # a page that is open before the first point
        assert store.series.read_curves(["a", "b"], ["loss"], since=none.newest) == none
        log(store, "a", {0: 1.0})
        log(store, "b", {0: 2.0})
        first = store.series.read_curves(["a", "b"], ["loss"], since=none.newest)
        assert len(first.curves) == 2
        again = store.series.read_curves(["a", "b"], ["loss"], since=first.newest)
        assert (again.curves, again.newest) == ([], first.newest)
        log(store, "b", {1: 3.0})
        later = store.series.read_curves(["a", "b"], ["loss"], since=first.newest)
        assert [(c.run_id, c.last.tolist()) for c in later.curves] == [("b", [2.0, 3.0])]
        assert store.series.read_curves(["a", "b"], ["loss"], since=later.newest).curves == []

    def test_what_cannot_be_drawn_is_refused(self, store: Store) -> None:
        with pytest.raises(InputError, match="cannot have 0 buckets"):
            store.series.read_curves(["a"], ["loss"], buckets=0)
        with pytest.raises(InputError, match="No answer gave 'yesterday'"):
            store.series.read_curves(["a"], ["loss"], since="yesterday")

    def test_names_of_metrics(self, store: Store) -> None:
        for run_id, logged in (("a", ["loss", "val/loss"]), ("b", ["loss", "100%"]), ("c", ["other"])):
            project = "q" if run_id == "c" else "p"
            store.ingest(batch_of(run_id, Metrics(run_id, project, 0, T, dict.fromkeys(logged, 1.0))))
        store.ingest(batch_of("b", Metrics("b", "p", 0, T, {"loss": 1.0}, source="1"), segment=1))

        def names(**asked: object) -> list[tuple[str, int]]:
            return [(item.name, item.runs) for item in store.series.list_names(**asked).items]  # type: ignore[arg-type]

        assert names(project="p") == [("100%", 1), ("loss", 2), ("val/loss", 1)]
        assert names(project="p", text="LOSS") == [("loss", 2), ("val/loss", 1)]
        assert names(project="p", text="0%") == [("100%", 1)]
        assert names(run_ids=["b", "c"]) == [("100%", 1), ("loss", 1), ("other", 1)]
        assert names(run_ids=["b", "c"], project="q") == [("other", 1)]
        page = store.series.list_names(project="p", limit=2)
        assert [item.name for item in store.series.list_names(project="p", cursor=page.cursor).items] == ["val/loss"]
        with pytest.raises(InputError, match="Nothing says whose names"):
            store.series.list_names()
        store.ingest(batch_of("a", RunUpdate("a", "q", T + 1), segment=1))
        assert names(project="p") == [("100%", 1), ("loss", 1)]
        assert names(project="q") == [("loss", 1), ("other", 1), ("val/loss", 1)]
        store.runs.delete_run("b")
        assert names(project="p") == []


def log(
    store: Store, run_id: str, values: dict[int, float], *, name: str = "loss", source: str = "", later: int = 0
) -> None:
    """Log points, those of a later call behind those of an earlier one."""
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    records = [
        Metrics(run_id, "p", step, T + step + later, {name: words.get(str(value), value)}, source)
        for step, value in values.items()
    ]
    written = f"{run_id}{name}{source}{later}{min(values)}"
    store.ingest(batch_of(written, *records))


def check_curve(curve: object, values: dict[int, float]) -> None:
    """That a curve over steps is an exact envelope of the points."""
    steps = np.array(sorted(values))
    points = np.array([values[int(step)] for step in steps])
    counts = curve.counts  # type: ignore[attr-defined]
    assert counts.sum() == len(steps)
    ends = np.cumsum(counts)
    for index, (start, stop) in enumerate(zip(ends - counts, ends, strict=True)):
        part = points[start:stop]
        known = part[~np.isnan(part)]
        figures = [getattr(curve, name)[index] for name in ("minimum", "maximum", "mean")]
        wanted = [known.min(), known.max(), known.mean()] if len(known) else [math.nan] * 3
        np.testing.assert_allclose(figures, wanted, rtol=1e-9, atol=1e-12)
        assert curve.x[index] == steps[stop - 1]  # type: ignore[attr-defined]
        np.testing.assert_equal(curve.last[index], part[-1])  # type: ignore[attr-defined]
