"""The gate with people behind it: links, sessions, keys, roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from weft import settings
from weft.records import Credential, CredentialKind, Person, Role
from weft.records.people import new_token, token_digest
from weft.records.redaction import Patterns
from weft.repositories import Store
from weft.server.access import StoreAccess, identity_of
from weft.server.gate import Gate, rules_of
from weft.store import open_memory

HOST = "http://127.0.0.1:4300"


async def _who(request: Request) -> JSONResponse:
    seen = identity_of(request.scope)
    told = {name: request.headers.get(f"x-weft-{name}") for name in ("person", "role", "project")}
    return JSONResponse({"person": seen.person, "role": seen.role, "headers": told})


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(websocket.headers.get("x-weft-person", "nobody"))
    await websocket.close()


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_memory()
    yield store
    store.close()


def client(store: Store, key: str | None = None) -> TestClient:
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [Route("/{path:path}", _who, methods=methods), WebSocketRoute("/socket", _socket)]
    gate = Gate(Starlette(routes=routes), rules_of(settings.load({})), StoreAccess(key, store.people))
    return TestClient(gate, base_url=HOST, follow_redirects=False)


def issue(store: Store, kind: CredentialKind, **owner: Any) -> str:
    token = new_token(kind)
    store.people.add_credential(Credential(token_digest(token), kind, **owner))
    return token


def signed_in(store: Store, name: str, role: Role) -> TestClient:
    store.people.add_person(Person(name, role))
    user = client(store)
    answer = user.post(
        "/login", data={"link": issue(store, CredentialKind.LINK, person=name)}, headers={"Origin": HOST}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return user


def test_without_people_there_is_one_local_user(store: Store) -> None:
    assert client(store).get("/api/runs").json() == {
        "person": None,
        "role": "admin",
        "headers": {"person": None, "role": None, "project": None},
    }


def test_with_the_first_person_everybody_is_asked(store: Store) -> None:
    store.people.add_person(Person("ada", Role.ADMIN))
    user = client(store)
    assert user.get("/api/runs").status_code == 401
    to_page = user.get("/review?queue=q", headers={"Accept": "text/html"})
    assert to_page.headers["location"] == "/login?next=%2Freview%3Fqueue%3Dq"
    assert "Open the sign-in link" in user.get("/login").text
    with pytest.raises(WebSocketDisconnect), user.websocket_connect("ws://127.0.0.1:4300/socket"):
        pass


def test_a_link_signs_in_once_and_only_by_its_button(store: Store) -> None:
    store.people.add_person(Person("ada"))
    link = issue(store, CredentialKind.LINK, person="ada")
    for _ in range(2):  # looking at it spends nothing
        page = client(store).get("/login", params={"link": link}).text
        assert f'name="link" value="{link}"' in page
    user = client(store)
    answer = user.post("/login", data={"link": link}, headers={"Origin": HOST})
    assert (answer.status_code, "HttpOnly" in answer.headers["set-cookie"]) == (303, True)
    assert user.get("/api/me").json()["headers"] == {"person": "ada", "role": "member", "project": None}
    again = client(store).post("/login", data={"link": link}, headers={"Origin": HOST})
    assert again.status_code == 401
    assert "was used, or has expired" in again.text
    assert client(store).post("/login", data={"link": link}, headers={"Origin": "http://evil"}).status_code == 403


def test_signing_out_ends_the_session_everywhere(store: Store) -> None:
    user = signed_in(store, "ada", Role.MEMBER)
    copy = client(store)
    copy.cookies = user.cookies
    assert "Sign out" in user.get("/logout").text
    assert user.get("/api/me").status_code == 200  # a page that is looked at changes nothing
    assert user.post("/logout", headers={"Origin": HOST}).status_code == 303
    assert copy.get("/api/me").status_code == 401
    assert user.get("/api/me").status_code == 401


def test_a_key_signs_programs_in_and_at_the_page(store: Store) -> None:
    store.people.add_person(Person("ada", Role.ADMIN))
    key = issue(store, CredentialKind.KEY, person="ada")
    answer = client(store).post("/api/runs", headers={"Authorization": f"Bearer {key}"})
    assert answer.json()["person"] == "ada"
    assert client(store).post("/api/runs", headers={"Authorization": "Bearer weft_key_no"}).status_code == 401
    user = client(store)
    assert user.post("/login", data={"key": key, "next": "/traces"}).headers["location"] == "/traces"
    assert user.get("/api/me").json()["person"] == "ada"
    assert user.cookies["weft_session"] != key


def test_a_local_caller_cannot_say_that_he_is_somebody(store: Store) -> None:
    told = client(store).get("/x", headers={"X-Weft-Person": "root"}).json()
    assert told["headers"]["person"] is None


def test_a_caller_cannot_say_himself_who_he_is(store: Store) -> None:
    user = signed_in(store, "ada", Role.REVIEWER)
    told = user.get("/api/me", headers={"X-Weft-Person": "root", "X-Weft-Role": "admin"}).json()
    assert told["headers"] == {"person": "ada", "role": "reviewer", "project": None}


def test_the_socket_of_the_pages_knows_the_person(store: Store) -> None:
    user = signed_in(store, "ada", Role.REVIEWER)
    headers = {"Host": "127.0.0.1:4300", "Origin": HOST, "Cookie": f"weft_session={user.cookies['weft_session']}"}
    with user.websocket_connect("ws://127.0.0.1:4300/socket", headers=headers) as socket:
        assert socket.receive_text() == "ada"
    headers["Origin"] = "http://evil.example"
    with (
        pytest.raises(WebSocketDisconnect),
        user.websocket_connect("ws://127.0.0.1:4300/socket", headers=headers),
    ):
        pass


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        (Role.REVIEWER, "GET", "/review", 200),
        (Role.REVIEWER, "GET", "/api/me", 200),
        (Role.REVIEWER, "GET", "/api/runs", 403),
        (Role.REVIEWER, "GET", "/api/queues/q/items", 403),
        (Role.REVIEWER, "POST", "/v1/traces", 403),
        (Role.REVIEWER, "GET", "/api/home", 200),
        (Role.REVIEWER, "POST", "/api/queues/q/claim", 200),
        (Role.REVIEWER, "POST", "/api/claims/c/submit", 200),
        (Role.REVIEWER, "GET", "/api/items/i/seen", 200),
        (Role.REVIEWER, "GET", "/api/items/i", 403),
        (Role.REVIEWER, "POST", "/api/items/i/requeue", 403),
        (Role.REVIEWER, "POST", "/api/queues/q/assign", 403),
        (Role.REVIEWER, "GET", "/api/labels?queue_id=q&reviewer=ada", 200),
        (Role.REVIEWER, "GET", "/api/labels?queue_id=q&reviewer=bo", 403),
        (Role.REVIEWER, "GET", "/api/labels?reviewer=ada&reviewer=bo", 403),
        (Role.REVIEWER, "GET", "/api/labels", 403),
        (Role.MEMBER, "GET", "/api/runs", 200),
        (Role.MEMBER, "POST", "/v1/traces", 200),
        (Role.MEMBER, "POST", "/api/spans/a/b/feedback", 200),
        (Role.MEMBER, "GET", "/api/retentions", 200),
        (Role.MEMBER, "PUT", "/api/retentions", 403),
        (Role.MEMBER, "DELETE", "/api/spans", 403),
        (Role.MEMBER, "POST", "/api/spans/delete", 403),
        (Role.MEMBER, "GET", "/api/people", 403),
        (Role.MEMBER, "POST", "/api/credentials", 403),
        (Role.ADMIN, "POST", "/api/credentials", 200),
        (Role.ADMIN, "DELETE", "/api/spans", 200),
    ],
)
def test_roles(store: Store, role: Role, method: str, path: str, status: int) -> None:
    store.people.add_person(Person("ada", role))
    key = issue(store, CredentialKind.KEY, person="ada")
    answer = client(store).request(method, path, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == status


def test_the_key_of_a_project_sends_there_and_does_nothing_else(store: Store) -> None:
    store.people.add_person(Person("ada", Role.ADMIN))
    bearer = {"Authorization": f"Bearer {issue(store, CredentialKind.KEY, project='shop')}"}
    user = client(store)
    assert user.post("/v1/traces", headers=bearer).json()["headers"]["project"] == "shop"
    assert user.post("/v1/traces", headers={**bearer, "X-Weft-Project": "shop"}).status_code == 200
    other = user.post("/v1/logs", headers={**bearer, "X-Weft-Project": "bank"})
    assert (other.status_code, "sends to the project 'shop'" in other.json()["error"]["message"]) == (403, True)
    for method, path in (("GET", "/api/runs"), ("POST", "/api/journal"), ("GET", "/review")):
        assert user.request(method, path, headers=bearer).status_code == 403
    at_page = user.post("/login", data={"key": bearer["Authorization"].split()[1]})
    assert at_page.status_code == 401


def test_who_is_removed_is_out_within_seconds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    user = signed_in(store, "ada", Role.ADMIN)
    store.people.add_person(Person("bo"))
    assert user.get("/api/me").status_code == 200
    store.people.remove_person("ada")
    monkeypatch.setattr("weft.server.access.time.monotonic", lambda: 1e12)
    assert user.get("/api/me").status_code == 401


def test_no_token_gets_into_a_record() -> None:
    for kind in CredentialKind:
        assert Patterns().clean(f"key {new_token(kind)} end".encode()) == b"key [redacted] end"


def test_the_servers_own_key_still_opens_everything(store: Store) -> None:
    store.people.add_person(Person("ada"))
    user = client(store, "k" * 20)
    told = user.delete("/api/spans", headers={"Authorization": f"Bearer {'k' * 20}"}).json()
    assert (told["person"], told["role"]) == (None, "admin")
