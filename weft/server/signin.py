"""The sign-in pages: plain forms, without any script.

A person signs in with a link that was made for them, good for once; a program's user with a key. The link's page only
asks: the press of its button is what uses the link up, so a mail program that looks at links ahead spends none.
"""

from __future__ import annotations

import html
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from weft import clock
from weft.errors import NotFoundError
from weft.records import Credential, CredentialKind
from weft.records.people import new_token, token_digest
from weft.repositories import People
from weft.server.access import StoreAccess, cookie_of
from weft.server.replies import refusal
from weft.server.sessions import COOKIE, SESSION_S, equal, new_session

PATHS = ("/login", "/logout")
PERSON_SESSION_S = 30 * 24 * 3600
_MAX_FORM_BYTES = 8192

_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{button} · Weft</title><style>
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
</style></head><body><form method="post" action="{action}"><h1>Weft</h1>
{problem}{inside}<button{focus}>{button}</button></form></body></html>
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_BY_LINK = """<p>This link signs you in on this browser. It works once.</p>
<input type="hidden" name="link" value="{link}">
"""
_BY_KEY = """<p>{how}</p>
<label for="key">Key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}">
"""
_WITH_PEOPLE = "Open the sign-in link that you were given, or enter a key of yours."
_WITHOUT = "This server asks for a key. It is the WEFT_API_KEY that it was started with."


async def serve(access: StoreAccess, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve :data:`PATHS`."""
    request = Request(scope, receive)
    if request.method not in {"GET", "HEAD", "POST"}:
        answer = refusal(405, f"{request.method} {scope['path']}: Method Not Allowed.", {"Allow": "GET, HEAD, POST"})
    elif scope["path"] == "/logout":
        answer = await _signed_out(request, access) if request.method == "POST" else _page(_leave(), "Sign out")
    elif request.method == "POST":
        answer = await _signed_in(request, access)
    else:
        link = request.query_params.get("link", "")
        form = _link_form(link) if link else await _key_form(access, _local(request.query_params.get("next", "/")))
        answer = _page(form)
    await answer(scope, receive, send)


async def _signed_in(request: Request, access: StoreAccess) -> Response:
    form = await _form(request)
    if form is None:
        return refusal(413, "The sign-in form has a key and an address, nothing more.")
    wanted = _local(form.get("next", ["/"])[0])
    link, key = form.get("link", [""])[0].strip(), form.get("key", [""])[0].strip()
    if link and access.people is not None:
        try:
            token = await run_in_threadpool(_redeem, access.people, link)
        except NotFoundError as error:
            return _page(await _key_form(access, wanted), problem=f"{error.message} {error.remedy}", status=401)
        return _with_session(request, wanted, token, PERSON_SESSION_S)
    if access.key is not None and equal(key, access.key):
        return _with_session(request, wanted, new_session(access.key), SESSION_S)
    token = "" if access.people is None else await run_in_threadpool(_by_key, access.people, key)
    if not token:
        return _page(await _key_form(access, wanted), problem="That is no key of this server.", status=401)
    return _with_session(request, wanted, token, PERSON_SESSION_S)


def _redeem(people: People, link: str) -> str:
    token = new_token(CredentialKind.SESSION)
    people.redeem(token_digest(link), _session(token))
    return token


def _by_key(people: People, key: str) -> str:
    """A session for the person whose key it is; empty where it is none, or that of a project."""
    identity = people.identify(CredentialKind.KEY, token_digest(key))
    if identity is None or identity.person is None:
        return ""
    token = new_token(CredentialKind.SESSION)
    people.add_credential(_session(token, identity.person))
    return token


def _session(token: str, person: str | None = None) -> Credential:
    ends = clock.now_ns() + PERSON_SESSION_S * 1_000_000_000
    return Credential(token_digest(token), CredentialKind.SESSION, person, expires_ns=ends)


def _with_session(request: Request, wanted: str, token: str, seconds: int) -> Response:
    answer = RedirectResponse(wanted, 303)
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    answer.set_cookie(COOKIE, token, max_age=seconds, httponly=True, samesite="lax", secure=secure)
    return answer


async def _signed_out(request: Request, access: StoreAccess) -> Response:
    token = cookie_of(request.headers, COOKIE)
    if access.people is not None and token:
        await run_in_threadpool(_end, access.people, token)
    access.forget()
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def _end(people: People, token: str) -> None:
    try:
        people.delete_credential(token_digest(token))
    except NotFoundError:
        return  # it ended already, or was signed with the server's key


async def _form(request: Request) -> dict[str, list[str]] | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return None
    return parse_qs(body.decode("utf-8", "replace"))


def _local(address: str) -> str:
    """``address`` where it is a path of this server, else the first page: the form must not lead elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain and not parts.scheme and not parts.netloc else "/"


async def _key_form(access: StoreAccess, wanted: str) -> str:
    how = _WITHOUT if access.key is not None and not await access.has_people() else _WITH_PEOPLE
    return _BY_KEY.format(how=how, next=html.escape(wanted, quote=True))


def _link_form(link: str) -> str:
    return _BY_LINK.format(link=html.escape(link, quote=True))


def _leave() -> str:
    return "<p>You will need a new link, or a key, to come back.</p>\n"


def _page(inside: str, button: str = "Sign in", *, problem: str = "", status: int = 200) -> Response:
    alert = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
    focus = "" if "autofocus" in inside else " autofocus"
    action = "/logout" if button == "Sign out" else "/login"
    text = _SHELL.format(problem=alert, inside=inside, button=button, action=action, focus=focus)
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)
