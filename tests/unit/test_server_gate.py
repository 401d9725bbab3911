"""The outermost layer: host, key, session, origin, over http and websocket alike."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from weft import clock, settings
from weft.errors import WeftError
from weft.repositories import People
from weft.server.access import StoreAccess
from weft.server.gate import Gate, is_loopback, rules_of
from weft.server.sessions import new_session, session_lives

KEY = "correct horse battery staple"
HOST = "http://127.0.0.1:4300"


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


async def _page(_request: Any) -> PlainTextResponse:
    return PlainTextResponse("in")


def client(key: str | None = None, base_url: str = HOST, people: People | None = None, **overrides: Any) -> TestClient:
    inner = Starlette(routes=[WebSocketRoute("/ws", _echo), Route("/page", _page)])
    methods = ["GET", "POST", "DELETE"]
    app = Starlette(
        routes=[
            Route("/api/health", _page),
            Route("/api/runs", _page, methods=methods),
            WebSocketRoute("/socket", _echo),
            Mount("/mounted", inner),
            Route("/", _page),
        ]
    )
    rules = rules_of(settings.load({"api_key": key, **overrides}), people=people is not None)
    return TestClient(Gate(app, rules, StoreAccess(key, people)), base_url=base_url, follow_redirects=False)


def signed_in() -> TestClient:
    user = client(KEY)
    answer = user.post("/login", data={"key": KEY, "next": "/page"}, headers={"Origin": HOST})
    assert answer.status_code == 303
    return user


def in_by_websocket(user: TestClient, path: str = "/socket", **headers: str) -> bool:
    headers = {"Host": "127.0.0.1:4300", **headers}  # the test client does not take it from its base_url here
    try:
        with user.websocket_connect(f"ws://127.0.0.1:4300{path}", headers=headers) as socket:
            return socket.receive_text() == "in"
    except WebSocketDisconnect:
        return False


@pytest.mark.parametrize("host", ["127.0.0.1:4300", "localhost", "LOCALHOST:4300", "[::1]:4300", "localhost.:1"])
def test_loopback_names_are_answered(host: str) -> None:
    assert client().get("/", headers={"Host": host}).text == "in"
    assert in_by_websocket(client(), Host=host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1", "a[b", "localhost@evil.example"]
)
def test_other_hosts_are_refused_over_http_and_websocket(host: str) -> None:
    answer = client().get("/", headers={"Host": host})
    assert answer.status_code == 421  # 400 would tell a drainer that its batch is bad
    assert "WEFT_HOSTS" in answer.json()["error"]["message"]
    assert not in_by_websocket(client(), Host=host)


def test_names_of_a_proxy_are_answered_when_set() -> None:
    user = client(hosts="weft.example.org, other.example")
    assert user.get("/", headers={"Host": "weft.example.org"}).text == "in"
    assert user.get("/", headers={"Host": "third.example"}).status_code == 421


def test_a_server_open_to_others_answers_to_addresses_but_not_to_foreign_names() -> None:
    user = client(KEY, host="0.0.0.0")
    key = {"Authorization": f"Bearer {KEY}"}
    assert user.get("/", headers={"Host": "10.1.2.3:4300", **key}).text == "in"
    assert user.get("/", headers={"Host": "evil.example", **key}).status_code == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "example.org", "::"])
def test_another_host_without_a_key_is_refused(host: str) -> None:
    with pytest.raises(WeftError, match=r"does not listen on .* without a key.*weft user add.*WEFT_API_KEY") as caught:
        rules_of(settings.load({"host": host}))
    assert caught.value.field == "host"
    assert rules_of(settings.load({"host": host, "api_key": KEY})).any_address
    assert rules_of(settings.load({"host": host}), people=True).any_address


def test_what_counts_as_loopback() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.9.9.9", "::1", "0.0.0.0", "name")] == [True] * 3 + [
        False
    ] * 2


@pytest.mark.parametrize("path", ["/api/runs", "/mounted/page", "/nowhere"])
def test_without_the_key_nothing_is_served(path: str) -> None:
    answer = client(KEY).get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"] == {
        "code": "W700",
        "message": "This server asks for a key.",
        "remedy": "Send the header 'Authorization: Bearer <key>' (weft key add), set WEFT_API_KEY, or sign in at "
        "/login.",
        "field": None,
        "column": None,
    }


@pytest.mark.parametrize("path", ["/socket", "/mounted/ws"])
def test_the_key_is_asked_of_websockets_too(path: str) -> None:
    assert not in_by_websocket(client(KEY), path)
    assert not in_by_websocket(client(KEY), path, Authorization="Bearer wrong")
    assert in_by_websocket(client(KEY), path, Authorization=f"Bearer {KEY}")


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", KEY])
def test_a_wrong_key_is_refused(value: str) -> None:
    assert client(KEY).get("/", headers={"Authorization": value}).status_code == 401


def test_the_key_and_health_pass() -> None:
    assert client(KEY).get("/", headers={"Authorization": f"bearer {KEY}"}).text == "in"
    assert client(KEY).get("/api/health").text == "in"


def test_a_browser_is_led_to_the_sign_in_page_and_back() -> None:
    user = client(KEY)
    answer = user.get("/run/a%20b?x=1", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Frun%2Fa%20b%3Fx%3D1")
    form = user.get(answer.headers["location"])
    assert 'value="/run/a b?x=1"' in form.text
    assert "script" not in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    back = user.post("/login", data={"key": KEY, "next": "/run/a b?x=1"}, headers={"Origin": HOST})
    assert (back.status_code, back.headers["location"]) == (303, "/run/a%20b?x=1")
    cookie = back.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert user.get("/").text == "in"
    assert in_by_websocket(user, Origin=HOST)


def test_the_cookie_is_secure_behind_a_proxy_that_speaks_https() -> None:
    headers = {"Origin": HOST.replace("http", "https"), "X-Forwarded-Proto": "https"}
    answer = client(KEY).post("/login", data={"key": KEY}, headers=headers)
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_key_at_the_page_says_so() -> None:
    answer = client(KEY).post("/login", data={"key": "no", "next": '/"><b>'})
    assert answer.status_code == 401
    assert "That is no key" in answer.text
    assert "<b>" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\nb", "http://[bad"]
)
def test_the_sign_in_page_leads_nowhere_else(wanted: str) -> None:
    answer = client(KEY).post("/login", data={"key": KEY, "next": wanted})
    assert answer.headers["location"] == "/"


def test_a_large_sign_in_form_and_other_methods_are_refused() -> None:
    assert client(KEY).post("/login", data={"key": "x" * 10_000}).status_code == 413
    assert client(KEY).delete("/login").status_code == 405


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:9999", "http://[bad"])
def test_changes_by_cookie_need_the_same_origin(origin: str | None) -> None:
    user = signed_in()
    headers = {} if origin is None else {"Origin": origin}
    assert user.post("/api/runs", headers=headers).status_code == 403
    assert not in_by_websocket(user, **headers)
    assert user.get("/api/runs", headers=headers).text == "in"
    assert user.post("/api/runs", headers={"Origin": HOST}).text == "in"


def test_pages_of_other_origins_change_nothing_on_a_server_without_a_key() -> None:
    evil = {"Origin": "http://evil.example"}
    assert client().post("/api/runs", headers=evil).status_code == 403
    assert not in_by_websocket(client(), **evil)
    assert client().post("/api/runs").text == "in"


@pytest.mark.parametrize("change", ["signature", "end", "old", "other key", "rubbish"])
def test_a_session_must_be_signed_and_alive(change: str) -> None:
    clock.replace(lambda: 1_000_000_000 * 1_000_000)
    token = new_session(KEY)
    assert session_lives(token, KEY)
    if change == "signature":
        token = token[:-1] + ("0" if token[-1] != "0" else "1")
    elif change == "end":
        token = "9" + token
    elif change == "old":
        clock.replace(lambda: 1_000_000_000 * 9_000_000)
    elif change == "other key":
        token = new_session("another")
    else:
        token = "é\ud800..."
    assert not session_lives(token, KEY)


def test_every_answer_has_the_security_headers() -> None:
    for answer in (client().get("/"), client(KEY).get("/"), client().get("/", headers={"Host": "evil.example"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors" in answer.headers["content-security-policy"]


def test_odd_cookies_are_no_session() -> None:
    assert client(KEY).get("/", headers={"Cookie": 'a=b; weft_session="\\777; x=\x00'}).status_code == 401
