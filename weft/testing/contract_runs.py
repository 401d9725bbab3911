"""The part of the contract that is about runs, samples and scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import (
    ConsoleLines,
    Failure,
    Metrics,
    RunKind,
    RunQuery,
    RunStatus,
    RunUpdate,
    Sample,
    SampleStatus,
    Score,
    ScoreQuery,
    ScoreSource,
    SpanQuery,
    Writer,
)
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span, trace


class RunContract:
    """Runs: updates merge by their time, whatever order they arrive in."""

    def test_updates_merge_in_any_order(self, store: Store) -> None:
        first = RunUpdate(
            "r",
            "p",
            T,
            kind=RunKind.TRAIN,
            name="a",
            config={"lr": 0.1, "seed": 1},
            tags=["x"],
            writer="w",
            git={"c": "1"},
        )
        second = RunUpdate("r", "p", T + 1, name="b", config={"lr": 0.2}, summary={"loss": 2.0}, notes="n", group="g")
        third = RunUpdate(
            "r", "p", T + 2, status=RunStatus.FINISHED, summary={"loss": 1.0}, ended_at_ns=T + 2, exit_code=0
        )
        orders = [[first, second, third], [third, first, second], [second, third, first]]
        found = []
        for number, order in enumerate(orders):
            for segment, update in enumerate(order):
                store.ingest(batch_of(f"w{number}", replace(update, run_id=f"r{number}"), segment=segment))
            found.append(replace(store.runs.get_run(f"r{number}"), run_id="r"))
        assert found[0] == found[1] == found[2]
        run = found[0]
        assert (run.kind, run.name, run.status, run.exit_code) == (RunKind.TRAIN, "b", RunStatus.FINISHED, 0)
        assert (run.config, run.summary) == ({"lr": 0.2, "seed": 1}, {"loss": 1.0})
        assert (run.tags, run.notes, run.group, run.git, run.started_at_ns) == (["x"], "n", "g", {"c": "1"}, T)

    def test_a_run_that_is_only_named_is_filled_in_later(self, store: Store) -> None:
        store.ingest(batch_of("w", Metrics("r", "p", 0, T + 5, {"loss": 1.0}), a_span(run_id="r2")))
        stub = store.runs.get_run("r")
        assert (stub.kind, stub.name, stub.status, stub.project) == (RunKind.APP, "r", RunStatus.RUNNING, "p")
        update = RunUpdate("r", "p", T, kind=RunKind.EVAL, name="real", started_at_ns=T - 7)
        store.ingest(batch_of("w", update, segment=1))
        run = store.runs.get_run("r")
        assert (run.kind, run.name, run.started_at_ns) == (RunKind.EVAL, "real", T - 7)
        assert store.runs.count_runs(RunQuery(project="p")) == 2

    def test_a_run_whose_writer_is_gone_has_crashed(self, store: Store) -> None:
        for name in ("done", "lost"):
            store.ingest(batch_of(name, RunUpdate(name, "p", T, writer=name), Writer(name, T, 1, "h")))
        store.ingest(batch_of("done", RunUpdate("done", "p", T + 1, status=RunStatus.FINISHED), segment=1))
        assert store.runs.get_run("lost").status is RunStatus.RUNNING
        for name in ("done", "lost"):
            store.ingest(batch_of(name, Writer(name, T + 2, 1, "h", ended=True), segment=2))
        lines = ConsoleLines("lost", "p", T + 1, 0, "stdout", ["the last"])
        store.ingest(batch_of("lost", lines, segment=3))
        store.runs.change_run("lost", notes="why?")
        lost = store.runs.get_run("lost")
        assert (lost.status, lost.ended_at_ns, lost.took_ns) == (RunStatus.CRASHED, None, 1)
        store.ingest(batch_of("lost", Metrics("lost", "p", 0, T + 4, {"loss": 1.0}), segment=4))
        assert store.runs.get_run("lost").last_seen_ns == T + 4
        assert store.runs.get_run("done").status is RunStatus.FINISHED
        for status, names in (("crashed", ["lost"]), ("running", []), ("finished", ["done"])):
            assert [run.name for run in store.runs.list_runs(RunQuery(status=status)).items] == [] or names
            assert [run.run_id for run in store.runs.list_runs(RunQuery(status=status)).items] == names

    def test_filters_and_orders(self, store: Store) -> None:
        updates = [
            RunUpdate(
                "a",
                "p",
                T + 1,
                kind=RunKind.TRAIN,
                name="Alpha",
                summary={"loss": 2},
                config={"m": "x"},
                tags=["one", 'q"t'],
            ),
            RunUpdate(
                "b", "p", T + 2, kind=RunKind.EVAL, name="beta", summary={"loss": 0.5}, config={"m": "y"}, group="g"
            ),
            RunUpdate("c", "p", T + 3, kind=RunKind.TRIAL, name="gamma", parent_run_id="b", notes="50% more"),
            RunUpdate("d", "q", T + 4, name="delta", summary={"loss": -1.0, "bad": "\x00\ud800"}),
        ]
        store.ingest(batch_of("w", *updates))
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "dcba"),
            ({"project": "p"}, "cba"),
            ({"kind": "eval"}, "b"),
            ({"group": "g"}, "b"),
            ({"tag": "one"}, "a"),
            ({"tag": 'q"t'}, "a"),
            ({"tag": "on"}, ""),
            ({"text": "ALPH"}, "a"),
            ({"text": "50% m"}, "c"),
            ({"text": "50_ m"}, ""),
            ({"parent_run_id": "b"}, "c"),
            ({"run_ids": ["a", "c", "zz"]}, "ca"),
            ({"run_ids": []}, ""),
            ({"order": "started_at"}, "abcd"),
            ({"order": "name"}, "abdc"),
            ({"order": "summary.loss"}, "dbac"),
            ({"order": "-summary.loss"}, "abdc"),
            ({"order": "config.m", "project": "p"}, "abc"),
        ]
        for filters, wanted in cases:
            assert "".join(run.run_id for run in store.runs.list_runs(RunQuery(**filters)).items) == wanted, filters
            assert store.runs.count_runs(RunQuery(**filters)) == len(wanted)
        for order in ("started_at", "-summary.loss", "config.m", "name"):
            pages, cursor = "", None
            for _ in range(4):
                page = store.runs.list_runs(RunQuery(order=order, limit=1, cursor=cursor))
                pages, cursor = pages + page.items[0].run_id, page.cursor
            assert cursor is None
            assert pages == "".join(run.run_id for run in store.runs.list_runs(RunQuery(order=order)).items)
        assert store.runs.list_projects() == ["p", "q"]
        for query, words in (
            (RunQuery(order="secret"), "cannot be ordered"),
            (RunQuery(status="great"), "no run status"),
            (RunQuery(kind="trian"), "no run kind .trian.. Use one of app, train"),
            (RunQuery(cursor="??"), "cursor"),
        ):
            with pytest.raises(InputError, match=words):
                store.runs.list_runs(query)

    def test_deleting_a_run_takes_all_that_was_observed_in_it(self, store: Store) -> None:
        def observe(run_id: str, number: int) -> None:
            store.ingest(
                batch_of(
                    run_id,
                    RunUpdate(run_id, "p", T),
                    Metrics(run_id, "p", 0, T, {"loss": 1.0}),
                    ConsoleLines(run_id, "p", T, 0, "stdout", ["hello"]),
                    a_span(number, run_id=run_id),
                    a_span(number + 1, trace_id=trace(99), run_id=run_id),
                    Sample(run_id, "p", "e", 0, SampleStatus.OK, T, T),
                    Score(f"s-{run_id}", "p", "exact", T, ScoreSource.CODE, value=1.0, run_id=run_id),
                )
            )

        observe("gone", 1)
        observe("kept", 11)
        store.runs.delete_run("gone")
        assert store.runs.find_run("gone") is None
        with pytest.raises(NotFoundError, match="There is no run 'gone'"):
            store.runs.get_run("gone")
        with pytest.raises(NotFoundError, match="There is no run"):
            store.runs.delete_run("gone")
        assert store.series.list_series("gone") == []
        assert store.runs.console("gone") == []
        assert store.evaluations.list_samples("gone").items == []
        assert {span.run_id for span in store.spans.list_spans(SpanQuery()).items} == {"kept"}
        assert sorted(item.spans for item in store.spans.list_traces(SpanQuery()).items) == [1, 1]
        assert [score.run_id for score in store.evaluations.list_scores(ScoreQuery()).items] == ["kept"]
        assert store.series.list_series("kept")[0].points == 1
        assert store.integrity() == []


class EvaluationContract:
    """Samples and scores."""

    def test_samples(self, store: Store) -> None:
        full = Sample(
            "r", "p", "e1", 0, SampleStatus.ERROR, T, T + 5, {"q": "\x00" + "x" * 5000}, "yes", None,
            Failure("ValueError", "bad", "stack"), trace(1), f"{1:016x}", "c", ["t"], 1, 2, 0.5,
        )  # fmt: skip
        others = [Sample("r", "p", f"e{n}", rep, SampleStatus.OK, T, T) for n in (2, 3) for rep in (0, 1)]
        store.ingest(batch_of("w", full, *others, replace(full, repetition=1, run_id="other")))
        assert store.evaluations.find_sample("r", "e1", 0) == full
        assert store.evaluations.find_sample("r", "e1", 7) is None
        first = store.evaluations.list_samples("r", limit=3)
        rest = store.evaluations.list_samples("r", limit=3, cursor=first.cursor)
        assert first.items + rest.items == [full, *others]
        assert rest.cursor is None
        better = replace(full, ended_ns=T + 9, status=SampleStatus.OK, failure=None)
        store.ingest(batch_of("w", better, replace(full, ended_ns=T + 7), segment=1))
        assert store.evaluations.find_sample("r", "e1", 0) == better

    def test_scores(self, store: Store) -> None:
        score = Score(
            "s1", "p", "correct", T, ScoreSource.LLM, 0.5, "maybe", "because", 0.75, "judge", "r", "e1", 0,
            trace(1), f"{1:016x}", Failure("E", "m"), {"a": [1]},
        )  # fmt: skip
        missing = Score("s2", "p", "correct", T + 1, ScoreSource.CODE, failure=Failure("E", "failed"), run_id="r")
        store.ingest(batch_of("w", missing, score, Score("s3", "q", "exact", T + 2, ScoreSource.HUMAN, 1.0)))
        assert store.evaluations.list_scores(ScoreQuery(run_id="r")).items == [score, missing]
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({"project": "q"}, ["s3"]),
            ({"example_id": "e1"}, ["s1"]),
            ({"trace_id": trace(1), "span_id": f"{1:016x}"}, ["s1"]),
            ({"name": "correct", "source": "code"}, ["s2"]),
            ({"author": "judge"}, ["s1"]),
        ]
        for filters, wanted in cases:
            assert [s.score_id for s in store.evaluations.list_scores(ScoreQuery(**filters)).items] == wanted
        page = store.evaluations.list_scores(ScoreQuery(limit=2))
        assert [s.score_id for s in store.evaluations.list_scores(ScoreQuery(cursor=page.cursor)).items] == ["s3"]
        revised = replace(score, value=1.0, time_ns=T + 9)
        store.ingest(batch_of("w", revised, segment=1))
        store.ingest(batch_of("w", score, segment=2))
        assert store.evaluations.list_scores(ScoreQuery(name="correct", source="llm")).items == [revised]

    def test_a_score_that_is_not_finite_is_refused(self, store: Store) -> None:
        report = store.ingest(batch_of("w", replace(Score("s", "p", "n", T, ScoreSource.CODE), value="NaN")))  # type: ignore[arg-type]
        assert "value" in report.rejected[0].reason
