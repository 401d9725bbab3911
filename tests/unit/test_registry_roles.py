"""Who may decide what in the registry, over HTTP with people who sign in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from weft import settings
from weft.records import ArtifactVersion, CheckKind, Credential, CredentialKind, Person, Registered, Requirement, Role
from weft.records.people import new_token, token_digest
from weft.repositories import Store
from weft.server.access import StoreAccess
from weft.server.app import create_app
from weft.server.gate import Gate, rules_of
from weft.store import open_memory

HOST = "http://127.0.0.1:4300"
HOOK = {"hook": {"hook_id": "", "url": "https://ci.example/x"}, "secret": "0123456789abcdef"}


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_memory()
    store.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, "d", 1))
    needs = [Requirement("production", CheckKind.APPROVAL, "admin")]
    store.registry.create(Registered("classifier", checks=needs), author="root")
    store.registry.link("classifier", "p", "clf", author="root")
    yield store
    store.close()


@pytest.fixture
def ask(store: Store) -> Any:
    """Asks in somebody's name: ``ask("mia", "POST", path, body)`` is status and JSON."""
    gate = Gate(
        create_app(store, settings.load(), ingest_address="http://127.0.0.1:1"),
        rules_of(settings.load({})),
        StoreAccess(None, store.people),
    )
    user = TestClient(gate, base_url=HOST)
    keys = {}
    for name, role in (("rae", Role.REVIEWER), ("mia", Role.MEMBER), ("ada", Role.ADMIN)):
        store.people.add_person(Person(name, role))
        token = new_token(CredentialKind.KEY)
        store.people.add_credential(Credential(token_digest(token), CredentialKind.KEY, name))
        keys[name] = {"Authorization": f"Bearer {token}"}

    def asked(name: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = user.request(method, f"/api{path}", json=body, headers=keys[name])
        return answer.status_code, answer.json()

    return asked


def test_a_reviewer_sees_and_decides_nothing(ask: Any) -> None:
    for method, path in (("GET", "/registry"), ("POST", "/registry/classifier/promote"), ("GET", "/registry-log")):
        assert ask("rae", method, path, {"version": 1, "stage": "staging"})[0] == 403


def test_a_member_decides_in_their_own_name_and_meets_what_is_required(ask: Any, store: Store) -> None:
    status, _ = ask("mia", "POST", "/registry/classifier/promote", {"version": 1, "stage": "staging", "author": "ada"})
    assert status == 200
    assert store.registry.list_events("classifier", limit=1).items[0].author == "mia"
    wish = {"version": 1, "stage": "production", "reason": "now", "override": True}
    status, told = ask("mia", "POST", "/registry/classifier/promote", wish)
    assert (status, told["error"]["field"]) == (409, "override")
    known = ask("mia", "GET", "/registry/classifier")[1]
    status, told = ask("mia", "PUT", "/registry/classifier", {"registered": {**known, "checks": []}})
    assert (status, told["error"]["message"]) == (
        409,
        "Stages and requirements of 'classifier' are changed by an admin.",
    )
    status, told = ask("mia", "PUT", "/registry/classifier", {"registered": {**known, "name": "other"}})
    assert (status, told["error"]["message"]) == (422, "The record is of 'other', the address of 'classifier'.")
    assert ask("mia", "POST", "/hooks", HOOK)[0] == 403
    assert ask("mia", "GET", "/hooks") == (200, [])
    ask("mia", "POST", "/registry/classifier/versions/1/approvals", {"stage": "production"})
    assert ask("mia", "POST", "/registry/classifier/promote", {**wish, "override": False})[0] == 409


def test_an_admin_approves_overrides_and_changes_hooks(ask: Any, store: Store) -> None:
    wish = {"version": 1, "stage": "production", "reason": "it is urgent"}
    ask("ada", "POST", "/registry/classifier/versions/1/approvals", {"stage": "production"})
    status, told = ask("ada", "POST", "/registry/classifier/promote", wish)
    assert status == 409
    assert "whoever promotes does not count" in told["error"]["message"]
    assert ask("ada", "POST", "/registry/classifier/promote", {**wish, "override": True})[0] == 200
    assert store.registry.list_standings("classifier")[0].event.overridden == ["1 approval by admin"]
    status, hook = ask("ada", "POST", "/hooks", HOOK)
    assert (status, hook["created_by"]) == (200, "ada")
    assert ask("mia", "DELETE", f"/hooks/{hook['hook_id']}")[0] == 403
    assert ask("ada", "DELETE", f"/hooks/{hook['hook_id']}")[0] == 200


def test_what_an_admin_approved_a_member_promotes(ask: Any) -> None:
    ask("ada", "POST", "/registry/classifier/versions/1/approvals", {"stage": "production"})
    status, version = ask("mia", "POST", "/registry/classifier/promote", {"version": 1, "stage": "production"})
    assert (status, version["stage"]) == (200, "production")
