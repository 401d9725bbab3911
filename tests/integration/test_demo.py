"""The demo from end to end, twice into one directory, and what it left there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft.records import NodeKind, ScoreQuery
from weft.reviews import Queue, estimate
from weft.testing.openai_server import OpenAIServer


def tell(directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "weft.cli", "demo", "--no-serve", "--examples", "80", "--dir", str(directory)],
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_the_whole_job_is_told_and_stored_in_one_file(tmp_path: Path) -> None:
    # One test, as the demo would be told again in each process that has one of several.
    directory = tmp_path / "demo"
    told = directory, [tell(directory), tell(directory)]
    for text in (
        "6/6 Lineage",
        "after the labels",
        "answered by model module-namer:v1",
        "dataset stdlib-docstrings:v1",
    ):
        assert all(text in story for story in told[1])
    with sqlite3.connect(directory / "weft.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not (directory / "blobs").exists() or not any((directory / "blobs").rglob("*.*"))
    for holds in (
        runs_of_every_kind_are_finished_and_the_second_telling_adds,
        a_sweep_has_ended,
        openai_and_litellm_answer_in_one_trace_with_tokens_cost_and_the_model_version,
        every_sample_has_its_scores_and_a_draw_and_labels_are_marked_simulated,
        the_model_is_registered_once_and_evaluated_into_staging,
        an_answer_leads_to_the_data_its_model_learned_from,
    ):
        holds(told)


def runs_of_every_kind_are_finished_and_the_second_telling_adds(told: tuple[Path, list[str]]) -> None:
    with weft.Api(dir=told[0]) as api:
        runs = api.runs(project="demo")
        assert {str(run.status) for run in runs} == {"finished"}
        assert sorted(str(run.kind) for run in runs) == ["app"] * 4 + ["eval"] * 2 + ["train"] * 8 + ["trial"] * 28
        training = next(run for run in runs if run.name == "train module-namer")
        loss = training.series("loss")
        assert loss.values[-1] < loss.values[0] / 2
        assert {span.kind for span in training.spans()} == {"train_step"}
        held_out = training.series("held_out/accuracy").values
        assert len(held_out) == 14
        assert held_out[-1] > held_out[0]
        assert training.summary["held_out/accuracy.max"] == max(held_out)
        assert training.summary["held_out_accuracy"] == held_out[-1]
        logged = {one.name: one.kind for one in api.store.logged.list_logged(training.run_id)}
        assert logged.items() >= {"answers": "table", "confusion": "plot", "weights": "histogram"}.items()
        rows = training.table("answers")
        assert len(rows) == 200
        assert not rows.data[0][3]  # the surest mistakes come first
        assert training.environment
        assert any(summary.name.startswith("system/") for summary in training.metrics())


def a_sweep_has_ended(told: tuple[Path, list[str]]) -> None:
    assert all("sweep small-namer: " in story for story in told[1])
    with weft.Api(dir=told[0]) as api:
        for sweep in api.store.sweeps.list_sweeps("demo"):
            assert (sweep.status, sum(sweep.counts.values())) == ("finished", 14)
            assert sweep.counts["pruned"] > 0
            best, *_ = sorted(api.store.sweeps.list_trials(sweep.sweep_id), key=lambda trial: -(trial.values or [0])[0])
            assert best.params["learning_rate"] > 10


def openai_and_litellm_answer_in_one_trace_with_tokens_cost_and_the_model_version(
    told: tuple[Path, list[str]],
) -> None:
    with weft.Api(dir=told[0]) as api:
        root = next(trace.root for trace in api.traces(project="demo") if trace.root.name == "answer some questions")
        spans = api.trace(root.trace_id)
    answers = [span for span in spans if span.kind == "llm"]
    assert len(answers) == 7
    assert all(span.input_tokens and span.output_tokens and span.cost_usd and span.end_ns for span in answers)
    assert {span.model_version for span in answers} == {"module-namer:v1"}
    assert all(span.input and span.output for span in answers)
    ids = {span.span_id for span in spans}
    assert [span.span_id for span in spans if span.parent_span_id not in ids] == [root.span_id]


def every_sample_has_its_scores_and_a_draw_and_labels_are_marked_simulated(told: tuple[Path, list[str]]) -> None:
    with weft.Api(dir=told[0]) as api:
        for run in api.evaluations(project="demo"):
            assert len(run.samples()) == 80
            by_name = {name: len(run.scores(name)) for name in ("exact", "edit_distance", "judge")}
            assert by_name == {"exact": 80, "edit_distance": 80, "judge": 80}
            assert run.summary["aggregates"]["exact"]["n"] == 80
        queue = Queue.open(api.store, "demo", "module-answers")
        items = api.review_items(queue.record)
        assert len(items) == 160
        assert all(item.u is not None and item.p is not None and item.p >= 0.1 for item in items)
        human = api.scores(project="demo", source="human")
        assert human
        assert all(score.author == "demo-reviewer" and score.metadata["simulated"] for score in human)
        figures = estimate(api.store, queue.record)
        assert figures.simulated == figures.labels == len(human)
        assert figures.after.low is not None


def the_model_is_registered_once_and_evaluated_into_staging(told: tuple[Path, list[str]]) -> None:
    assert "registered as registry/module-namer v1" in told[1][0]
    assert "registry/module-namer:v1 is in staging" in told[1][0]
    assert "is in staging" not in told[1][1]
    with weft.Api(dir=told[0]) as api:
        [standing] = api.store.registry.list_standings("module-namer")
        assert (standing.stage, standing.version.artifact) == ("staging", "module-namer:v1")


def an_answer_leads_to_the_data_its_model_learned_from(told: tuple[Path, list[str]]) -> None:
    with weft.Api(dir=told[0]) as api:
        graph = api.store.artifacts.lineage("demo", NodeKind.ARTIFACT, "module-namer:v1")
        assert "stdlib-docstrings:v1" in {edge.source for edge in graph.upstream}
        assert api.store.evaluations.list_scores(ScoreQuery(project="demo", limit=1)).items


@pytest.mark.soak
def test_the_same_demo_asks_a_model_of_its_own_where_one_is_named(tmp_path: Path) -> None:
    with OpenAIServer(lambda request: "The module is `email`.") as server:
        done = subprocess.run(
            [sys.executable, "-m", "weft.cli", "demo", "--no-serve", "--examples", "20", "--model", "gpt-4o-mini"],
            env={
                **os.environ,
                "WEFT_DIR": str(tmp_path),
                "OPENAI_API_KEY": "sk-none",
                "OPENAI_BASE_URL": server.base_url,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "answered by gpt-4o-mini, a hosted model" in done.stdout
    with weft.Api(dir=tmp_path) as api:
        asked = api.spans(project="demo", model="gpt-4o-mini")
    assert len(asked) == 7 + 20
    assert all(span.cost_usd for span in asked)
