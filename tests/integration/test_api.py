"""weft.Api on a directory: every kind of record comes back, page by page."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from weft import recording, session
from weft.errors import InputError, MissingExtraError, NotFoundError
from weft.records import (
    ItemStatus,
    ReviewItem,
    ReviewQueue,
    RunKind,
    RunStatus,
    RunUpdate,
    Sample,
    SampleStatus,
    Score,
    ScoreSource,
    Span,
    SpanStatus,
)

QUIET = {"instrument": False, "console": False, "git": False, "system_interval_s": 0, "quiet": True, "drain": "off"}


@pytest.fixture
def recorder() -> Iterator[recording.Recorder]:
    weft.init("p", id="main", settings=QUIET)
    yield recording.require("the test")
    session.close()


@pytest.fixture
def api() -> Iterator[weft.Api]:
    with weft.Api() as api:
        yield api


def span(n: int, *, parent: int | None = None, project: str = "p") -> Span:
    return Span(
        project=project,
        trace_id=f"{n if parent is None else parent:032x}",
        span_id=f"{n:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        name=f"span {n}",
        start_ns=10**18 + n,
        end_ns=10**18 + n + 1000,
        run_id="main",
        status=SpanStatus.OK,
        input={"n": n},
        output="out",
        cost_usd=0.5,
        attributes={"weft.test": n},
    )


def test_runs_of_all_pages_and_filters(recorder: recording.Recorder, api: weft.Api) -> None:
    for n in range(1200):
        kind = RunKind.TRAIN if n % 2 else RunKind.APP
        recorder.record(RunUpdate(f"r{n:04}", "many", 10**18 + n, kind=kind, name=f"run {n}", started_at_ns=10**18 + n))
    runs = api.runs("many", order="started_at")
    assert [run.run_id for run in runs] == [f"r{n:04}" for n in range(1200)]
    assert len(api.runs(project="many", kind="train")) == 600
    assert len(api.runs("many", limit=7)) == 7
    assert len(api.runs("many", limit=700)) == 700
    assert set(api.projects()) == {"p", "many"}
    assert repr(runs[0]) == "<stored run 'run 0' (r0000, app) of 'many': running>"
    assert type(runs[:2]) is type(runs)
    assert copy.copy(runs[0]).run_id == "r0000"


def test_history_has_a_row_a_step_and_source(recorder: recording.Recorder, api: weft.Api) -> None:
    run = weft.init("p")
    run.log({"a": 1.0})
    run.log({"a": 2.0, "b": 3.0})
    stored = api.run("main")
    rows = stored.history(pandas=False)
    assert [{name: value for name, value in row.items() if name not in ("_timestamp", "_runtime")} for row in rows] == [
        {"_step": 0, "a": 1.0},
        {"_step": 1, "a": 2.0, "b": 3.0},
    ]
    assert 0 <= rows[0]["_runtime"] <= rows[1]["_runtime"] < 3600
    assert list(stored.scan_history(keys=["a"], min_step=1)) == [{n: v for n, v in rows[1].items() if n != "b"}]
    assert len(stored.history(1, pandas=False)) == 1
    assert stored.history(keys=["a", "b"], pandas=False)[0]["_step"] == 1
    assert stored.history(keys=["never"], pandas=False) == []
    assert stored.last_step == 1
    assert [(m.name, m.points, m.last) for m in stored.metrics()] == [("a", 2, 2.0), ("b", 1, 3.0)]
    assert stored.series("a").steps.dtype == "int64"
    assert stored.series("a").values.dtype == "float64"
    with pytest.raises(NotFoundError, match=r"The run main has no series 'c'\. It has: a, b\."):
        stored.series("c")
    table = stored.history()
    assert list(table.columns) == ["_step", "_timestamp", "_runtime", "a", "b"]
    assert table["a"].tolist() == [1.0, 2.0]
    assert table["b"].isna().tolist() == [True, False]
    with pytest.raises(InputError, match="samples is 0. Use a positive number, or None"):
        stored.history(0)
    with pytest.raises(InputError, match="keys is the text 'a'. Use keys="):
        stored.history(keys="a")
    with pytest.raises(InputError, match="There is no stream 'gpu'. Use stream="):
        stored.history(stream="gpu")


def test_spans_and_traces(recorder: recording.Recorder, api: weft.Api) -> None:
    for n in range(1, 4):
        recorder.record(span(n))
        recorder.record(span(100 + n, parent=n))
    found = api.spans(project="p", order="start")
    assert [s.name for s in found] == ["span 1", "span 2", "span 3", "span 101", "span 102", "span 103"]
    child = next(s for s in found if s.name == "span 102")
    assert (child.trace_id, child.span_id, child.parent_span_id) == (f"{2:032x}", f"{102:016x}", f"{2:016x}")
    assert (child.input, child.output, child.cost_usd, child.attributes["weft.test"]) == ({"n": 102}, "out", 0.5, 102)
    assert len(api.spans("p", limit=2)) == 2
    assert [s.name for s in api.trace(f"{3:032x}")] == ["span 3", "span 103"]
    traces = api.traces("p")
    assert {(t.name, t.spans) for t in traces} == {("span 1", 2), ("span 2", 2), ("span 3", 2)}
    row = traces.to_pandas().iloc[0]
    assert (row["name"], row["spans"], row["errors"]) == (traces[0].name, 2, 0)
    assert api.trace(traces[0].trace_id)[0].name == traces[0].name
    assert [s.name for s in api.run("main").spans()] == [s.name for s in found]
    assert list(found.to_pandas()["status"]) == ["ok"] * 6


def test_evaluations_scores_and_reviews(recorder: recording.Recorder, api: weft.Api) -> None:
    recorder.record(RunUpdate("e1", "p", 10**18, kind=RunKind.EVAL, name="quality", summary={"exact": 0.5}))
    for n in range(3):
        recorder.record(Sample("e1", "p", f"x{n}", 0, SampleStatus.OK, 1, 2, input=n, output=n))
        recorder.record(Score(f"s{n}", "p", "exact", 1, ScoreSource.CODE, value=1.0, run_id="e1", example_id=f"x{n}"))
    assert [run.name for run in api.evaluations("p")] == ["quality"]
    evaluation = api.run("e1")
    assert {sample.example_id for sample in evaluation.samples()} == {"x0", "x1", "x2"}
    assert len(evaluation.scores("exact")) == 3
    assert len(api.scores("p", name="exact", limit=2)) == 2
    assert api.evaluations("p").to_pandas()["summary.exact"].tolist() == [0.5]

    queue = api.store.reviews.create_queue(ReviewQueue("q1", "p", "ambiguous", "human"))
    api.store.reviews.add_items([ReviewItem("i1", queue.queue_id, "p", "ambiguous", ItemStatus.WAITING, u=0.1, p=0.5)])
    assert [(q.name, q.waiting) for q in api.review_queues("p")] == [("ambiguous", 1)]
    for given in (queue, "q1"):
        assert [item.item_id for item in api.review_items(given)] == ["i1"]
    assert api.review_items(queue, status="labelled") == []
    with pytest.raises(NotFoundError):
        api.review_items("no-such-queue")


def test_bad_filters_are_named(api: weft.Api) -> None:
    with pytest.raises(InputError, match="The filter attributes is 'team', not a dict. Use attributes="):
        api.spans(attributes="team")
    with pytest.raises(InputError, match=r"There is no filter 'sort'\. Use group, kind") as caught:
        api.runs("p", sort="x")
    assert caught.value.field == "sort"
    for limit in (0, "many"):
        with pytest.raises(InputError, match="The limit is"):
            api.spans("p", limit=limit)
    with pytest.raises(NotFoundError):
        api.run("never")


def test_without_pandas_the_extra_is_named(api: weft.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="needs the package 'pandas'"):
        api.runs().to_pandas()


def test_reading_finds_what_a_dead_process_left(recorder: recording.Recorder, api: weft.Api) -> None:
    assert len(api.runs("p")) == 1
    code = f"import os, weft; weft.init('p', id='orphan', name='left behind', settings={QUIET!r}); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    orphan = api.run("orphan")
    assert (orphan.name, orphan.status) == ("left behind", RunStatus.CRASHED)


def test_a_directory_and_a_database_are_places_to_read(recorder: recording.Recorder, tmp_path: Path) -> None:
    assert weft.flush(0.0).pending_bytes > 0
    database = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    with weft.Api(db=database) as other:
        assert [run.id for run in other.runs()] == ["main"]
    with weft.Api(dir=tmp_path / "empty") as empty:
        assert empty.runs() == []
