"""An OpenAI-compatible HTTP server on loopback, over the standard library: for tests, demos and small models.

with OpenAIServer(lambda request: "hello") as server:
    client = openai.OpenAI(base_url=server.base_url, api_key="any")
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Answer = str | dict[str, Any]
_WORDS = re.compile(r"\w+|[^\w\s]")
_LARGEST_BODY = 64 * 2**20
_DIMENSIONS = 32


def count_tokens(text: str) -> int:
    """Words and punctuation marks of ``text``: what this server counts as tokens."""
    return len(_WORDS.findall(text))


class OpenAIServer:
    """Chat completions (streamed too), responses, embeddings and models over HTTP/1.1 with keep-alive.

    ``respond`` is given the request's JSON body and returns the answer: a text, or a dict with any of ``content``,
    ``tool_calls`` (a list of {"name", "arguments"}), ``finish_reason``, ``usage``, ``model``, and ``status`` with
    ``error`` to fail. It runs in the thread of the request. ``model_version`` (``name:v3``) is sent as the header
    ``X-Weft-Model``. ``requests`` keeps the bodies, newest last, at most 1,000. Port 0 picks a free one.
    """

    def __init__(
        self,
        respond: Callable[[dict[str, Any]], Answer] | None = None,
        port: int = 0,
        *,
        model: str = "weft-test",
        model_version: str | None = None,
        embed: Callable[[str], list[float]] | None = None,
    ) -> None:
        self.respond = respond or _echo
        self.embed = embed or _hashed
        self.model = model
        self.model_version = model_version
        self.requests: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """What OpenAI clients want as ``base_url``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> OpenAIServer:
        """Serve in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.05,), name="weft-openai-server", daemon=True
            )
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening, close what is open, wait for the threads."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> OpenAIServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def number(self) -> int:
        """The next number of an answer's id."""
        return next(self._numbers)

    def keep(self, request: dict[str, Any]) -> None:
        """Remember a request's body."""
        self.requests.append(request)
        del self.requests[:-1000]


class _Server(ThreadingHTTPServer):
    """Threads end with their connection; closing the server closes the connections that are kept alive."""

    owner: OpenAIServer
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""


class _RefusedError(Exception):
    """An answer that is an error; the handler turns it into OpenAI's error shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path.split("?")[0].rstrip("/") != "/v1/models":
            self._error(404, f"There is nothing at {self.path}.")
            return
        model = {"id": owner.model, "object": "model", "created": 0, "owned_by": "weft"}
        self._send(200, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        try:
            request = self._body()
            route = self.path.split("?")[0].rstrip("/")
            if route == "/v1/chat/completions":
                self._chat(request)
            elif route == "/v1/responses":
                self._responses(request)
            elif route == "/v1/embeddings":
                self._embeddings(request)
            else:
                self._error(404, f"There is nothing at {self.path}.")
        except _RefusedError as refused:
            self._error(refused.status, str(refused))

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length")
        if length is not None and length.isdecimal() and int(length) <= _LARGEST_BODY:
            data = self.rfile.read(int(length))
        else:
            self.close_connection = True
            raise _RefusedError(411 if length is None else 413, "Send a body with a Content-Length of at most 64 MiB.")
        try:
            request = json.loads(data)
        except (ValueError, RecursionError):
            raise _RefusedError(400, "The body is not JSON.") from None
        if not isinstance(request, dict):
            raise _RefusedError(400, "The body is not a JSON object.")
        self.server.owner.keep(request)
        return request

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self.server.owner.respond(request)
        except Exception as error:
            raise _RefusedError(500, f"{type(error).__name__}: {error}") from error
        answer = {"content": answer} if isinstance(answer, str) else dict(answer)
        if "error" in answer:
            raise _RefusedError(int(answer.get("status", 500)), str(answer["error"]))
        return answer

    def _chat(self, request: dict[str, Any]) -> None:
        messages = request.get("messages")
        if not isinstance(messages, list) or not messages:
            raise _RefusedError(400, "messages must be a list of at least one message.")
        answer = self._answer(request)
        calls = [_call(index, call) for index, call in enumerate(answer.get("tool_calls") or [])]
        content = answer.get("content")
        finish = answer.get("finish_reason") or ("tool_calls" if calls else "stop")
        usage = _usage(answer, messages, content, calls)
        head = {
            "id": f"chatcmpl-{self.server.owner.number()}",
            "created": int(time.time()),
            "model": answer.get("model") or request.get("model") or self.server.owner.model,
            "system_fingerprint": "fp_weft",
        }
        if request.get("stream"):
            with_usage = bool((request.get("stream_options") or {}).get("include_usage"))
            chunks = _chat_chunks(head, content, calls, finish, usage if with_usage else None, with_usage)
            self._stream((json.dumps(chunk) for chunk in chunks), done=True)
            return
        message = {"role": "assistant", "content": content, "refusal": None}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        self._send(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def _responses(self, request: dict[str, Any]) -> None:
        given = request.get("input")
        if not given:
            raise _RefusedError(400, "input must be a text or a list of items.")
        answer = self._answer(request)
        body = _response(self.server.owner, request, answer)
        if not request.get("stream"):
            self._send(200, body)
            return
        events = _response_events(body, answer.get("content"))
        self._stream(
            (json.dumps({**event, "sequence_number": n}) for n, event in enumerate(events)),
            names=True,
        )

    def _embeddings(self, request: dict[str, Any]) -> None:
        given = request.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise _RefusedError(400, "input must be a text or a list of texts.")
        embed = self.server.owner.embed
        rows = [{"object": "embedding", "index": i, "embedding": embed(text)} for i, text in enumerate(texts)]
        tokens = sum(count_tokens(text) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        model = request.get("model") or self.server.owner.model
        self._send(200, {"object": "list", "data": rows, "model": model, "usage": usage})

    def _headers(self, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if self.server.owner.model_version:
            self.send_header("X-Weft-Model", self.server.owner.model_version)

    def _send(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self._headers(status, "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, message: str) -> None:
        kind = "invalid_request_error" if status < 500 else "server_error"
        self._send(status, {"error": {"message": message, "type": kind, "param": None, "code": None}})

    def _stream(self, events: Iterator[str], *, done: bool = False, names: bool = False) -> None:
        self._headers(200, "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            name = f"event: {json.loads(event)['type']}\n" if names else ""
            self._chunk(f"{name}data: {event}\n\n".encode())
        if done:
            self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def _call(index: int, call: dict[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": call.get("name", ""), "arguments": text}
    return {"id": call.get("id") or f"call_{index}", "type": "function", "function": function}


def _said(value: Any) -> int:
    """Tokens of all that is said in messages: their texts and the arguments of their calls, not their form."""
    if isinstance(value, str):
        return count_tokens(value)
    if isinstance(value, list):
        return sum(_said(item) for item in value)
    if isinstance(value, dict):
        spoken = ("content", "text", "input", "arguments", "function", "tool_calls", "output")
        return sum(_said(value[key]) for key in spoken if key in value)
    return 0


def _usage(answer: dict[str, Any], prompt: Any, content: str | None, calls: list[Any]) -> dict[str, Any]:
    counted = {
        "prompt_tokens": _said(prompt),
        "completion_tokens": count_tokens(content or "") + sum(count_tokens(c["function"]["arguments"]) for c in calls),
    }
    given = {**counted, **(answer.get("usage") or {})}
    given.setdefault("total_tokens", given["prompt_tokens"] + given["completion_tokens"])
    return given


def _pieces(content: str | None) -> list[str]:
    """The text in word-sized pieces that join to it again."""
    return re.findall(r"\s*\S+|\s+", content) if content else []


def _chat_chunks(
    head: dict[str, Any],
    content: str | None,
    calls: list[dict[str, Any]],
    finish: str,
    usage: dict[str, Any] | None,
    with_usage: bool,
) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        made = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        return {**made, "usage": None} if with_usage else made

    yield chunk({"role": "assistant", "content": "" if content is not None else None})
    for piece in _pieces(content):
        yield chunk({"content": piece})
    for index, call in enumerate(calls):
        name = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": name}]})
        text = call["function"]["arguments"]
        half = len(text) // 2
        for part in (text[:half], text[half:]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield chunk({}, finish)
    if with_usage:
        yield {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}


def _response(owner: OpenAIServer, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    number = owner.number()
    content = answer.get("content")
    calls = [_call(index, call) for index, call in enumerate(answer.get("tool_calls") or [])]
    output: list[dict[str, Any]] = []
    if content is not None:
        text = {"type": "output_text", "text": content, "annotations": [], "logprobs": []}
        output.append(
            {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [text]}
        )
    output.extend(
        {
            "type": "function_call",
            "id": f"fc_{number}_{index}",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
            "status": "completed",
        }
        for index, call in enumerate(calls)
    )
    counted = _usage(answer, [request.get("instructions"), request["input"]], content, calls)
    usage = {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted["total_tokens"],
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": answer.get("model") or request.get("model") or owner.model,
        "output": output,
        "usage": usage,
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": request.get("temperature"),
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "top_p": request.get("top_p"),
    }


def _response_events(body: dict[str, Any], content: str | None) -> Iterator[dict[str, Any]]:
    started = {**body, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": started}
    for index, item in enumerate(body["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "status": "in_progress"}}
        if item["type"] == "message":
            where = {"item_id": item["id"], "output_index": index, "content_index": 0}
            for piece in _pieces(content):
                yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
            yield {"type": "response.output_text.done", **where, "text": content, "logprobs": []}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": body}


def _echo(request: dict[str, Any]) -> str:
    """The last thing that was said, back."""
    given = request.get("messages") or request.get("input")
    last = given[-1] if isinstance(given, list) and given else given
    content = last.get("content") if isinstance(last, dict) else last
    return content if isinstance(content, str) else json.dumps(content)


def _hashed(text: str) -> list[float]:
    """A unit vector that follows from the text alone."""
    vector = [0.0] * _DIMENSIONS
    for word in _WORDS.findall(text.lower()):
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        vector[digest[0] % _DIMENSIONS] += 1.0 if digest[1] % 2 else -1.0
    length = sum(x * x for x in vector) ** 0.5
    return [x / length for x in vector] if length else [1.0] + [0.0] * (_DIMENSIONS - 1)
