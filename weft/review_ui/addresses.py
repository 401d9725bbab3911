"""The stable addresses of the pages, in one table; what an id stands in is redirected to what the pages read.

Streamlit pages have flat paths, so an object's page takes its id from the query: ``/run/abc`` leads to ``/run?id=abc``.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

# path pattern -> (path of the page, name of the query parameter that takes the matched part)
REDIRECTS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"/trace/([^/]+)"), "/trace", "id"),
    (re.compile(r"/thread/([^/]+)"), "/thread", "id"),
    (re.compile(r"/run/([^/]+)"), "/run", "id"),
    (re.compile(r"/runs/([^/]+)"), "/run", "id"),
    (re.compile(r"/sweeps?/([^/]+)"), "/sweep", "id"),
    (re.compile(r"/evaluations?/([^/]+)"), "/evaluation", "id"),
    (re.compile(r"/review/([^/]+)"), "/review", "queue"),
    (re.compile(r"/artifact/([^/]+)"), "/artifact", "ref"),
    (re.compile(r"/registry/([^/]+)"), "/registry", "name"),
)
# The overview's only address is the bare one: for another, Streamlit would say that there is no such page.
_HOME = "/overview"

MISSING = "/missing"
PAGES = frozenset(
    {
        *("/", "/traces", "/evaluations", "/review", "/runs", "/sweeps", "/artifacts", "/registry"),
        *(
            "/quality",
            "/trace",
            "/thread",
            "/evaluation",
            "/compare",
            "/run",
            "/sweep",
            "/artifact",
            "/lineage",
            MISSING,
        ),
    }
)
# What the pages' server itself answers: health, sockets, files and media, all below one of these or with a suffix.
_OF_THE_SERVER = re.compile(r"/(static|media|component|bidi-components|app|healthz|script-health-check)(/.*)?|.*\..*")


# The page of one object -> the list that it is of.
LISTS = {
    "/trace": "/traces",
    "/thread": "/traces",
    "/evaluation": "/evaluations",
    "/compare": "/evaluations",
    "/quality": "/review",
    "/run": "/runs",
    "/sweep": "/sweeps",
    "/artifact": "/artifacts",
    "/lineage": "/artifacts",
}


def target(path: str, query: str = "") -> str | None:
    """Where ``path`` (decoded, with ``query`` behind it) is redirected to; None where it is not. What no page has leads
    to the page that says so.

    ``target("/trace/ab12", "span=9f")`` is ``/trace?id=ab12&span=9f``.
    """
    for pattern, page, name in REDIRECTS:
        match = pattern.fullmatch(path)
        if match:
            return f"{page}?{name}={quote(match[1], safe=':')}" + (f"&{query}" if query else "")
    if path.rstrip("/") == _HOME:
        return "/" + (f"?{query}" if query else "")
    if is_page(path) or "_stcore" in path or _OF_THE_SERVER.fullmatch(path):
        return None
    return address(MISSING, path=path)


def is_page(path: str) -> bool:
    """Whether a page stands at ``path``."""
    return (path.rstrip("/") or "/") in PAGES


def address(page: str, **parameters: object) -> str:
    """The address of ``page`` with the parameters that are not None or empty: ``address("/run", id="abc")``."""
    kept = {name: str(value) for name, value in parameters.items() if value not in (None, "")}
    return f"{page}?{urlencode(kept)}" if kept else page
