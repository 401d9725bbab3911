"""The session of a browser that signed in with the server's own key: no table, and a new key ends them all.

Its value is its end and a random part, signed with a key derived from the server's. The session of a person is a random
token instead, whose digest the store keeps, so that it can be ended.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from weft import clock

COOKIE = "weft_session"
SESSION_S = 7 * 24 * 3600


def session_lives(token: str, key: str) -> bool:
    """Whether a session cookie was signed by this server and has not ended."""
    body, _, signature = token.rpartition(".")
    if not equal(signature, _sign(body, key)):
        return False
    end, _, _ = body.partition(".")
    return end.isdigit() and int(end) > clock.now_ns() // 1_000_000_000


def new_session(key: str) -> str:
    """The value of a new session cookie, good for :data:`SESSION_S` seconds."""
    body = f"{clock.now_ns() // 1_000_000_000 + SESSION_S}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_sign(body, key)}"


def equal(given: str, wanted: str) -> bool:
    """Whether two secrets are one, in a time that tells nothing of them."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))


def _sign(body: str, key: str) -> str:
    derived = hmac.digest(key.encode("utf-8", "surrogatepass"), b"weft session", "sha256")
    return hmac.new(derived, body.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
