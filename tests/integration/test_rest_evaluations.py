"""What pages of evaluations ask the API: figures, samples, flips, leaderboards, a selection for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import review_ui_seeds as seeds
from starlette.testclient import TestClient

from weft import clock, settings
from weft.evals.kept import Kept
from weft.records import (
    Failure,
    ItemStatus,
    RunKind,
    RunStatus,
    RunUpdate,
    Sample,
    SampleStatus,
    Score,
    ScoreSource,
)
from weft.repositories import Store
from weft.reviews import Queue, ReviewPolicy, estimate
from weft.reviews.by_hand import send_samples
from weft.server import create_app
from weft.server.rest import evaluations
from weft.testing.memory import memory_store

PROJECT = "p"
JUDGED = {"a": [0.1, 0.9, 0.4, 0.4, None, None], "b": [0.9, 0.2, 0.4, 0.6, 0.5, None]}


def evaluated(run: str, at: int, status: RunStatus = RunStatus.FINISHED) -> Iterator[Any]:
    """Six samples: the last one failed, the fifth of the run "a" has no score since its scorer failed."""
    config = {"evaluation": "qa", "target": f"target {run}", "dataset": "d:v1",
              "scorers": [{"name": "judge"}, {"name": "exact"}, {"name": "verdict"}]}  # fmt: skip
    yield RunUpdate(run, PROJECT, at, kind=RunKind.EVAL, name=run, status=status, started_at_ns=at,
                    ended_at_ns=at + 9, config=config, summary={"aggregates": {
                        "judge": {"n": 4, "missing": 2, "value": sum(v or 0 for v in JUDGED[run])}}})  # fmt: skip
    for number, judged in enumerate(JUDGED[run]):
        example, failed = f"e{number}", number == 5
        failure = Failure("TimeoutError", "too slow", "line 1") if failed else None
        yield Sample(
            run, PROJECT, example, 0, SampleStatus.ERROR if failed else SampleStatus.OK, at, at + (number + 1) * 10**9,
            input={"question": f"Where is {number}?"}, expected="Here",
            output=None if failed else f"Said {run}{number}",
            failure=failure, tags=["even"] if number % 2 == 0 else [], cluster=f"c{number // 2}",
            input_tokens=10 * number, output_tokens=1, cost_usd=0.01 * number,
        )  # fmt: skip
        if failed:
            continue
        lost = Failure("ValueError", "no number", "") if judged is None else None
        yield Score(f"{run}j{number}", PROJECT, "judge", at, ScoreSource.LLM, judged, run_id=run, example_id=example,
                    repetition=0, failure=lost)  # fmt: skip
        yield Score(f"{run}x{number}", PROJECT, "exact", at, ScoreSource.CODE, float(number != 1 or run == "a"),
                    run_id=run, example_id=example, repetition=0)  # fmt: skip
        yield Score(f"{run}v{number}", PROJECT, "verdict", at, ScoreSource.CODE, None, "yes" if number < 3 else "no",
                    run_id=run, example_id=example, repetition=0)  # fmt: skip


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    now = clock.now_ns()
    seeds.ingest(opened, [*evaluated("a", now - 10**12), *evaluated("b", now)])
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(create_app(store, settings.load()), base_url="http://127.0.0.1:4300") as opened:
        yield opened


def found(client: TestClient, **asked: str) -> list[str]:
    answer = client.get("/api/evaluations/a/samples", params=asked)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["rows"]
    assert answer.json()["found"] == len(rows)
    return [row["sample"]["example_id"][1:] for row in rows]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, "540231"),  # failed, then without a score, then the lowest
        ({"order": "judge"}, "023145"),
        ({"order": "-judge"}, "123045"),
        ({"order": "-latency_s"}, "543210"),
        ({"order": "example"}, "012345"),
        ({"where": "judge < 0.5", "order": "-cost_usd"}, "320"),
        ({"where": "not judge < 0.5", "order": "example"}, "145"),
        ({"where": "judge is missing"}, "54"),
        ({"where": "failed"}, "5"),
        ({"where": "not failed and judge is missing"}, "4"),
        ({"where": "tag == even", "order": "example"}, "024"),
        ({"where": "tag != even", "order": "example"}, "135"),
        ({"where": "tag is missing", "order": "example"}, "135"),
        ({"where": 'cluster == "c1"', "order": "example"}, "23"),
        ({"where": "error == TimeoutError"}, "5"),
        ({"where": "error is not missing"}, "5"),
        ({"where": "status == error"}, "5"),
        ({"where": "example != e0 and verdict=yes == 1", "order": "example"}, "12"),
        ({"where": "tokens >= 31 and repetition == 0", "order": "tokens"}, "345"),
        ({"text": "SAID A3"}, "3"),
        ({"text": "too slow"}, "5"),
        ({"text": "where is", "where": "judge > 0.3", "order": "judge"}, "231"),
    ],
)
def test_samples_are_found_and_sorted(client: TestClient, asked: dict[str, str], numbers: str) -> None:
    assert "".join(found(client, **asked)) == numbers


def test_a_window_of_samples_comes_with_all_scores(client: TestClient) -> None:
    answer = client.get("/api/evaluations/a/samples?order=example&first=2&count=2").json()
    assert (answer["samples"], answer["found"], answer["first"]) == (6, 6, 2)
    assert [row["sample"]["example_id"] for row in answer["rows"]] == ["e2", "e3"]
    scores = {score["name"]: score for score in answer["rows"][0]["scores"]}
    assert scores["judge"]["value"] == 0.4
    assert scores["verdict"]["label"] == "yes"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/evaluations/a/samples?where=nothing+%3D%3D+1", 422, "there is no field 'nothing'"),
        ("/api/evaluations/a/samples?order=nothing", 422, "There is no column 'nothing'"),
        ("/api/evaluations/a/samples?count=501", 422, "count is 501"),
        ("/api/evaluations/none/samples", 404, "none"),
        ("/api/evaluations/a/breakdown?metric=nothing", 422, "nothing"),
        ("/api/comparisons?runs=a", 422, "This names 1 evaluations"),
        ("/api/comparisons/flips?runs=a,b&metric=nothing", 422, "share no metric 'nothing'"),
        ("/api/comparisons/flips?runs=a,b&metric=judge&direction=up", 422, "no direction 'up'"),
        ("/api/comparisons/flips?runs=a,b&metric=judge&count=0", 422, "count is 0"),
        ("/api/leaderboards?project=p", 422, "dataset"),
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, path: str, status: int, message: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_figures_of_an_evaluation(client: TestClient) -> None:
    told = client.get("/api/evaluations/a/figures").json()
    assert told["metrics"][0] == "judge"  # as the run's own summary has them
    assert sorted(told["metrics"]) == ["exact", "judge", "verdict=no", "verdict=yes"]
    assert told["distributions"]["judge"] == {"bars": [[0.1, 0.1, 1], [0.4, 0.4, 2], [0.9, 0.9, 1]], "missing": 2}
    kinds = [(row["scorer"], row["kind"], row["count"]) for row in told["failures"]]
    assert sorted(kinds, key=str) == [("judge", "ValueError", 1), (None, "TimeoutError", 1)]
    assert told["cost_usd"] == pytest.approx(0.15)
    assert (told["input_tokens"], told["output_tokens"]) == (150, 6)
    assert told["latency_s"]["p50"]["value"] == pytest.approx(3)
    assert (told["tags"], told["clusters"]) == (1, 3)
    rows = client.get("/api/evaluations/a/breakdown?metric=judge").json()
    assert [(row["group"], row["n"], row["missing"]) for row in rows] == [("", 2, 1), ("even", 2, 1)]
    rows = client.get("/api/evaluations/a/breakdown?metric=exact&by=cluster").json()
    assert [row["group"] for row in rows] == ["c0", "c1", "c2"]


def test_many_values_are_counted_in_bars(store: Store) -> None:
    now = clock.now_ns()
    config = {"scorers": [{"name": "s"}]}
    seeds.ingest(store, [
        RunUpdate("m", PROJECT, now, kind=RunKind.EVAL, status=RunStatus.FINISHED, config=config),
        *(Sample("m", PROJECT, f"e{k}", 0, SampleStatus.OK, now, now + 5) for k in range(101)),
        *(Score(f"m{k}", PROJECT, "s", now, ScoreSource.CODE, k / 100, run_id="m", example_id=f"e{k}", repetition=0)
          for k in range(101)),
    ], writer="m")  # fmt: skip
    bars = Kept(store).get("m").sheet.distribution("s")["bars"]
    assert [count for _, _, count in bars] == [5] * 19 + [6]
    assert (bars[0][0], bars[-1][1]) == (0.0, 1.0)
    sheet = Kept(store).get("m").sheet
    for low, high, count in bars[:-1]:  # the filter of a bar finds what the bar counts
        assert len(sheet.find(f"s >= {low} and s < {high}")) == count


def test_flips_come_with_every_answer_what_got_worse_first(client: TestClient) -> None:
    told = client.get("/api/comparisons?runs=a,b").json()
    (pair,) = told["pairs"]
    judge = next(row for row in pair["metrics"] if row["metric"] == "judge")
    assert (judge["gained"], judge["lost"]) == (2, 1)
    assert "shared examples" in judge["sentence"]
    assert [run["target"] for run in told["runs"]] == ["target a", "target b"]
    flips = client.get("/api/comparisons/flips?runs=a,b&metric=judge").json()
    assert [row["example_id"] for row in flips["rows"]] == ["e1", "e0", "e3"]
    first = flips["rows"][0]
    assert [side["values"] for side in first["sides"]] == [[0.9], [0.2]]
    assert [side["sample"]["output"] for side in first["sides"]] == ["Said a1", "Said b1"]
    assert first["input"] == {"question": "Where is 1?"}
    for direction, examples in (("worse", ["e1"]), ("better", ["e0", "e3"])):
        some = client.get(f"/api/comparisons/flips?runs=a,b&metric=judge&direction={direction}").json()
        assert [row["example_id"] for row in some["rows"]] == examples
    three = client.get("/api/comparisons/flips?runs=b,a,b&metric=judge").json()
    assert len(three["rows"][0]["sides"]) == 2  # a run is named once


def test_a_leaderboard_ranks_the_last_result_of_each_target(store: Store, client: TestClient) -> None:
    board = client.get("/api/leaderboards?project=p&dataset=d:v1&metric=judge").json()
    assert [row["run_id"] for row in board["rows"]] == ["b", "a"]
    assert [row["standing"] for row in board["rows"]] == ["best", "not distinguishable"]
    assert board["rows"][1]["difference"]["n"] == 4
    now = clock.now_ns() + 10**12
    again = [replace(part, run_id="b2", started_at_ns=now) if isinstance(part, RunUpdate) else
             replace(part, run_id="b2", **({"score_id": part.score_id + "2"} if isinstance(part, Score) else {}))
             for part in evaluated("b", now)]  # fmt: skip
    seeds.ingest(store, again, writer="again")
    board = client.get("/api/leaderboards?project=p&dataset=d:v1&metric=judge").json()
    assert [row["run_id"] for row in board["rows"]] == ["b2", "a"]
    assert client.get("/api/leaderboards?project=p&dataset=d:v2").json()["rows"] == []


def test_a_result_is_read_anew_when_its_run_goes_on(store: Store) -> None:
    kept = Kept(store)
    first = kept.get("a")
    assert kept.get("a") is first
    assert kept.compare(["a", "b"]) is kept.compare(["a", "b"])
    now = clock.now_ns()
    seeds.ingest(store, [
        Sample("a", PROJECT, "e9", 0, SampleStatus.OK, now, now + 5),
        RunUpdate("a", PROJECT, now, ended_at_ns=now),
    ], writer="more")  # fmt: skip
    assert len(kept.get("a").sheet) == 7
    assert len(first.sheet) == 6


def test_a_selection_is_sent_to_people_once_and_never_counted(store: Store, client: TestClient) -> None:
    asked = {"queue": "hand", "samples": [["e0", 0], ["e5", 0]], "question": "Good?", "reason": "odd"}
    answer = client.post("/api/evaluations/a/review", json=asked).json()
    assert (answer["chosen"], answer["added"], answer["queue"]["name"]) == (2, 1, "hand")  # e5 has no answer
    assert client.post("/api/evaluations/a/review", json=asked).json()["added"] == 0
    more = client.post("/api/evaluations/a/review", json={"queue": "hand", "where": "judge < 0.5"}).json()
    assert (more["chosen"], more["added"]) == (3, 2)
    queue = Queue.open(store, PROJECT, "hand")
    assert "Good?" in str(queue.record.rubric)
    item = queue.claim("ann")
    assert item is not None
    assert (item.run_id, item.p, item.shown["output"][:6]) == ("a", None, "Said a")
    wrong = client.post("/api/evaluations/a/review", json={"queue": "hand", "samples": [["e77", 0]]})
    assert wrong.json()["error"]["message"] == "The run a has no sample 'e77', 0."
    wrong = client.post("/api/evaluations/a/review", json={"queue": "/", "where": "failed"})
    assert "cannot stand in an address" in wrong.json()["error"]["message"]


def test_what_a_draw_serves_anyway_is_not_sent_twice(store: Store) -> None:
    samples = store.evaluations.list_samples("b").items
    scores = Kept(store).get("b").result.scores
    report = ReviewPolicy("drawn", budget=0.5).route_samples(store, PROJECT, samples, scores)
    before = estimate(store, report.queue, run_id="b")
    items = store.reviews.list_items(report.queue.queue_id).items
    held = sum(item.status == ItemStatus.HELD for item in items)
    assert send_samples(store, report.queue, samples) == held
    assert send_samples(store, report.queue, samples) == 0
    assert estimate(store, report.queue, run_id="b").before == before.before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"samples": [["e0", 0]] * 3}, "There are 3 samples."),
        ({"where": "not failed"}, "The filter finds 5 samples."),
    ],
)
def test_too_much_is_not_sent_by_hand(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(evaluations, "_MOST_SENT", 2)
    answer = client.post("/api/evaluations/a/review", json={"queue": "hand", **asked})
    assert answer.json()["error"]["message"] == message
