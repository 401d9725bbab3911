"""Review over HTTP: whose name stands on what, whole and partial bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from weft import settings
from weft.records import Credential, CredentialKind, Person, ReviewItem, ReviewQueue, Role
from weft.records.people import new_token, token_digest
from weft.repositories import Store
from weft.server import create_app
from weft.testing import memory_store


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    opened.reviews.create_queue(ReviewQueue("q", "p", "answers", "correct"))
    opened.reviews.add_items([ReviewItem(f"i{n}", "q", "p", "why", machine={"value": 0.9}) for n in range(3)])
    yield opened
    opened.close()


def client(store: Store, token: str) -> TestClient:
    app = create_app(store, settings.load({"api_key": "server-key"}, {}))
    return TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def ann(store: Store) -> TestClient:
    store.people.add_person(Person("ann", Role.MEMBER))
    token = new_token(CredentialKind.KEY)
    store.people.add_credential(Credential(token_digest(token), CredentialKind.KEY, person="ann"))
    return client(store, token)


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def test_whoever_is_signed_in_is_the_author(ann: TestClient, store: Store) -> None:
    [item] = told(ann.post("/api/queues/q/claim", json={}))
    assert (item["reviewer"], item["machine"], item["claim"]["reviewer"]) == ("ann", {}, "ann")
    submit = f"/api/claims/{item['claim']['claim_id']}/submit"
    refused = told(ann.post(submit, json={"reviewer": "ben", "answers": {"answer": "correct"}}), 409)
    assert refused["error"]["message"] == "'ann' is signed in, not 'ben'."
    seen = told(ann.post(submit, json={"answers": {"answer": "correct"}}))
    assert (seen["revealed"], seen["item"]["machine"], seen["labels"][0]["reviewer"]) == (True, {"value": 0.9}, "ann")
    assert told(ann.post(submit, json={"answers": {"answer": "incorrect"}})) == seen
    assert told(ann.post("/api/items/i0/comments", json={"text": "hm"}))["author"] == "ann"
    assert told(ann.post("/api/items/i0/flag", json={"reason": "odd"}))["flagged"] == "odd"
    assert told(ann.get("/api/home"))[0]["done"] == 1
    assert told(ann.post("/api/queues/q/undo", json={}))["claim"]["answers"] == {"answer": "correct"}
    told(ann.get("/api/home?reviewer=ben"), 409)


def test_the_servers_key_names_the_reviewer(store: Store) -> None:
    program = client(store, "server-key")
    refused = told(program.post("/api/queues/q/claim", json={}), 422)
    assert refused["error"]["message"] == "Nobody is signed in and nobody is named."
    [item] = told(program.post("/api/queues/q/claim", json={"reviewer": "ben"}))
    assert item["reviewer"] == "ben"
    wrong = told(
        program.post(
            f"/api/claims/{item['claim']['claim_id']}/submit", json={"reviewer": "ben", "answers": {"answer": 1}}
        ),
        422,
    )
    assert wrong["error"]["field"] == "answers.answer"
    queue = told(program.get("/api/queues/q"))
    other = told(program.put("/api/queues/other", json={"queue": queue}), 404)
    assert "The queue in the body is 'q', not 'other'" in other["error"]["message"]
    changed = told(program.put("/api/queues/q", json={"queue": queue | {"gold_every": 3}, "author": "ben"}))
    assert changed["gold_every"] == 3
