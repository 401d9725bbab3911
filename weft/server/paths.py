"""Path parameters that hold any text: slashes, NUL, lone surrogates, even nothing.

Routes are matched on the path as it was sent, percent-encoded; ``{name:text}`` decodes one part of it.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from weft import ids


class _Text(Convertor[str]):
    """One part of a path."""

    regex = "[^/]*"

    def convert(self, value: str) -> str:
        """The text that was encoded."""
        try:
            return unquote(value, errors="surrogatepass")
        except UnicodeDecodeError:
            raise HTTPException(400, "The address is not percent-encoded UTF-8") from None

    def to_string(self, value: str) -> str:
        """The encoded text."""
        return quote(value, safe="", errors="surrogatepass")


register_url_convertor("text", _Text())


def project_in_header(value: str | None) -> str | None:
    """The project that a header names, percent-encoded or in UTF-8, which servers read as Latin-1."""
    if value is None:
        return None
    return ids.composed(unquote(value.encode("latin-1", "replace").decode("utf-8", "replace")))


class RawPaths:
    """Routes by the path as it was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "lifespan" and scope.get("raw_path"):
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)
