"""The server: REST, the OTLP receiver, sign-in. Needs the extra ``server``."""

from weft.errors import MissingExtraError

try:
    import fastapi  # noqa: F401 - asked for here so that its absence has a clear message
    import uvicorn  # noqa: F401 - likewise
except ModuleNotFoundError as error:
    raise MissingExtraError(error.name or "fastapi", "server") from None

from weft.server.app import Pages, create_app, ingest_app
from weft.server.gate import is_loopback, rules_of

__all__ = ["Pages", "create_app", "ingest_app", "is_loopback", "rules_of"]
