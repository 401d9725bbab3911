"""The outermost layer of everything that is served: which host was meant, who asks, from which page.

It is plain ASGI over http and websocket alike: route dependencies and HTTP middleware would leave mounted apps or
their sockets open.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.errors import WeftError
from weft.server import signin
from weft.server.replies import refusal
from weft.settings import Settings

OPEN_PATHS = ("/api/health", "/login")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'; base-uri 'self'; object-src 'none'; form-action 'self'",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gate lets through: the key (None: none asked), host names, whether any IP address may stand as host."""

    key: str | None
    names: frozenset[str]
    any_address: bool = False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def rules_of(settings: Settings) -> Rules:
    """The rules that follow from the settings. Raises WeftError for an address others can reach without a key."""
    if settings.api_key is None and not is_loopback(settings.host):
        raise WeftError(
            f"Weft does not listen on {settings.host} without a key: everyone who reaches it could read everything.",
            remedy="Set WEFT_API_KEY to a long random text, or listen on 127.0.0.1.",
            field="host",
        )
    extra = {name.strip().lower() for name in settings.hosts.split(",") if name.strip()}
    names = _LOOPBACK | {settings.host.lower()} | extra
    if is_loopback(settings.host):
        return Rules(settings.api_key, names)
    return Rules(settings.api_key, names | {socket.gethostname().lower()}, any_address=True)


class Gate:
    """Lets through who may pass and stamps security headers on every answer."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        denied = self._denial(scope)
        if scope["type"] == "websocket":
            await (self._app(scope, receive, send) if denied is None else _close(receive, send))
            return
        if denied is not None:
            await denied(scope, receive, _stamped(send))
        elif scope["path"] == "/login" and self._rules.key is not None:
            await signin.serve(self._rules.key, scope, receive, _stamped(send))
        else:
            await self._app(scope, receive, _stamped(send))

    def _denial(self, scope: Scope) -> Response | None:
        """The refusal that this connection gets; None lets it through."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._host_allowed(host):
            return refusal(
                421, f"This server does not answer to the host {host!r}; WEFT_HOSTS names those that it does."
            )
        key = self._rules.key
        if key is not None and signin.bearer_fits(headers.getlist("authorization"), key):
            return None
        cookie = key is not None and signin.session_lives(_cookie(headers, signin.COOKIE), key)
        is_open = scope["type"] == "http" and scope["path"] in OPEN_PATHS
        if key is not None and not cookie and not is_open:
            return _sign_in(scope, headers)
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and not _same_origin(headers, host, required=cookie):
            return refusal(403, "The request comes from a page of another origin.")
        return None

    def _host_allowed(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        name = name.rstrip(".").lower()
        if name in self._rules.names:
            return True
        # An address cannot be rebound as a name can, so where others may call any address of this machine is fine.
        return self._rules.any_address and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_origin(headers: Headers, host: str, *, required: bool) -> bool:
    origins = headers.getlist("origin")
    if not origins:
        return not required
    return all(_netloc(origin) == host.lower() for origin in origins)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _cookie(headers: Headers, name: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    for line in headers.getlist("cookie"):
        try:
            jar.load(line)
        except CookieError:
            continue
    return jar[name].value if name in jar else ""


def _sign_in(scope: Scope, headers: Headers) -> Response:
    if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        query = scope["query_string"].decode("latin-1")
        wanted = scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(f"/login?next={quote(wanted, safe='', errors='surrogatepass')}", 303)
    return refusal(401, "This server asks for a key.", {"WWW-Authenticate": 'Bearer realm="weft"'})


async def _close(receive: Receive, send: Send) -> None:
    await receive()  # the connect message; closing before accepting refuses the handshake with 403
    await send({"type": "websocket.close", "code": 1008})


def _stamped(send: Send) -> Send:
    async def stamped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return stamped
