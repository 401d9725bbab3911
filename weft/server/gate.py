"""The outermost layer of everything that is served: which host was meant, who asks, from which page.

It is plain ASGI over http and websocket alike: route dependencies and HTTP middleware would leave mounted apps or
their sockets open.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.errors import WeftError
from weft.records import Identity
from weft.server import signin
from weft.server.access import PROJECT_HEADER, Access, StoreAccess, refused, remember_identity
from weft.server.replies import refusal
from weft.settings import Settings

OPEN_PATHS = ("/api/health", *signin.PATHS)
PERSON_HEADER = "x-weft-person"
ROLE_HEADER = "x-weft-role"
CONFINED_HEADER = "x-weft-confined"  # to the project in the other header, whatever the body says
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
    """Which hosts the gate answers to: names, and whether any IP address may stand as host."""

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


def rules_of(settings: Settings, *, people: bool = False) -> Rules:
    """The rules that follow from the settings. Raises WeftError for an address others can reach where there is neither
    a key nor ``people`` who sign in."""
    if settings.api_key is None and not people and not is_loopback(settings.host):
        raise WeftError(
            f"Weft does not listen on {settings.host} without a key: everyone who reaches it could read everything.",
            remedy="Add somebody who signs in (weft user add NAME --role admin), or set WEFT_API_KEY to a long random "
            "text, or listen on 127.0.0.1.",
            field="host",
        )
    extra = {name.strip().lower() for name in settings.hosts.split(",") if name.strip()}
    names = _LOOPBACK | {settings.host.lower()} | extra
    if is_loopback(settings.host):
        return Rules(names)
    return Rules(names | {socket.gethostname().lower()}, any_address=True)


class Gate:
    """Lets through who may pass and stamps security headers on every answer."""

    def __init__(self, app: ASGIApp, rules: Rules, access: Access) -> None:
        self._app = app
        self._rules = rules
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            denied = await self._denial(scope)
        except HTTPException as error:
            denied = refusal(error.status_code, f"{error.detail}.")
        if scope["type"] == "websocket":
            await (self._app(scope, receive, send) if denied is None else _close(receive, send))
            return
        if denied is not None:
            await denied(scope, receive, _stamped(send))
        elif scope["path"] in signin.PATHS and isinstance(self._access, StoreAccess) and await self._access.guarded():
            await signin.serve(self._access, scope, receive, _stamped(send))
        else:
            await self._app(scope, receive, _stamped(send))

    async def _denial(self, scope: Scope) -> Response | None:
        """The refusal that this connection gets; None lets it through, with the caller noted."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._host_allowed(host):
            return refusal(
                421, f"This server does not answer to the host {host!r}; WEFT_HOSTS names those that it does."
            )
        is_open = scope["type"] == "http" and scope["path"] in OPEN_PATHS
        caller = await self._access.who(headers)
        if caller is None and not is_open:
            return _sign_in(scope, headers)
        by_cookie = caller is not None and caller.by_cookie
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        by_key = caller is not None and not by_cookie and "authorization" in headers
        if changes and not by_key and not _same_origin(headers, host, required=by_cookie):
            return refusal(403, "The request comes from a page of another origin.")
        if caller is not None:
            reason = None if is_open else refused(caller.identity, scope)
            if reason is not None:
                return refusal(403, reason)
            _note(scope, caller.identity)
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


def _note(scope: Scope, identity: Identity) -> None:
    """Tell the app behind the gate who asks; what the caller wrote there himself is taken out."""
    remember_identity(scope, identity)
    own = {PERSON_HEADER.encode(), ROLE_HEADER.encode()}
    kept = [(name, value) for name, value in scope["headers"] if name not in own]
    if identity.person is not None:
        kept += [(PERSON_HEADER.encode(), identity.person.encode()), (ROLE_HEADER.encode(), identity.role.encode())]
    if identity.project is not None:
        kept = [*(pair for pair in kept if pair[0] != PROJECT_HEADER.encode())]
        kept += [(PROJECT_HEADER.encode(), quote(identity.project).encode()), (CONFINED_HEADER.encode(), b"1")]
    scope["headers"] = kept


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
