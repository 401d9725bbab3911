"""The part of the contract that is about resumed, forked and rewound runs, definitions of metrics, and alerts."""

from __future__ import annotations

from typing import Any

import pytest

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import (
    Alert,
    AlertLevel,
    Logged,
    Metrics,
    NodeKind,
    RunKind,
    RunQuery,
    RunStatus,
    RunUpdate,
    Writer,
)
from weft.records.folding import add_value, new_tally
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T


def a_history(store: Store, run_id: str = "r", **fields: Any) -> None:
    """A run of ten steps of a loss, one of two ranks, a sample of the machine, and a text a step."""
    records: list[Any] = [
        RunUpdate(
            run_id,
            "p",
            T,
            kind=RunKind.TRAIN,
            name="first",
            status=RunStatus.RUNNING,
            config={"lr": 0.1},
            summary={"loss": 0.1, "note": "fine", "late": 1.0},
            started_at_ns=T,
            **fields,
        )
    ]
    for step in range(10):
        for rank in ("rank-0", "rank-1"):
            values: dict[str, Any] = {"loss": 1.0 - 0.1 * step + (rank == "rank-1")}
            records.append(Metrics(run_id, "p", step, T + step, values, rank))
        records.append(Logged(run_id, "p", "text", step, T + step, "text", {"kind": "text", "text": str(step)}))
    records.append(Metrics(run_id, "p", 9, T + 9, {"late": 1.0}, "rank-0"))
    records.append(Metrics(run_id, "p", 3, T + 3, {"system/cpu": 5.0}, "system"))
    store.ingest(batch_of(f"writer-{run_id}", *records))


def tally_of(*values: float | str, start: int = 0) -> list[Any]:
    """A tally of values, a nanosecond each."""
    tally = new_tally()
    for time_ns, value in enumerate(values, start):
        add_value(tally, value, time_ns)
    return tally


def steps_of(store: Store, run_id: str, name: str = "loss") -> dict[str, list[int]]:
    """The steps of a series by source."""
    return {series.source: series.steps.tolist() for series in store.series.read_series(run_id, name)}


class HistoryContract:
    """Decisions on what a run's history is."""

    def test_a_fork_begins_with_the_history_up_to_a_step(self, store: Store) -> None:
        a_history(store)
        forked = store.histories.fork_run("r", 4, new_id="f")
        assert (forked.run_id, forked.name, forked.kind) == ("f", "f", RunKind.TRAIN)
        assert (forked.config, forked.status, forked.ended_at_ns) == ({"lr": 0.1}, RunStatus.RUNNING, None)
        assert forked.origin == {"relation": "forked", "run_id": "r", "step": 4}
        assert steps_of(store, "f") == {"rank-0": [0, 1, 2, 3, 4], "rank-1": [0, 1, 2, 3, 4]}
        assert forked.summary == {"loss": pytest.approx(1.6), "note": "fine"}
        assert [logged.step for logged in store.logged.read_logged("f", "text")] == [0, 1, 2, 3, 4]
        assert steps_of(store, "f", "system/cpu") == {}
        for where in ('config.lr == 0.1 and name == "f"', 'summary.note == "fine" and name == "f"'):
            assert [run.run_id for run in store.runs.list_runs(RunQuery(project="p", where=where)).items] == ["f"]
        assert steps_of(store, "r")["rank-0"] == list(range(10))
        (edge,) = store.artifacts.lineage("p", NodeKind.RUN, "f").upstream
        assert (edge.source, edge.relation, edge.target) == ("r", "forked", "f")
        store.ingest(batch_of("w", Metrics("f", "p", 5, T + 100, {"loss": 9.0}, "rank-0")))
        assert steps_of(store, "f")["rank-0"] == [0, 1, 2, 3, 4, 5]
        assert steps_of(store, "r")["rank-0"] == list(range(10))

    def test_a_fork_made_twice_is_one_run(self, store: Store) -> None:
        a_history(store)
        once = store.histories.fork_run("r", 4, new_id="f")
        assert store.histories.fork_run("r", 4, new_id="f") == once
        with pytest.raises(ConflictError, match="There is a run 'f' already"):
            store.histories.fork_run("r", 5, new_id="f")
        with pytest.raises(ConflictError, match="There is a run 'r' already"):
            store.histories.fork_run("r", 5, new_id="r")

    def test_a_rewound_run_goes_on_and_what_it_was_is_kept(self, store: Store) -> None:
        a_history(store)
        run = store.histories.rewind_run("r", 2)
        assert (run.run_id, run.name, run.config) == ("r", "first", {"lr": 0.1})
        assert run.origin == {"relation": "rewound", "run_id": "r.rewound-1", "step": 2}
        assert run.summary == {"loss": pytest.approx(1.8), "note": "fine"}
        assert steps_of(store, "r") == {"rank-0": [0, 1, 2], "rank-1": [0, 1, 2]}
        assert steps_of(store, "r", "system/cpu") == {"system": [3]}
        assert [logged.step for logged in store.logged.read_logged("r", "text")] == [0, 1, 2]
        kept = store.runs.get_run("r.rewound-1")
        assert (kept.tags, kept.status, kept.summary["late"]) == (["rewound"], RunStatus.FINISHED, 1.0)
        assert steps_of(store, "r.rewound-1")["rank-1"] == list(range(10))
        assert len(store.logged.read_logged("r.rewound-1", "text")) == 10
        (edge,) = store.artifacts.lineage("p", NodeKind.RUN, "r").upstream
        assert (edge.source, edge.relation) == ("r.rewound-1", "rewound")
        store.ingest(batch_of("w", Metrics("r", "p", 3, T + 100, {"loss": 7.0}, "rank-0")))
        assert steps_of(store, "r")["rank-0"] == [0, 1, 2, 3]
        store.histories.rewind_run("r", 1)
        assert steps_of(store, "r.rewound-2")["rank-0"] == [0, 1, 2, 3]

    def test_where_nothing_is_behind_the_step_a_rewind_changes_nothing(self, store: Store) -> None:
        a_history(store)
        before = store.runs.get_run("r")
        assert store.histories.rewind_run("r", 9) == before
        assert store.runs.count_runs(RunQuery(project="p")) == 1

    def test_a_rewound_long_series_keeps_every_point(self, store: Store) -> None:
        many = [Metrics("r", "p", step, T + step, {"loss": float(step)}) for step in range(3000)]
        store.ingest(batch_of("w", RunUpdate("r", "p", T, name="n"), *many))
        store.histories.rewind_run("r", 2499)
        (series,) = store.series.read_series("r", "loss")
        assert series.values.tolist() == [float(step) for step in range(2500)]
        (kept,) = store.series.read_series("r.rewound-1", "loss")
        assert (len(kept.steps), kept.values[-1]) == (3000, 2999.0)

    def test_summaries_that_definitions_ask_for_follow_a_rewind(self, store: Store) -> None:
        definition = {"loss": {"summary": ["min", "mean", "last"]}}
        folded = {"one": {"time_ns": T, "tallies": {"loss": tally_of(*[1.0] * 10)}}}
        a_history(store, definitions=definition, folded=folded)
        run = store.histories.rewind_run("r", 1)
        assert run.summary == {
            "loss.min": pytest.approx(0.9),
            "loss.mean": pytest.approx((1.0 + 0.9 + 2.0 + 1.9) / 4),
            "loss.last": pytest.approx(1.9),
            "note": "fine",
        }
        told = {"two": {"time_ns": T + 50, "tallies": {"loss": tally_of(0.5, start=T + 50)}}}
        store.ingest(batch_of("w", RunUpdate("r", "p", T + 50, folded=told)))
        assert store.runs.get_run("r").summary["loss.min"] == 0.5
        assert store.runs.get_run("r").summary["loss.mean"] == pytest.approx(6.3 / 5)

    def test_what_is_not_there(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="There is no run 'nope'"):
            store.histories.fork_run("nope", 1, new_id="f")
        with pytest.raises(NotFoundError, match="There is no run 'nope'"):
            store.histories.rewind_run("nope", 1)
        with pytest.raises(InputError, match="step"):
            store.histories.rewind_run("nope", 2**63)

    def test_a_run_that_goes_on_has_not_ended(self, store: Store) -> None:
        ended = RunUpdate("r", "p", T + 5, status=RunStatus.FAILED, ended_at_ns=T + 5, exit_code=1, failure={"a": "b"})
        again = RunUpdate("r", "p", T + 9, status=RunStatus.RUNNING, writer="w2")
        for number, order in enumerate([[ended, again], [again, ended]]):
            for segment, update in enumerate(order):
                store.ingest(batch_of(f"w{number}", update, segment=segment))
            run = store.runs.get_run("r")
            assert (run.status, run.ended_at_ns, run.exit_code, run.failure) == (RunStatus.RUNNING, None, None, None)
            store.runs.delete_run("r")

    def test_a_run_whose_machine_was_taken_away_is_preempted(self, store: Store) -> None:
        for run_id, status in (("a", RunStatus.FAILED), ("b", RunStatus.RUNNING), ("c", RunStatus.FINISHED)):
            update = RunUpdate(run_id, "p", T, status=status, writer="w", preempting=True)
            store.ingest(batch_of(f"w-{run_id}", update))
        store.ingest(batch_of("w-z", RunUpdate("z", "p", T, status=RunStatus.FAILED)))
        assert store.runs.get_run("b").status is RunStatus.RUNNING
        store.ingest(batch_of("w", Writer("w", T, 1, "h", ended=True)))
        found = {run_id: store.runs.get_run(run_id).status for run_id in "abcz"}
        assert found == {
            "a": RunStatus.PREEMPTED,
            "b": RunStatus.PREEMPTED,
            "c": RunStatus.FINISHED,
            "z": RunStatus.FAILED,
        }
        for status in set(found.values()):
            listed = store.runs.list_runs(RunQuery(project="p", status=status)).items
            assert {run.run_id for run in listed} == {run_id for run_id, one in found.items() if one == status}


class DefinitionContract:
    """Summaries are summed up over the processes of a run, whatever order their records come in."""

    def test_tallies_of_all_processes_make_the_summary(self, store: Store) -> None:
        definitions = {"val/*": {"summary": ["min", "max", "mean", "best", "first", "last"], "goal": "maximize"}}
        parts = [
            RunUpdate("r", "p", T, definitions=definitions),
            RunUpdate("r", "p", T + 3, folded={"a": {"time_ns": 3, "tallies": {"val/x": tally_of(1.0, 5.0)}}}),
            RunUpdate("r", "p", T + 1, folded={"a": {"time_ns": 1, "tallies": {"val/x": tally_of(1.0)}}}),
            RunUpdate(
                "r", "p", T + 2, folded={"b": {"time_ns": 2, "tallies": {"val/x": tally_of("NaN", 0.0, start=7)}}}
            ),
        ]
        for number, order in enumerate([[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]]):
            for segment, place in enumerate(order):
                store.ingest(batch_of(f"w{number}", parts[place], segment=segment))
            run = store.runs.get_run("r")
            assert run.definitions == definitions
            assert run.summary == {
                "val/x.min": 0.0,
                "val/x.max": 5.0,
                "val/x.mean": 2.0,
                "val/x.best": 5.0,
                "val/x.first": 1.0,
                "val/x.last": 0.0,
            }
            store.runs.delete_run("r")

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"definitions": {"a": 3}}, "definitions is not"),
            ({"folded": {"a": {"time_ns": 1}}}, "folded.tallies is not"),
            ({"folded": {"a": {"time_ns": 1, "tallies": {"x": [1]}}}}, "a list of 1 items, not of 8"),
            ({"folded": {"a": {"time_ns": 1, "tallies": {"x": [1, "x", 1, 1, 1, 1, 1, 1]}}}}, "is not a number"),
            ({"folded": {"a": {"time_ns": 1, "tallies": {"x": [0, 0, 1, 1, 1, [], 1, 1]}}}}, "neither a number nor"),
        ],
    )
    def test_what_is_no_tally_is_refused(self, store: Store, fields: dict[str, Any], reason: str) -> None:
        report = store.ingest(batch_of("w", RunUpdate("r", "p", T, **fields)))
        assert reason in report.rejected[0].reason


class AlertContract:
    """What runs want somebody to know."""

    def test_alerts_are_listed_the_newest_first_and_marked_when_they_went_out(self, store: Store) -> None:
        alerts = [
            Alert("a1", "r", "p", T, "one", "text", AlertLevel.WARN),
            Alert("a2", "r", "p", T + 2, "two", "", AlertLevel.ERROR),
            Alert("a3", "s", "q", T + 1, "three", "x"),
        ]
        store.ingest(batch_of("w", *alerts))
        store.ingest(batch_of("w2", alerts[0]))
        listed = store.alerts.list_alerts
        assert [alert.alert_id for alert in listed().items] == ["a2", "a3", "a1"]
        assert listed(run_id="r").items == [alerts[1], alerts[0]]
        assert [alert.alert_id for alert in listed(project="q").items] == ["a3"]
        first = listed(limit=2)
        assert [alert.alert_id for alert in listed(limit=2, cursor=first.cursor).items] == ["a1"]
        posted = store.alerts.mark_posted("a1")
        assert posted.posted_ns is not None
        assert store.alerts.mark_posted("a1") == posted
        assert [alert.alert_id for alert in listed(posted=True).items] == ["a1"]
        assert [alert.alert_id for alert in listed(posted=False).items] == ["a2", "a3"]
        assert store.runs.get_run("s").project == "q"
        with pytest.raises(NotFoundError, match="There is no alert 'nope'"):
            store.alerts.mark_posted("nope")

    def test_a_run_that_is_deleted_takes_its_alerts_along(self, store: Store) -> None:
        store.ingest(batch_of("w", Alert("a1", "r", "p", T, "one", "")))
        store.runs.delete_run("r")
        assert store.alerts.list_alerts().items == []
