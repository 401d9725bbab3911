"""One HTTP call: address, key, retries, and errors turned back into the classes that the server raised."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from pydantic import TypeAdapter

from weft.errors import ConflictError, InputError, NotFoundError, ServerError, SettingError, StoreError, WeftError
from weft.records import dumps, loads

_ERRORS: dict[str, type[WeftError]] = {
    cls.code: cls for cls in (InputError, NotFoundError, ConflictError, SettingError, StoreError)
}
_PIECE = 1024 * 1024
_WAITS_S = (0.1, 0.3, 1.0)
_BUSY = frozenset({429, 502, 503, 504})


class Wire:
    """A connection to a server; may be used from any thread."""

    def __init__(self, url: str, api_key: str | None, timeout_s: float) -> None:
        if not _is_address(url):
            raise InputError(
                f"The server's address is {url!r}.", remedy="Write it as http://host:4300 or https://host.", field="url"
            )
        self._url = url.rstrip("/")
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET; parameters that are None are left out."""
        return _value(self.call("GET", path, query=query))

    def post(self, path: str, body: Any, *, again: bool = True) -> Any:
        """The JSON answer to a POST of a JSON body; ``again`` says whether sending it twice does no harm."""
        answer = self.call("POST", path, content=dumps(body), content_type="application/json", again=again)
        return _value(answer)

    def put(self, path: str, body: Any) -> Any:
        """The JSON answer to a PUT of a JSON body."""
        return _value(self.call("PUT", path, content=dumps(body), content_type="application/json"))

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        content: bytes | Path | None = None,
        content_type: str | None = None,
        again: bool = True,
        stream: bool = False,
    ) -> httpx.Response:
        """One call, repeated while the server cannot be reached or is busy.

        ``content`` may be a file, which is not read into memory. ``stream``: the body of the answer is still to be
        read, and the answer to be closed. Raises the error that the server answered with, or ServerError where it gave
        none; OSError where the file cannot be read.
        """
        address = self._url + path + _query(query or {})
        headers = {} if content_type is None else {"Content-Type": content_type}
        for wait_s in (*_WAITS_S, None):
            try:
                answer = self._send(method, address, content, headers, stream=stream)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem: WeftError = self._unreachable(error)
            except httpx.TransportError as error:
                problem = self._unreachable(error)
                if not again:
                    raise problem from error
            else:
                if answer.is_success:
                    return answer
                answer.read()
                problem = _error(answer)
                if not (again and answer.status_code in _BUSY):
                    raise problem
            if wait_s is None:
                raise problem
            time.sleep(wait_s)
        raise AssertionError("the last wait is None")  # pragma: no cover - unreachable, for the type checker

    def answers(self, timeout_s: float) -> bool:
        """Whether there is a server that works, asked once."""
        try:
            answer = self._client.get(f"{self._url}/api/health", timeout=timeout_s)
        except httpx.TransportError:
            return False
        return answer.status_code not in _BUSY

    def stream(self, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None) -> Iterator[bytes]:
        """The body of the answer to a GET, or to a POST of a JSON ``body``, by pieces. Raises what :meth:`call` raises,
        also where it breaks off."""
        if body is None:
            answer = self.call("GET", path, query=query, stream=True)
        else:
            answer = self.call("POST", path, content=dumps(body), content_type="application/json", stream=True)

        def pieces() -> Iterator[bytes]:
            with contextlib.closing(answer):
                try:
                    yield from answer.iter_bytes(_PIECE)
                except httpx.TransportError as error:
                    raise self._unreachable(error) from error

        return pieces()

    def _send(
        self, method: str, address: str, content: bytes | Path | None, headers: Mapping[str, str], *, stream: bool
    ) -> httpx.Response:
        with contextlib.ExitStack() as opened:
            body = opened.enter_context(content.open("rb")) if isinstance(content, Path) else content
            answer = self._client.send(
                self._client.build_request(method, address, content=body, headers=headers), stream=stream
            )
        if not stream:
            # What was read knows the answer, and that the request: the circle would hold its body until a collection.
            answer.stream = httpx.ByteStream(b"")
        return answer

    def _unreachable(self, error: httpx.TransportError) -> ServerError:
        return ServerError(
            f"The Weft server at {self._url} cannot be reached ({type(error).__name__}: {error}).",
            remedy="Start it with `weft up`, or correct WEFT_URL.",
            field="url",
        )


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def parse(kind: Any, data: Any) -> Any:
    """``data`` (JSON values) as records of the type ``kind``."""
    return _adapter(kind).validate_python(data)


def segment(text: str) -> str:
    """``text`` as one part of a path; HTTP clients would resolve ``.`` and ``..``."""
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="", errors="surrogatepass")


def _is_address(url: str) -> bool:
    try:
        return httpx.URL(url).scheme in {"http", "https"} and bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        return False


def _query(query: Mapping[str, Any]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, Sequence) and not isinstance(value, str):
            pairs.extend((name, str(item)) for item in value or [""])  # no names match, not all
        else:
            pairs.append((name, _text(value)))
    return "?" + urlencode(pairs, errors="surrogatepass") if pairs else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return dumps(value).decode("utf-8")
    return str(value)


def _value(answer: httpx.Response) -> Any:
    try:
        return loads(answer.content)
    except ValueError:
        raise _foreign(answer) from None


def _error(answer: httpx.Response) -> WeftError:
    try:
        shape = loads(answer.content)["error"]
        message, remedy, field = str(shape["message"]), str(shape["remedy"]), shape["field"]
        cls = _ERRORS.get(shape["code"])
    except (ValueError, KeyError, TypeError):
        return _foreign(answer)
    if cls is InputError:
        return InputError(message, remedy=remedy, field=field, column=shape.get("column"))
    if cls is not None:
        return cls(message, remedy=remedy, field=field)
    if answer.status_code == httpx.codes.UNAUTHORIZED:  # the server speaks of headers, to whoever asks
        given = "Authorization" in answer.request.headers
        return ServerError(
            f"The Weft server at {answer.request.url.netloc.decode()} "
            + ("refuses the key that it was given." if given else "asks for a key."),
            remedy="Set WEFT_API_KEY to the key that the server was started with.",
            field="api_key",
            status=answer.status_code,
        )
    return ServerError(message, remedy=remedy, field=field, status=answer.status_code)


def _foreign(answer: httpx.Response) -> ServerError:
    return ServerError(
        f"What answered {answer.status_code} to {answer.request.method} {answer.request.url} is no Weft server.",
        remedy="WEFT_URL must be the address that `weft up` prints.",
        field="url",
        status=answer.status_code,
    )
