"""Request bodies read within bounds: their size as sent, their size unpacked, and what all of them hold at once."""

from __future__ import annotations

import asyncio
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.server import patience
from weft.server.patience import pieces_of

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_HELD_BYTES = 512 * 1024 * 1024
_BOUND_THEMSELVES = frozenset({"/v1/traces", "/v1/logs", "/api/journal", "/api/batches"})
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(slots=True)
class Bounds:
    """The most that one body may hold, unpacked, and the most that all bodies in flight may."""

    body_bytes: int = MAX_BODY_BYTES
    held_bytes: int = MAX_HELD_BYTES
    held: int = 0

    def take(self, size: int) -> None:
        """Count ``size`` more bytes as held. Raises HTTPException 503 where that is more than may be."""
        if self.held + size > self.held_bytes:
            raise HTTPException(503, "The server holds as many unfinished requests as it can")
        self.held += size


@asynccontextmanager
async def body_of(request: Request, bounds: Bounds) -> AsyncIterator[bytes]:
    """The request's body, unpacked; its bytes count as held until the block is left.

    Raises HTTPException: 413 too large, packed or unpacked; 415 an encoding other than gzip; 400 broken gzip or a
    body cut short; 408 one that comes too slowly; 503 overload.
    """
    parts: list[bytes] = []
    async with _taken(request, bounds, parts.append):
        yield b"".join(parts)


@asynccontextmanager
async def file_of(request: Request, bounds: Bounds) -> AsyncIterator[Path]:
    """The request's body, unpacked, in a temporary file that is there until the block is left.

    Raises as :func:`body_of` does, and OSError where there is no room for it.
    """
    with tempfile.NamedTemporaryFile(prefix="weft-") as file:
        async with _taken(request, bounds, file.write):
            file.flush()
            yield Path(file.name)


@asynccontextmanager
async def _taken(request: Request, bounds: Bounds, keep: Callable[[bytes], object]) -> AsyncIterator[None]:
    unpack = _unpacker(request)
    taken = 0
    try:
        try:
            async with aclosing(pieces_of(request)) as pieces:
                async for piece in pieces:
                    part = unpack.feed(piece, bounds.body_bytes - taken)
                    bounds.take(len(part))
                    taken += len(part)
                    keep(part)
        except ClientDisconnect:
            raise HTTPException(400, "The body was cut short") from None
        unpack.finish()
        yield
    finally:
        bounds.held -= taken


def _unpacker(request: Request) -> _Plain:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", "", "none"}:
        return _Plain()
    if encoding in {"gzip", "x-gzip"}:
        return _Gzip()
    raise HTTPException(415, f"Content-Encoding {encoding!r} is not understood; send gzip or none")


def _too_large() -> HTTPException:
    return HTTPException(413, "The body is larger than this server takes")


class _Plain:
    """A body that is not packed."""

    def feed(self, chunk: bytes, room: int) -> bytes:
        if len(chunk) > room:
            raise _too_large()
        return chunk

    def finish(self) -> None:
        """Nothing can be missing."""


class _Gzip(_Plain):
    """A body of one or more gzip members, unpacked no further than there is room."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, chunk: bytes, room: int) -> bytes:
        out = bytearray()
        try:
            while chunk:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
                self._begun = True
                out += self._member.decompress(chunk, room - len(out) + 1)
                if len(out) > room:
                    raise _too_large()
                chunk = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error as error:
            raise HTTPException(400, f"The body is not gzip ({error})") from None
        return bytes(out)

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise HTTPException(400, "The body is not gzip (it was cut short)")


class Limit:
    """Refuses bodies of over ``max_bytes`` where a route reads JSON whole; the others bound themselves by body_of."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in _BOUND_THEMSELVES or scope["path"].endswith("/blobs"):
            await self._app(scope, receive, send)
            return
        seen, more = 0, True

        async def counted() -> Message:
            nonlocal seen, more
            try:
                async with asyncio.timeout(patience.PIECE_S if more else None):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body came too slowly") from None
            more = message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise _too_large()
            return message

        await self._app(scope, counted, send)
