"""The trace goes where contextvars do not: headers, outgoing requests, ASGI applications, threads."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from opentelemetry import baggage as otel_baggage
from opentelemetry import context as otel_context

import weft
from weft import tracing
from weft.errors import InputError
from weft.records import Span
from weft.testing.recorder import MemoryRecorder
from weft.tracing.instrumentation.http import is_trusted

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "vendor=1"}


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(run_id="run-1") as active:
        yield active
    tracing.uninstrument()


@weft.op
def work(number: int = 0) -> dict[str, str]:
    return weft.headers()


def test_headers_name_the_current_span(recorder: MemoryRecorder) -> None:
    assert weft.headers() == {}
    sent = work()
    span = recorder.span("work")
    assert sent["traceparent"].startswith(f"00-{span.trace_id}-{span.span_id}-")
    assert sent["traceparent"][-2:] != "00"
    assert "baggage" not in sent


def test_a_callers_trace_is_continued(recorder: MemoryRecorder) -> None:
    with weft.continue_trace({"TraceParent": CALLER["traceparent"], "tracestate": "vendor=1"}):
        sent = work()
    with weft.continue_trace([(b"traceparent", CALLER["traceparent"].encode())]):
        work(1)
    work(2)
    first, second, third = recorder.spans
    assert (first.trace_id, first.parent_span_id) == (TRACE, "00f067aa0ba902b7")
    assert (second.trace_id, second.parent_span_id) == (TRACE, "00f067aa0ba902b7")
    assert third.trace_id != TRACE
    assert sent["traceparent"].startswith(f"00-{TRACE}-{first.span_id}-")
    assert sent["tracestate"] == "vendor=1"


def test_a_caller_that_does_not_record_is_obeyed(recorder: MemoryRecorder) -> None:
    with weft.continue_trace({"traceparent": CALLER["traceparent"][:-2] + "00"}):
        work()
    assert recorder.spans == []


@pytest.mark.parametrize("bad", ["", "00-xyz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "é" * 50, "00-1-2-3" * 900])
def test_headers_that_name_no_trace_change_nothing(recorder: MemoryRecorder, bad: str) -> None:
    with tracing.span("mine"), weft.continue_trace({"traceparent": bad}):
        work()
    assert recorder.span("work").parent_span_id == recorder.span("mine").span_id


def test_what_holds_no_headers_is_an_error() -> None:
    for bad in (3, "traceparent", [("a",)]):
        with pytest.raises(InputError, match="holds no headers"), weft.continue_trace(bad):  # type: ignore[arg-type]
            pass


def test_conversation_user_and_run_go_along_where_both_sides_want_it(recorder: MemoryRecorder) -> None:
    token = otel_context.attach(otel_baggage.set_baggage("shop", "eu"))
    with weft.thread("t 1", user="é"), tracing.span("caller"):
        sent = weft.headers(baggage=True)
    otel_context.detach(token)
    assert "weft.thread.id=t+1" in sent["baggage"] or "weft.thread.id=t%201" in sent["baggage"]
    with weft.continue_trace(sent):
        work(1)
        assert otel_baggage.get_baggage("shop") is None
    other = MemoryRecorder(run_id="another")
    with other, weft.continue_trace(sent, baggage=True):
        work(2)
        assert otel_baggage.get_baggage("shop") == "eu"
    assert recorder.span("work").thread_id is None
    believed = other.span("work")
    assert (believed.thread_id, believed.user_id, believed.run_id) == ("t 1", "é", "run-1")


def test_ids_of_a_caller_are_bounded(recorder: MemoryRecorder) -> None:
    with weft.continue_trace({"baggage": f"weft.user.id={'x' * 4000}"}, baggage=True):
        work()
    assert recorder.span("work").user_id == "x" * 256


@pytest.mark.parametrize(
    ("url", "hosts", "trusted"),
    [
        ("http://api.internal/x", ["api.internal"], True),
        ("http://API.internal:8080/x", ["api.internal"], True),
        ("https://api.internal/x", ["api.internal:443"], True),
        ("http://api.internal:1/x", ["api.internal:2"], False),
        ("http://a.b.internal/", ["*.internal"], True),
        ("http://internal.evil.example/", ["*.internal"], False),
        ("http://api.internal@evil.example/", ["api.internal"], False),
        ("http://evil.example/api.internal", ["api.internal"], False),
        ("not a url", ["*.internal"], False),
    ],
)
def test_which_hosts_are_trusted(url: str, hosts: list[str], trusted: bool) -> None:
    assert is_trusted(url, hosts) is trusted


def test_httpx_sends_the_trace_to_trusted_hosts_only(recorder: MemoryRecorder) -> None:
    seen: dict[str, str | None] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen[str(request.url)] = request.headers.get("traceparent")
        if request.url.path == "/away":
            return httpx.Response(302, headers={"location": "http://evil.example/"})
        if request.url.path == "/back":
            return httpx.Response(302, headers={"location": "http://b.internal/"})
        return httpx.Response(200)

    tracing.instrument("httpx", hosts=["*.internal"])
    tracing.instrument("httpx", hosts=["*.internal"])
    with httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True) as client, tracing.span("caller"):
        client.get("http://a.internal/away")
        client.get("http://evil.example/back")
        client.get("http://c.internal/", headers={"traceparent": CALLER["traceparent"]})
        client.get("http://evil.example/mine", headers=weft.headers())

        async def main() -> None:
            async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as later:
                await later.get("http://d.internal/")

        asyncio.run(main())
    span_id = recorder.span("caller").span_id
    ours = {url for url, header in seen.items() if header and span_id in header}
    assert ours == {
        "http://a.internal/away",
        "http://b.internal/",
        "http://d.internal/",
        "http://evil.example/mine",  # asked for by hand
    }
    assert seen["http://c.internal/"] == CALLER["traceparent"]
    assert seen["http://evil.example/"] is None
    tracing.uninstrument("httpx")
    with httpx.Client(transport=httpx.MockTransport(answer)) as client, tracing.span("after"):
        client.get("http://a.internal/after")
    assert seen["http://a.internal/after"] is None


class _Adapter(requests.adapters.HTTPAdapter):
    """Answers itself, below the adapter that Weft knows."""

    def __init__(self, seen: dict[str, str | None]) -> None:
        super().__init__()
        self.seen = seen

    def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen[str(request.url)] = request.headers.get("traceparent")
        raise requests.ConnectionError("seen enough")


def test_requests_sends_the_trace_to_trusted_hosts_only(recorder: MemoryRecorder) -> None:
    seen: dict[str, str | None] = {}
    tracing.instrument("requests", hosts=["a.internal"])
    with requests.Session() as session, tracing.span("caller"):
        session.mount("http://", _Adapter(seen))
        for url in ("http://a.internal/x", "http://evil.example/x"):
            with pytest.raises(requests.ConnectionError):
                session.get(url)
    span_id = recorder.span("caller").span_id
    assert span_id in (seen["http://a.internal/x"] or "")
    assert seen["http://evil.example/x"] is None


def test_requests_takes_the_trace_off_again_where_a_redirect_leads_away(recorder: MemoryRecorder) -> None:
    from weft.tracing.instrumentation.http import _add_to_requests

    with tracing.span("caller"):
        request = requests.Request("GET", "http://a.internal/").prepare()
        _add_to_requests(request, True)
        assert "traceparent" in request.headers
        following = request.copy()
        _add_to_requests(following, False)
        assert "traceparent" not in following.headers


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: tracing.instrument("httpx"), "hosts is missing for 'httpx'"),
        (lambda: tracing.instrument("openai", hosts=["a"]), "hosts is not wanted for 'openai'"),
        (lambda: tracing.instrument("httpx", hosts="a.internal"), "hosts is 'a.internal', not a list"),
        (lambda: tracing.instrument("openai", depth=3), "openai takes no option 'depth'"),
        (lambda: tracing.instrument(3), "3 names no library"),  # type: ignore[arg-type]
        (lambda: tracing.instrument("langchian"), "There is no instrumentor for 'langchian'. Did you mean 'langchain'"),
    ],
)
def test_bad_input(call: Any, field: str) -> None:
    with pytest.raises(InputError, match=field):
        call()


def test_a_library_without_its_instrumentor_says_what_to_install() -> None:
    with pytest.raises(weft.MissingExtraError, match="pip install openinference-instrumentation-langchain"):
        tracing.instrument("langchain")
    tracing.uninstrument("langchain")


def ask(app: Any, path: str = "/", headers: dict[str, str] | None = None) -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.get(path, headers=headers or CALLER)

    return asyncio.run(main())


def service(**options: Any) -> Any:
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()
    app.add_middleware(weft.TraceMiddleware, **options)

    @app.get("/items/{number}")
    async def item(number: int) -> int:
        work(number)
        return number

    @app.get("/threaded")
    def threaded() -> str:  # in a thread of the framework
        work()
        return "ok"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            for number in range(2):
                work(number)
                yield b"x"

        return StreamingResponse(parts())

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("gone")

    return app


@pytest.mark.parametrize("path", ["/items/3", "/threaded", "/stream"])
def test_an_application_continues_the_callers_trace(recorder: MemoryRecorder, path: str) -> None:
    assert ask(service(), path).status_code == 200
    assert {span.name for span in recorder.spans} == {"work"}
    assert all((span.trace_id, span.parent_span_id) == (TRACE, "00f067aa0ba902b7") for span in recorder.spans)


@pytest.mark.parametrize("path", ["/items/3?token=secret", "/threaded", "/stream"])
def test_a_span_of_a_request(recorder: MemoryRecorder, path: str) -> None:
    ask(service(span=True), path)
    top, *below = recorder.spans
    assert (top.trace_id, top.parent_span_id) == (TRACE, "00f067aa0ba902b7")
    assert below
    assert all(span.parent_span_id == top.span_id and span.end_ns <= top.end_ns for span in below)
    assert top.attributes["http.response.status_code"] == 200
    assert "secret" not in str(top)
    route = top.attributes["http.route"]
    assert top.name == f"GET {route}"
    assert route in ("/items/{number}", "/threaded", "/stream")


def test_a_request_that_fails(recorder: MemoryRecorder) -> None:
    assert ask(service(span=True), "/broken").status_code == 500
    (top,) = recorder.spans
    assert str(top.status) == "error"
    assert "KeyError" in str(top.events)


def test_a_request_of_nowhere(recorder: MemoryRecorder) -> None:
    ask(service(span=True), "/nowhere/at/all")
    assert [span.name for span in recorder.spans] == ["GET"]
    assert recorder.spans[0].attributes["url.path"] == "/nowhere/at/all"


def test_a_caller_may_be_believed(recorder: MemoryRecorder) -> None:
    headers = {**CALLER, "baggage": "weft.user.id=u1"}
    ask(service(), "/items/1", headers)
    ask(service(baggage=True), "/items/1", headers)
    assert [span.user_id for span in recorder.spans] == [None, "u1"]


def test_websockets_and_lifespans(recorder: MemoryRecorder) -> None:
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.testclient import TestClient
    from starlette.websockets import WebSocket

    async def chat(socket: WebSocket) -> None:
        await socket.accept()
        work()
        await socket.send_text("hi")
        await socket.close(4001)

    app = weft.TraceMiddleware(Starlette(routes=[WebSocketRoute("/chat", chat)]), span=True)
    with TestClient(app) as client, client.websocket_connect("/chat", headers=CALLER) as socket:
        assert socket.receive_text() == "hi"
    top, below = recorder.spans
    assert (top.name, top.trace_id, below.parent_span_id) == ("WEBSOCKET /chat", TRACE, top.span_id)
    assert top.attributes["websocket.close_code"] == 4001


def test_without_a_session_requests_go_straight_through() -> None:
    assert ask(service(span=True), "/items/1").status_code == 200


def test_pools_and_threads_of_weft_carry_the_trace(recorder: MemoryRecorder) -> None:
    with weft.thread("t1"), tracing.span("top"):
        with weft.ThreadPoolExecutor(2) as pool:
            list(pool.map(work, range(3)))
            pool.submit(work, 3).result()
        thread = weft.ContextAwareThread(target=work, args=(4,), name="mine", daemon=True)
        thread.start()
        thread.join()
        bare = threading.Thread(target=work)
        bare.start()
        bare.join()
    top, *below = recorder.spans
    assert thread.name == "mine"
    assert [span.parent_span_id == top.span_id for span in below] == [True] * 5 + [False]
    assert [span.thread_id for span in below] == ["t1"] * 5 + [None]


def test_tasks_and_threads_of_asyncio_carry_it_by_themselves(recorder: MemoryRecorder) -> None:
    async def main() -> None:
        with tracing.span("top"):
            task = asyncio.create_task(asyncio.to_thread(work))
            await asyncio.gather(task, asyncio.get_running_loop().run_in_executor(None, weft.propagate(work)))

    asyncio.run(main())
    top, *below = recorder.spans
    assert [span.parent_span_id for span in below] == [top.span_id] * 2


def test_a_function_keeps_its_name_and_travels_by_pickle(recorder: MemoryRecorder) -> None:
    with weft.thread("t1", user="u1"), tracing.span("top"):
        carried = weft.propagate(work)
    assert carried.__name__ == "work"
    arrived = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(carried))))
    arrived(7)
    carried(8)
    spans = [span for span in recorder.spans if span.name == "work"]
    assert [span.parent_span_id for span in spans] == [recorder.span("top").span_id] * 2
    assert [(span.thread_id, span.user_id) for span in spans] == [("t1", "u1")] * 2
    assert isinstance(spans[0], Span)
