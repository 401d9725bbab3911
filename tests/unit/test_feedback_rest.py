"""Feedback over REST: who is let in, what is stored, whose it is to delete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from weft import settings
from weft.records import Span
from weft.repositories import Store
from weft.server import create_app
from weft.store import open_store
from weft.testing.batches import batch_of

TRACE, SPAN = "a" * 32, "b" * 16


@pytest.fixture
def store(fresh_home: Path) -> Iterator[Store]:
    store = open_store(settings.load())
    store.ingest(batch_of("w", Span("p", TRACE, SPAN, "answer", 1, end_ns=2)))
    yield store
    store.close()


def test_feedback_over_rest(store: Store) -> None:
    app = create_app(store, settings.load({"api_key": "key"}))
    path = f"/api/spans/{TRACE}/{SPAN}/feedback"
    with TestClient(app, base_url="http://127.0.0.1:4300") as stranger:
        assert stranger.post(path, json={"name": "thumbs", "value": 1}).status_code == 401
    with TestClient(
        app, base_url="http://127.0.0.1:4300", headers={"Authorization": "Bearer key"}, raise_server_exceptions=False
    ) as api:
        made = api.post(path, json={"name": "thumbs", "value": 1, "label": "up", "author": "ann"}).json()
        assert (made["project"], made["source"], made["author"]) == ("p", "human", "ann")
        api.post(path, json={"name": "note", "explanation": "fine"})
        assert [(s["name"], s["author"]) for s in api.get(path).json()] == [("thumbs", "ann"), ("note", "anonymous")]
        assert api.delete(f"/api/scores/{made['score_id']}", params={"author": "bob"}).status_code == 409
        assert api.delete(f"/api/scores/{made['score_id']}", params={"author": "ann"}).json() == {
            "deleted": made["score_id"]
        }
        assert [s["name"] for s in api.get(path).json()] == ["note"]
        empty = api.post(path, json={"name": "thumbs"})
        assert (empty.status_code, empty.json()["error"]["message"]) == (422, "The feedback says nothing.")
        bad = api.post(path.replace(SPAN, "x"), json={"name": "thumbs", "value": 1})
        assert (bad.status_code, bad.json()["error"]["field"]) == (422, "span_id")
        away = path.replace(SPAN, "c" * 16)
        missing = api.post(away, json={"name": "thumbs", "value": 1})
        assert (missing.status_code, missing.json()["error"]["remedy"]) == (
            404,
            "Where it is still on its way, send its project along.",
        )
        assert api.post(away, json={"name": "thumbs", "value": 1, "project": "p"}).json()["project"] == "p"
