"""Who may pass: the key in a header, or a signed session cookie from a plain sign-in page.

A session is its end and a random part, signed with a key derived from the server's: no table of sessions, and a new
server key ends them all.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from weft import clock
from weft.server.replies import refusal

COOKIE = "weft_session"
SESSION_S = 7 * 24 * 3600
_MAX_FORM_BYTES = 8192

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Sign in · Weft</title><style>
:root {{ color-scheme: light dark; --ground: #fafafa; --card: #fff; --text: #1c1e21; --soft: #5c6370; --line: #d0d4da;
  --accent: #0b62a8; --on: #fff; --bad: #b3261e; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ground: #14161a; --card: #1d2025; --text: #e6e8eb; --soft: #a0a7b2;
  --line: #3a3f47; --accent: #6cb4f0; --on: #10222f; --bad: #f2b8b5; }} }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif; }}
form {{ box-sizing: border-box; width: min(360px, calc(100vw - 32px)); padding: 24px; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; display: grid; gap: 8px; }}
h1 {{ margin: 0 0 8px; font-size: 20px; }} p {{ margin: 0; color: var(--soft); }} p[role=alert] {{ color: var(--bad); }}
input, button {{ font: inherit; padding: 8px; border-radius: 4px; border: 1px solid var(--line); }}
input {{ background: var(--ground); color: inherit; }}
button {{ margin-top: 8px; background: var(--accent); color: var(--on); border-color: var(--accent); cursor: pointer; }}
:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
</style></head><body><form method="post" action="/login"><h1>Weft</h1>
<p>This server asks for a key. It is the WEFT_API_KEY that it was started with.</p>{problem}
<label for="key">Key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}"><button>Sign in</button></form></body></html>
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


def bearer_fits(values: list[str], key: str) -> bool:
    """Whether one of the Authorization headers holds the key; compared in constant time."""
    for value in values:
        scheme, _, given = value.partition(" ")
        if scheme.lower() == "bearer" and _equal(given.strip(), key):
            return True
    return False


def session_lives(token: str, key: str) -> bool:
    """Whether a session cookie was signed by this server and has not ended."""
    body, _, signature = token.rpartition(".")
    if not _equal(signature, _sign(body, key)):
        return False
    end, _, _ = body.partition(".")
    return end.isdigit() and int(end) > clock.now_ns() // 1_000_000_000


def new_session(key: str) -> str:
    """The value of a new session cookie, good for :data:`SESSION_S` seconds."""
    body = f"{clock.now_ns() // 1_000_000_000 + SESSION_S}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_sign(body, key)}"


def _sign(body: str, key: str) -> str:
    derived = hmac.digest(key.encode("utf-8", "surrogatepass"), b"weft session", "sha256")
    return hmac.new(derived, body.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))


async def serve(key: str, scope: Scope, receive: Receive, send: Send) -> None:
    """The sign-in page and what it posts."""
    request = Request(scope, receive)
    if request.method in {"GET", "HEAD"}:
        answer = _page(_local(request.query_params.get("next", "/")))
    elif request.method == "POST":
        answer = await _posted(request, key)
    else:
        answer = refusal(405, f"{request.method} /login: Method Not Allowed.", {"Allow": "GET, HEAD, POST"})
    await answer(scope, receive, send)


async def _posted(request: Request, key: str) -> Response:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return refusal(413, "The sign-in form has a key and an address, nothing more.")
    form = parse_qs(body.decode("utf-8", "replace"))
    wanted = _local(form.get("next", ["/"])[0])
    if not _equal(form.get("key", [""])[0].strip(), key):
        return _page(wanted, "That is not the key of this server.", 401)
    answer = RedirectResponse(wanted, 303)
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    answer.set_cookie(COOKIE, new_session(key), max_age=SESSION_S, httponly=True, samesite="lax", secure=secure)
    return answer


def _local(address: str) -> str:
    """``address`` where it is a path of this server, else the first page: the form must not lead elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain and not parts.scheme and not parts.netloc else "/"


def _page(wanted: str, problem: str = "", status: int = 200) -> Response:
    alert = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
    text = _PAGE.format(problem=alert, next=html.escape(wanted, quote=True))
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)
