"""Spans go to a queue by a query: from Python, the command line and REST; and the figures that come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import weft
from weft import session, settings
from weft.cli.main import app
from weft.errors import InputError, NotFoundError
from weft.reviews import Queue, ReviewPolicy, SimulatedReviewer
from weft.server import create_app


@weft.op
def answer(number: int) -> str:
    return f"answer {number}"


@pytest.fixture(autouse=True)
def recorded(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WEFT_PROJECT", "shop")
    with weft.init(settings={"drain": "thread", "quiet": True}):
        for number in range(40):
            answer(number)
        yield
    session.close()


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["review", *words])
    assert done.exit_code == code, done.output or repr(done.exception)
    return done.output


def test_a_query_sends_spans_and_its_figure_speaks_of_all_of_them() -> None:
    told = json.loads(run("send", "--query", 'name == "answer"', "--queue", "live", "--budget", "0.5", "--json"))
    assert told["sent"] + told["held"] == told["new"] == 40
    assert 8 <= told["sent"] <= 32
    assert "live" in run()
    again = run("send", "-q", 'name == "answer"', "--queue", "live", "--budget", "0.5")
    assert "new: 0" in again
    with weft.Api() as api:
        record = api.review_queues("shop")[0]
        SimulatedReviewer(lambda item: "correct").work(Queue(api.store, record))
        figure = api.review_estimate(record)
        assert (figure.labels, figure.after.n) == (told["sent"], 40)
        assert figure.labels_alone.method == "wilson"
        assert api.review_quality(record).labels == told["sent"]
    text = run("estimate", "live", "--half-width", "0.05")
    assert "labels alone      1.00" in text
    assert "simulated: no person gave them" in text
    assert json.loads(run("estimate", "live", "--json"))["estimate"]["labels"] == told["sent"]
    assert "answer (categories): 1 reviewers" in run("quality", "live")
    assert json.loads(run("quality", "live", "--json"))["quality"]["fields"][0]["name"] == "answer"


def test_python_sends_too_and_says_what_is_missing() -> None:
    report = weft.send_to_review('"answer 1" in output', ReviewPolicy("few", judge=None, budget=1.0))
    assert report.held == 0
    assert report.sent == report.new > 0
    with weft.Api() as api:
        assert api.send_to_review('name == "answer"', "all", limit=5).sent == 5
    with pytest.raises(InputError, match="No span of the project 'shop' matches"):
        weft.send_to_review('name == "nothing"', "few")


def test_by_hand_goes_into_a_queue_that_exists() -> None:
    missing = CliRunner().invoke(app, ["review", "send", "-q", "kind is None", "--queue", "none", "--by-hand"])
    assert isinstance(missing.exception, NotFoundError)
    run("send", "-q", 'name == "answer"', "--queue", "live", "--budget", "0.2", "--question", "Is it polite?")
    assert "sent: 40" in run("send", "-q", 'name == "answer"', "--queue", "live", "--by-hand")
    with weft.Api() as api:
        record = api.review_queues("shop")[0]
        assert record.rubric["question"] == "Is it polite?"
        assert api.review_estimate(record).by_hand == 40


def test_rest_sends_and_gives_the_figures() -> None:
    with (
        weft.Api() as api,
        TestClient(
            create_app(api.store, settings.load(), ingest_address="http://127.0.0.1:1"),
            base_url="http://127.0.0.1:4300",
        ) as client,
    ):
        sent = client.post(
            "/api/projects/shop/review", json={"query": 'name == "answer"', "queue": "live", "budget": 0.5}
        ).json()
        assert sent["new"] == 40
        queue_id = sent["queue"]["queue_id"]
        found = client.get(f"/api/queues/{queue_id}/estimate", params={"level": 0.9}).json()
        assert found["estimate"]["after"]["reason"] == "no label counts yet"
        assert found["judge"]["trust"]["threshold"] is None
        assert client.get(f"/api/queues/{queue_id}/quality").json()["quality"]["labels"] == 0
        assert client.get("/api/queues/none/estimate").status_code == 404
        bad = client.post("/api/projects/shop/review", json={"query": "name ==", "queue": "live"})
        assert bad.status_code == 422
