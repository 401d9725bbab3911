"""An OpenAI-compatible HTTP server on loopback, over the standard library: for tests, demos and small models.

with OpenAIServer(lambda request: "hello") as server:
    client = openai.OpenAI(base_url=server.base_url, api_key="any")
"""

from __future__ import annotations

import contextlib
import email
import hashlib
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from weft.testing import openai_shapes as shapes
from weft.testing.openai_shapes import count_tokens

__all__ = ["Answer", "OpenAIServer", "count_tokens"]

Answer = str | dict[str, Any]
_WORDS = re.compile(r"\w+|[^\w\s]")
_LARGEST_BODY = 64 * 2**20
_DIMENSIONS = 32


class OpenAIServer:
    """Chat completions, responses, completions and Anthropic's messages (streamed too), embeddings, images, audio,
    moderations and models over HTTP/1.1 with keep-alive.

    ``respond`` is given the request's JSON body or form and returns the answer: a text, or a dict with any of
    ``content``, ``tool_calls`` (a list of {"name", "arguments"}), ``reasoning``, ``refusal``, ``images`` and ``audio``
    (bytes), ``transcript``, ``finish_reason``, ``usage``, ``model``, ``cut_after`` (the chunks after which a stream
    breaks off), and ``status`` with ``error`` and perhaps ``headers`` to fail. It runs in the thread of the request.
    ``model_version`` (``name:v3``) is sent as the header ``X-Weft-Model``. ``requests`` keeps the bodies, newest last,
    at most 1,000, ``headers`` theirs. Port 0 picks a free one.
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
        self.headers: list[dict[str, str]] = []
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

    def keep(self, request: dict[str, Any], headers: dict[str, str]) -> None:
        """Remember a request's body and headers."""
        self.requests.append(request)
        self.headers.append(headers)
        del self.requests[:-1000], self.headers[:-1000]


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

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


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
            route = _ROUTES.get(self.path.split("?")[0].rstrip("/"))
            if route is None:
                self._error(404, f"There is nothing at {self.path}.")
            else:
                route(self, request)
        except _RefusedError as refused:
            self._error(refused.status, str(refused), refused.headers)

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length")
        if length is not None and length.isdecimal() and int(length) <= _LARGEST_BODY:
            data = self.rfile.read(int(length))
        else:
            self.close_connection = True
            raise _RefusedError(411 if length is None else 413, "Send a body with a Content-Length of at most 64 MiB.")
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            request = _form(content_type, data)
        else:
            try:
                request = json.loads(data)
            except (ValueError, RecursionError):
                raise _RefusedError(400, "The body is not JSON.") from None
        if not isinstance(request, dict):
            raise _RefusedError(400, "The body is not a JSON object.")
        self.server.owner.keep(request, dict(self.headers.items()))
        return request

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self.server.owner.respond(request)
        except Exception as error:
            raise _RefusedError(500, f"{type(error).__name__}: {error}") from error
        answer = {"content": answer} if isinstance(answer, str) else dict(answer)
        if "error" in answer:
            headers = {str(key): str(value) for key, value in (answer.get("headers") or {}).items()}
            raise _RefusedError(int(answer.get("status", 500)), str(answer["error"]), headers)
        return answer

    def _model(self, answer: dict[str, Any], request: dict[str, Any]) -> str:
        return str(answer.get("model") or request.get("model") or self.server.owner.model)

    def _head(self, answer: dict[str, Any], request: dict[str, Any], prefix: str) -> dict[str, Any]:
        return {
            "id": f"{prefix}-{self.server.owner.number()}",
            "created": int(time.time()),
            "model": self._model(answer, request),
            "system_fingerprint": "fp_weft",
        }

    def _chat(self, request: dict[str, Any]) -> None:
        messages = request.get("messages")
        if not isinstance(messages, list) or not messages:
            raise _RefusedError(400, "messages must be a list of at least one message.")
        answer = self._answer(request)
        head = self._head(answer, request, "chatcmpl")
        if request.get("service_tier"):
            head["service_tier"] = request["service_tier"]
        if request.get("stream"):
            self._stream(shapes.chat_chunks(head, answer, request), done=True, cut=answer.get("cut_after"))
        else:
            self._send(200, shapes.chat_body(head, answer, request))

    def _responses(self, request: dict[str, Any]) -> None:
        if not request.get("input"):
            raise _RefusedError(400, "input must be a text or a list of items.")
        answer = self._answer(request)
        number = self.server.owner.number()
        body = shapes.response_body(number, self._model(answer, request), answer, request)
        if not request.get("stream"):
            self._send(200, body)
            return
        events = ({**event, "sequence_number": n} for n, event in enumerate(shapes.response_events(body)))
        self._stream(events, names=True, cut=answer.get("cut_after"))

    def _completions(self, request: dict[str, Any]) -> None:
        answer = self._answer(request)
        head = self._head(answer, request, "cmpl")
        if request.get("stream"):
            self._stream(shapes.completion_chunks(head, answer), done=True)
        else:
            self._send(200, shapes.completion_body(head, answer, request))

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

    def _images(self, request: dict[str, Any]) -> None:
        self._send(200, shapes.image_body(self._answer(request)))

    def _speech(self, request: dict[str, Any]) -> None:
        sound = self._answer(request).get("audio") or b""
        self._headers(200, "audio/wav" if request.get("response_format") == "wav" else "audio/mpeg")
        self.send_header("Content-Length", str(len(sound)))
        self.end_headers()
        self.wfile.write(sound)

    def _transcriptions(self, request: dict[str, Any]) -> None:
        text = self._answer(request).get("content")
        usage = {"type": "tokens", "input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
        details = {"text_tokens": 0, "audio_tokens": 9}
        self._send(200, {"text": text, "usage": {**usage, "input_token_details": details}})

    def _moderations(self, request: dict[str, Any]) -> None:
        answer = self._answer(request)
        self._send(200, shapes.moderation_body(answer, self._model(answer, request)))

    def _anthropic(self, request: dict[str, Any]) -> None:
        answer = self._answer(request)
        number = self.server.owner.number()
        body = shapes.anthropic_body(number, self._model(answer, request), answer, request)
        if request.get("stream"):
            self._stream(shapes.anthropic_events(body), names=True)
        else:
            self._send(200, body)

    def _headers(self, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if self.server.owner.model_version:
            self.send_header("X-Weft-Model", self.server.owner.model_version)

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self._headers(status, "application/json")
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        kind = "invalid_request_error" if status < 500 else "server_error"
        self._send(status, {"error": {"message": message, "type": kind, "param": None, "code": None}}, headers)

    def _stream(
        self, events: Iterable[dict[str, Any]], *, done: bool = False, names: bool = False, cut: int | None = None
    ) -> None:
        self._headers(200, "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(events):
            if number == cut:
                self.close_connection = True
                return
            name = f"event: {event['type']}\n" if names else ""
            self._chunk(f"{name}data: {json.dumps(event)}\n\n".encode())
        if done:
            self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


_ROUTES: dict[str, Callable[[_Handler, dict[str, Any]], None]] = {
    "/v1/chat/completions": _Handler._chat,
    "/v1/responses": _Handler._responses,
    "/v1/completions": _Handler._completions,
    "/v1/embeddings": _Handler._embeddings,
    "/v1/images/generations": _Handler._images,
    "/v1/images/edits": _Handler._images,
    "/v1/audio/speech": _Handler._speech,
    "/v1/audio/transcriptions": _Handler._transcriptions,
    "/v1/audio/translations": _Handler._transcriptions,
    "/v1/moderations": _Handler._moderations,
    "/v1/messages": _Handler._anthropic,
}


def _form(content_type: str, data: bytes) -> dict[str, Any]:
    """The fields of a multipart form: texts, and the bytes of files."""
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + data)
    fields: dict[str, Any] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name.removesuffix("[]")] = content if part.get_filename() else content.decode("utf-8", "replace")
    return fields


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
