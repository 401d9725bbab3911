"""What the page of runs asks the server for: rows of fields, which fields there are, what matters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from weft.records import Run, RunKind, RunStatus, RunUpdate
from weft.server import replies
from weft.server.rest import run_figures
from weft.server.rest.run_figures import field_of, member
from weft.store import open_memory
from weft.testing import batch_of


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A server of nothing but these routes, with twenty runs."""
    store = open_memory()
    runs = [
        RunUpdate(f"r{n:02}", "p", 1000 + n, name=f"run {n}", kind=RunKind.TRAIN, status=RunStatus.FINISHED,
                  config={"opt": {"lr": n / 10}, "seed": n % 2, "_own": 1}, summary={"a.b": n, "loss": 20 - n},
                  started_at_ns=1000 + n, ended_at_ns=5000 + 2 * n)
        for n in range(20)
    ]  # fmt: skip
    store.ingest(batch_of("w", *runs))
    app = FastAPI()
    replies.install(app)
    app.include_router(run_figures.router(store))
    with TestClient(app) as client:
        yield client
    store.close()


def test_rows_have_the_fields_that_were_asked_for(client: TestClient) -> None:
    body = {
        "query": {"project": "p", "limit": 2, "order": "name"},
        "fields": ["name", "config.opt.lr", "duration", "no"],
    }
    page = client.post("/api/runs/rows", json=body).json()
    assert page["runs"] == ["r00", "r01"]
    assert page["rows"] == [["run 0", 0.0, 4000, None], ["run 1", 0.1, 4001, None]]
    body["query"] = {"project": "p", "limit": 2, "order": "name", "cursor": page["cursor"]}
    assert client.post("/api/runs/rows", json=body).json()["runs"] == ["r10", "r11"]


def test_many_rows_come_in_one_answer(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_figures, "_PAGE", 7)
    page = client.post("/api/runs/rows", json={"query": {"limit": 18}, "fields": []}).json()
    assert (len(page["runs"]), len(set(page["runs"])), page["cursor"]) == (18, 18, None)


def test_what_define_metric_hides_is_marked_and_what_stands_for_media_is_no_field() -> None:
    told: dict[str, Any] = {
        "loss": 1.0,
        "norms/w": 2.0,
        "norms/w.max": 3.0,
        "picture": {"_weft": "media", "kind": "image", "digest": "d"},
        "weights": {"kind": "histogram", "low": 0.0, "high": 1.0, "counts": [1]},
        "batch": {"items": [{"_weft": "media", "kind": "image"}]},
        "nested": {"kind": "plain", "n": 1},
        "acc.max": 0.9,
    }
    store = open_memory()
    hide: dict[str, dict[str, Any]] = {
        "norms/*": {"hidden": True},
        "loss": {"hidden": False},
        "acc": {"summary": ["max"]},
    }
    store.ingest(batch_of("w", RunUpdate("r", "p", 1, summary=told, definitions=hide)))
    app = FastAPI()
    app.include_router(run_figures.router(store))
    with TestClient(app) as client:
        found = client.post("/api/runs/fields", json={"query": {"project": "p"}}).json()["fields"]
        rows = client.post("/api/runs/rows", json={"query": {}, "fields": ["summary.acc", "summary.no"]}).json()["rows"]
    assert rows == [[0.9, None]]
    assert {field["name"]: field["hidden"] for field in found} == {
        "summary.loss": False,
        "summary.norms/w": True,
        "summary.norms/w.max": True,
        "summary.nested.kind": False,
        "summary.nested.n": False,
        "summary.acc": False,  # what the definition keeps stands for its member
        "summary.acc.max": True,
    }
    store.close()


def test_fields_are_nested_names_with_their_range(client: TestClient) -> None:
    told = client.post("/api/runs/fields", json={"query": {"project": "p"}}).json()
    assert told["runs"] == 20
    fields = {field["name"]: field for field in told["fields"]}
    assert set(fields) == {"config.opt.lr", "config.seed", "summary.a.b", "summary.loss"}
    lr = fields["config.opt.lr"]
    assert (lr["runs"], lr["numbers"], lr["low"], lr["high"], lr["distinct"]) == (20, 20, 0.0, 1.9, 12)
    assert fields["config.seed"]["distinct"] == 2


def test_importance_is_of_a_result(client: TestClient) -> None:
    told = client.post("/api/runs/importance", json={"query": {"project": "p"}, "target": "summary.loss"}).json()
    assert [field["name"] for field in told["fields"]] == ["config.opt.lr", "config.seed"]
    assert told["fields"][0]["correlation"] == pytest.approx(-1.0)
    wrong = client.post("/api/runs/importance", json={"query": {}, "target": "name"})
    assert wrong.status_code == 422
    assert "Importance is of a field of the summary or the config, not of 'name'." in wrong.text


def test_a_field_is_found_by_its_dotted_name_whatever_its_dots_mean() -> None:
    values: dict[str, Any] = {"a.b": 1, "a": {"c": {"d.e": 2}}, "x": 3}
    assert [member(values, key) for key in ("a.b", "a.c.d.e", "x", "x.y", "a.z")] == [1, 2, 3, None, None]
    run = Run("r", "p", RunKind.TRAIN, "n", RunStatus.RUNNING, environment={"host": "h"}, started_at_ns=1)
    assert [field_of(run, name) for name in ("environment.host", "started", "duration", "secret")] == [
        "h",
        1,
        None,
        None,
    ]
