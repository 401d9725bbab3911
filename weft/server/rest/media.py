"""Images, sounds and files of spans, as a browser may have them: their type is told by their bytes, never by who sent
them; what is not known to be harmless is only ever downloaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response, StreamingResponse

from weft.errors import NotFoundError
from weft.records.media import SHOWN, UNKNOWN_TYPE, type_of
from weft.repositories import Store

_ENDINGS = {"jpeg": "jpg", "mpeg": "mp3", "octet-stream": "bin"}


def router(store: Store) -> APIRouter:
    """The route of media."""
    routes = APIRouter(prefix="/api/projects/{project}", tags=["traces"])

    @routes.get(
        "/media/{digest:text}",
        summary="The bytes of an image, a sound or a file of a span",
        responses={200: {"content": {media_type: {} for media_type in (*sorted(SHOWN), UNKNOWN_TYPE)}}},
    )
    def get(project: str, digest: str) -> Response:
        return _answer(store.blobs.pieces(project, digest), digest)

    return routes


def plotly_router() -> APIRouter:
    """The route of plotly's script, as the installed package has it: it draws figures in a frame of their own."""
    routes = APIRouter(prefix="/api", tags=["system"])

    @routes.get("/plotly.js", summary="The script that draws figures of plotly", response_class=FileResponse)
    def plotly() -> Response:
        found = importlib.util.find_spec("plotly")  # found, not imported
        path = (
            None
            if found is None or found.origin is None
            else Path(found.origin).parent / "package_data" / "plotly.min.js"
        )
        if path is None or not path.is_file():
            raise NotFoundError(
                "Plotly is not installed with this server.", remedy="Install weft[server].", field="path"
            )
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400"}
        return FileResponse(path, media_type="text/javascript", headers=headers)

    return routes


def _answer(pieces: Iterator[bytes], digest: str) -> Response:
    first = next(pieces, b"")
    media_type = type_of(first)
    shown = media_type in SHOWN
    ending = (media_type or UNKNOWN_TYPE).partition("/")[2]
    headers = {
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; "
        f'filename="{digest[:16]}.{_ENDINGS.get(ending, ending)}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, immutable, max-age=31536000",
    }
    media_type = media_type if shown else UNKNOWN_TYPE
    return StreamingResponse(chain([first], pieces), headers=headers, media_type=media_type)
