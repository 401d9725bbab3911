"""Whether agents of other machines reach the store of this one."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from weft.errors import InputError
from weft.settings import Settings

_HERE = ("localhost", "127.0.0.1", "::1", "")


def tied_to(settings: Settings) -> str | None:
    """What a store is that only this machine reaches; None where others do, too."""
    if settings.url is not None:
        return f"the server at {settings.url}" if _is_here(settings.url) else None
    if settings.db is None or settings.db.startswith("sqlite"):
        return f"the SQLite database in {settings.dir}" if settings.db is None else "a SQLite database of this machine"
    return "a PostgreSQL server of this machine" if _is_here(settings.db) else None


def out_of_reach(store: str, hosts: list[str]) -> InputError:
    """The error for trials on hosts that do not reach a store."""
    return InputError(
        f"Trials on {', '.join(hosts[:5])} cannot reach {store}.",
        remedy="Set WEFT_URL to a Weft server, or WEFT_DB to a PostgreSQL, that every node reaches.",
        field="executor",
    )


def _is_here(address: str) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or (parse_qs(parts.query).get("host") or [""])[0]
    return host in _HERE or host.startswith("/")  # a socket's folder
