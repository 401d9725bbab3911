"""The current trace sent along with what httpx, httpx2 and requests send, to trusted hosts only."""

from __future__ import annotations

import fnmatch
import functools
import inspect
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from weft import recording
from weft.errors import InputError
from weft.tracing import guard
from weft.tracing.instrumentation import imports
from weft.tracing.propagation import headers

LIBRARIES = ("httpx", "httpx2", "requests")
_MARK = "weft.sent"  # among a request's extensions: which headers are ours, for redirects carry them on

# Where each single request of a client passes, redirects included.
_HTTPX = (
    ("HTTPTransport", "handle_request"),
    ("AsyncHTTPTransport", "handle_async_request"),
    ("WSGITransport", "handle_request"),
    ("ASGITransport", "handle_async_request"),
    ("MockTransport", "handle_request"),
    ("MockTransport", "handle_async_request"),
)

_trusted: dict[str, tuple[str, ...]] = {}
_patched: list[tuple[str, Any, str, Any, Any]] = []


class _Ours(str):
    """A header's value that Weft has set."""

    __slots__ = ()


def instrument(library: str, hosts: Sequence[str]) -> None:
    """Send the trace along to ``hosts``; called again, to these instead. Raises InputError for what are no names."""
    if isinstance(hosts, str) or not all(isinstance(host, str) and host for host in hosts):
        raise InputError(
            f"hosts is {hosts!r}, not a list of names.", remedy="Write hosts=['api.internal'].", field="hosts"
        )
    _trusted[library] = tuple(host.lower() for host in hosts)
    imports.when_imported("requests.adapters" if library == "requests" else library, _patch)


def uninstrument(library: str) -> None:
    """Send nothing along any more."""
    _trusted.pop(library, None)
    imports.forget(["requests.adapters" if library == "requests" else library])
    for name, owner, attribute, original, ours in _patched:
        if name == library and getattr(owner, attribute, None) is ours:
            setattr(owner, attribute, original)
    _patched[:] = [patch for patch in _patched if patch[0] != library]


def _patch(module: ModuleType) -> None:
    library = module.__name__.partition(".")[0]
    for owner_name, function in (("HTTPAdapter", "send"),) if library == "requests" else _HTTPX:
        owner = getattr(module, owner_name, None)
        original = getattr(owner, function, None)
        if original is None or any(original is patch[4] for patch in _patched):
            continue
        ours = _sending(library, original)
        setattr(owner, function, ours)
        _patched.append((library, owner, function, original, ours))


def _sending(library: str, original: Any) -> Any:
    add = _add_to_requests if library == "requests" else _add_to_httpx

    def prepare(request: Any) -> None:
        if recording.active is None or library not in _trusted:
            return
        try:
            add(request, is_trusted(str(request.url), _trusted[library]))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("headers", error)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def send_async(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            prepare(request)
            return await original(self, request, *args, **kwargs)

        return send_async

    @functools.wraps(original)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        prepare(request)
        return original(self, request, *args, **kwargs)

    return send


def is_trusted(url: str, hosts: Sequence[str]) -> bool:
    """Whether an address is one of ``hosts``: names, with ``*`` for any part of one, perhaps with a port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return any(fnmatch.fnmatchcase(f"{host}:{port}" if ":" in name else host, name) for name in hosts)


def _add_to_httpx(request: Any, trusted: bool) -> None:
    sent = request.extensions.get(_MARK, ())
    for name in sent:  # of an earlier hop
        request.headers.pop(name, None)
    given = headers() if trusted and "traceparent" not in request.headers else {}
    request.headers.update(given)
    if sent or given:
        request.extensions = {**request.extensions, _MARK: tuple(given)}


def _add_to_requests(request: Any, trusted: bool) -> None:
    for name in [name for name, value in request.headers.items() if isinstance(value, _Ours)]:
        del request.headers[name]
    if trusted and "traceparent" not in request.headers:
        request.headers.update({name: _Ours(value) for name, value in headers().items()})
