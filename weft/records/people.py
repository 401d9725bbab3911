"""People who sign in, and what proves who somebody is: sign-in links, sessions, keys. Only digests of them are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do. A reviewer sees queues only; a member all but people, keys and deletion; an admin all."""

    REVIEWER = "reviewer"
    MEMBER = "member"
    ADMIN = "admin"


class CredentialKind(StrEnum):
    """What a credential is: a link is good for one sign-in, a session for a browser, a key for a program."""

    LINK = "link"
    SESSION = "session"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in; the name is theirs alone and stands as author on their labels and notes."""

    name: str
    role: Role = Role.MEMBER
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves who a caller is: a person, or a project, whose key sends traces there and does nothing else.

    ``digest`` is that of the token, which is nowhere kept. ``label`` says what a key is for.
    ``expires_ns`` None: never.
    """

    digest: str
    kind: CredentialKind
    person: str | None = None
    project: str | None = None
    label: str = ""
    created_ns: int = 0
    expires_ns: int | None = None

    @property
    def credential_id(self) -> str:
        """A short name to speak of it by; it opens nothing."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a caller is. ``person`` None: the one who runs the server, or the program that has its key."""

    person: str | None = None
    role: Role = Role.ADMIN
    project: str | None = None


_PREFIXES = {kind: f"weft_{kind}_" for kind in CredentialKind}  # which redaction knows


def new_token(kind: CredentialKind) -> str:
    """A token of 256 random bits; its first letters tell what it is, to a reader and to a scanner for secrets."""
    return _PREFIXES[kind] + secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """What is kept of a token: SHA-256 in hex. A slow hash would add nothing to 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
