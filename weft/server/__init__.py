"""The server: REST, the OTLP receiver, sign-in. Needs the extra ``server``.

The names are imported when first used: the ingest process needs no REST.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from weft.errors import MissingExtraError

try:
    import fastapi  # noqa: F401 - asked for here so that its absence has a clear message
    import uvicorn  # noqa: F401 - likewise
except ModuleNotFoundError as error:
    raise MissingExtraError(error.name or "fastapi", "server") from None

if TYPE_CHECKING:
    from weft.server.app import Pages, create_app
    from weft.server.gate import is_loopback, rules_of
    from weft.server.receiver import ingest_app

__all__ = ["Pages", "create_app", "ingest_app", "is_loopback", "rules_of"]
_HOMES = {
    "Pages": "app",
    "create_app": "app",
    "ingest_app": "receiver",
    "is_loopback": "gate",
    "rules_of": "gate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'weft.server' has no attribute {name!r}")
    return getattr(importlib.import_module(f"weft.server.{_HOMES[name]}"), name)
