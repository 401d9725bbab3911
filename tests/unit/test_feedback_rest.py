"""Feedback over REST: who is let in, what is stored, whose it is to delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared_app import app_over
from starlette.testclient import TestClient

from weft import settings
from weft.records import Credential, CredentialKind, Person, Role, Score, ScoreQuery, ScoreSource, Span, dumps
from weft.records.people import new_token, token_digest
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
    app = app_over(store, "key")
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


def test_the_author_is_who_signed_in(store: Store) -> None:
    tokens = {}
    for name, role in (("ann", Role.MEMBER), ("bob", Role.MEMBER), ("root", Role.ADMIN)):
        store.people.add_person(Person(name, role))
        tokens[name] = new_token(CredentialKind.KEY)
        store.people.add_credential(Credential(token_digest(tokens[name]), CredentialKind.KEY, person=name))
    path = f"/api/spans/{TRACE}/{SPAN}/feedback"
    sent = [
        Score(f"s{number}", "p", "thumbs", 1, source, 1.0, author="somebody", trace_id=TRACE, span_id=SPAN)
        for number, source in enumerate((ScoreSource.HUMAN, ScoreSource.CODE))
    ]
    with TestClient(
        create_app(store, settings.load({})), base_url="http://127.0.0.1:4300", raise_server_exceptions=False
    ) as api:

        def ask(method: str, where: str, name: str, **more: object) -> Any:
            return api.request(method, where, headers={"Authorization": f"Bearer {tokens[name]}"}, **more)

        said = ask("POST", path, "ann", json={"name": "thumbs", "value": 1, "author": "bob"}).json()
        assert said["author"] == "ann"
        ask("POST", "/api/scores", "ann", json=json.loads(dumps(sent)))
        assert {score.score_id: score.author for score in store.evaluations.list_scores(ScoreQuery()).items} == {
            said["score_id"]: "ann",
            "s0": "ann",
            "s1": "somebody",
        }
        where = f"/api/scores/{said['score_id']}"
        assert ask("DELETE", where, "bob", params={"author": "ann"}).status_code == 409
        assert ask("DELETE", where, "root").status_code == 200
