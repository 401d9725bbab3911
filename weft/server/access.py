"""Who asks, and what they may do.

A caller is known by a key in the Authorization header, or by the session cookie of a browser. Where the server has no
key and knows no people, whoever reaches it is its one local user: it listens to this machine only then.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from weft.records import CredentialKind, Identity, Role, loads
from weft.records.people import token_digest
from weft.repositories import People
from weft.server.paths import project_in_header
from weft.server.sessions import COOKIE, equal, session_lives

PROJECT_HEADER = "x-weft-project"
_SCOPE_KEY = "weft.identity"
_FRESH_S = 5.0
_MOST_KNOWN = 2000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SENDING = frozenset({"/v1/traces", "/v1/logs"})
_OF_ADMINS = ("/api/people", "/api/credentials")
_CHANGED_BY_ADMINS = ("/api/retentions", "/api/spans/delete", "/api/hooks", "/api/artifacts/collect")
# What the page of a queue asks for in the name of who works there; the routes take no other name than theirs.
_OF_REVIEWERS = re.compile(
    r"GET /api/(health|home|projects/[^/]+/blobs/[0-9a-f]{64}|items/[^/]+/(seen|claim))"
    r"|POST /api/(queues/[^/]+/(claim|undo)|claims/[^/]+/(submit|edit|renew|release|skip)|items/[^/]+/(comments|flag))"
)
_LABELS = "/api/labels"
_WHO = "/api/me"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known, and whether a browser's cookie said so: then the page that asks must be this server's."""

    identity: Identity
    by_cookie: bool = False


class Access(Protocol):
    """Knows callers."""

    async def guarded(self) -> bool:
        """Whether callers must show who they are."""
        ...

    async def who(self, headers: Headers) -> Caller | None:
        """The caller of a request; None where they are not known."""
        ...


class StoreAccess:
    """Asks the store, and remembers for five seconds; ``key`` is the server's own, ``people`` None where nobody is."""

    def __init__(self, key: str | None, people: People | None = None) -> None:
        self.key = key
        self.people = people
        self._known = _Recent()

    async def guarded(self) -> bool:
        """Whether there is a key, or anybody who could sign in."""
        return self.key is not None or await self.has_people()

    async def has_people(self) -> bool:
        """Whether anybody could sign in."""
        people = self.people
        if people is None:
            return False
        return bool(await self._known.get("", lambda: run_in_threadpool(lambda: bool(people.list_people()))))

    async def who(self, headers: Headers) -> Caller | None:
        """The caller by key, then by cookie; the local user where nobody is asked."""
        for token in bearers(headers):
            if self.key is not None and equal(token, self.key):
                return Caller(Identity())
            identity = await self._identity(CredentialKind.KEY, token)
            if identity is not None:
                return Caller(identity)
        cookie = cookie_of(headers, COOKIE)
        if cookie:
            if self.key is not None and session_lives(cookie, self.key):
                return Caller(Identity(), by_cookie=True)
            identity = await self._identity(CredentialKind.SESSION, cookie)
            if identity is not None:
                return Caller(identity, by_cookie=True)
        return None if await self.guarded() else Caller(Identity())

    def forget(self) -> None:
        """Ask anew: somebody signed in or out here."""
        self._known.clear()

    async def _identity(self, kind: CredentialKind, token: str) -> Identity | None:
        people = self.people
        if people is None:
            return None
        digest = token_digest(token)
        found: Identity | None = await self._known.get(
            kind + digest, lambda: run_in_threadpool(people.identify, kind, digest)
        )
        return found


class FrontAccess:
    """Asks the server that has the store: the ingest process keeps none. ``key`` is what that server itself shows."""

    def __init__(self, key: str, front: str) -> None:
        self.key = key
        self._known = _Recent()
        self._client = httpx.AsyncClient(base_url=front, timeout=10.0, trust_env=False)

    async def guarded(self) -> bool:
        """Always: the server in front shows its key."""
        return True

    async def who(self, headers: Headers) -> Caller | None:
        """The caller as the server in front knows them."""
        tokens = bearers(headers)
        if any(equal(token, self.key) for token in tokens):
            return Caller(Identity())
        token = tokens[0] if tokens else ""
        identity: Identity | None = await self._known.get(token_digest(token), lambda: self._ask(token))
        return None if identity is None else Caller(identity)

    async def _ask(self, token: str) -> Identity | None:
        try:
            answer = await self._client.get("/api/me", headers={"Authorization": f"Bearer {token}"} if token else {})
        except httpx.TransportError as error:
            raise HTTPException(503, f"Nobody can say whose key this is ({type(error).__name__})") from None
        if answer.status_code != 200:
            return None
        told = loads(answer.content)
        return Identity(told["person"], Role(told["role"]), told["project"])


class _Recent:
    """What was found lately, by name."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, Any]] = {}

    async def get(self, name: str, find: Callable[[], Awaitable[Any]]) -> Any:
        """What is known, or is found now."""
        known = self._found.get(name)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = await find()
        if len(self._found) >= _MOST_KNOWN:  # somebody tries keys
            self._found.clear()
        self._found[name] = (time.monotonic() + _FRESH_S, found)
        return found

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()


def bearers(headers: Headers) -> list[str]:
    """The tokens of the Authorization headers."""
    split = (value.partition(" ") for value in headers.getlist("authorization"))
    return [token.strip() for scheme, _, token in split if scheme.lower() == "bearer"]


def cookie_of(headers: Headers, name: str) -> str:
    """A cookie's value; empty where there is none."""
    jar: SimpleCookie = SimpleCookie()
    for line in headers.getlist("cookie"):
        try:
            jar.load(line)
        except CookieError:
            continue
    return jar[name].value if name in jar else ""


def remember_identity(scope: Scope, identity: Identity) -> None:
    """Note who asks, for :func:`identity_of`."""
    scope[_SCOPE_KEY] = identity


def identity_of(scope: Scope) -> Identity:
    """Who asks; the local user where no gate stands in front."""
    found: Identity = scope.get(_SCOPE_KEY) or Identity()
    return found


def refused(identity: Identity, scope: Scope) -> str | None:
    """Why a caller may not do this; None where they may."""
    path: str = scope["path"]
    api = path.startswith(("/api/", "/v1/"))
    if path == _WHO:
        return None
    if identity.project is not None:
        given = project_in_header(Headers(scope=scope).get(PROJECT_HEADER))
        if path not in _SENDING:
            return "The key of a project sends traces and logs there; it does nothing else."
        if given not in (None, identity.project):
            return f"This key sends to the project {identity.project!r}, not to {given!r}."
        return None
    if identity.role is Role.ADMIN or not api:
        return None  # the pages ask for themselves what a person may see
    if identity.role is Role.REVIEWER:
        own = path == _LABELS and _query(scope).get("reviewer") == [identity.person]
        allowed = own or _OF_REVIEWERS.fullmatch(f"{scope.get('method')} {path}")
        return None if allowed else "A reviewer works in queues, and sees nothing else."
    method = scope.get("method", "")
    changes = method not in _SAFE_METHODS and _under(path, _CHANGED_BY_ADMINS)
    if _under(path, _OF_ADMINS) or changes or (method == "DELETE" and path == "/api/spans"):
        return "Only an admin may do this."
    return None


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"))


def _under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
