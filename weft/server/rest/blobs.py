"""Blobs: one by one, many at once, large ones in parts. What the server has is never sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from weft import digests
from weft.errors import InputError
from weft.records import packs
from weft.repositories import Store
from weft.server.bodies import Bounds, body_of, file_of
from weft.server.replies import reply

_BYTES = "application/octet-stream"
_MOST_ASKED = 20_000
_LARGEST_PACK = 32 * 1024 * 1024


def router(store: Store) -> APIRouter:
    """The routes of content."""
    routes = APIRouter(prefix="/api/projects/{project:text}/blobs", tags=["artifacts"])
    _add_many(routes, store)
    _add_parts(routes, store)
    _add_single(routes, store)
    return routes


def _add_many(routes: APIRouter, store: Store) -> None:
    bounds = Bounds(body_bytes=_LARGEST_PACK)

    @routes.post("/known", summary="Which of these digests there are bytes of; they are kept for a while then")
    def known(project: str, digests: Annotated[list[str], Body(embed=True)]) -> Response:
        return reply({"known": sorted(store.blobs.known(project, _few(digests)))})

    @routes.post("/fetch", summary="The bytes of many digests, as a pack")
    def fetch(project: str, digests: Annotated[list[str], Body(embed=True)]) -> Response:
        found = store.blobs.fetch(project, _few(digests))
        first = next(found, None)  # what is not there is told while that can still be an error

        def packed() -> Iterator[bytes]:
            if first is not None:
                yield packs.pack(*first)
            for digest, data in found:
                yield packs.pack(digest, data)

        return StreamingResponse(packed(), media_type=packs.CONTENT_TYPE)

    @routes.post("/pack", summary="Store many small contents at once")
    async def pack(project: str, request: Request) -> Response:
        async with body_of(request, bounds) as body:
            return reply({"digests": await run_in_threadpool(_keep, store, project, body)})


def _keep(store: Store, project: str, body: bytes) -> list[str]:
    found: dict[str, bytes] = {}
    for digest, data in packs.unpack([body], _LARGEST_PACK):
        if digests.of_bytes(data) != digest:
            raise InputError(
                f"The bytes that came are not those of {digest}.", remedy="Send them again.", field="digest"
            )
        found[digest] = data
    return store.blobs.put_all(project, list(found.values()))


def _add_parts(routes: APIRouter, store: Store) -> None:
    bounds = Bounds(body_bytes=_LARGEST_PACK)

    @routes.get("/{digest:text}/received", summary="How many bytes of an upload in parts have come")
    def received(project: str, digest: str) -> Response:
        return reply({"received": store.blobs.received(project, digest)})

    @routes.put("/{digest:text}/parts", summary="The next part of an upload; parts that came before are passed over")
    async def append(project: str, digest: str, offset: int, size_bytes: int, request: Request) -> Response:
        async with body_of(request, bounds) as body:
            have = await run_in_threadpool(store.blobs.append, project, digest, offset, body, size_bytes=size_bytes)
            return reply({"received": have})


def _add_single(routes: APIRouter, store: Store) -> None:
    bounds = Bounds(body_bytes=2**31, held_bytes=2**31)

    @routes.post("", summary="Store bytes; answers with their digest")
    async def put(project: str, request: Request) -> Response:
        async with file_of(request, bounds) as path:  # not in memory: weights have gigabytes
            return reply({"digest": await run_in_threadpool(store.blobs.put_file, project, path)})

    @routes.get("/{digest:text}", summary="The bytes of a digest, from an offset on")
    def get(project: str, digest: str, offset: int = 0) -> Response:
        headers = {"Content-Disposition": "attachment", "Cache-Control": "private, immutable, max-age=31536000"}
        return StreamingResponse(
            _behind(store.blobs.pieces(project, digest), offset), headers=headers, media_type=_BYTES
        )

    @routes.head("/{digest:text}", summary="Whether there are bytes of a digest: 200 or 404")
    def has(project: str, digest: str) -> Response:
        return Response(status_code=200 if store.blobs.has(project, digest) else 404)


def _behind(pieces: Iterator[bytes], offset: int) -> Iterator[bytes]:
    for piece in pieces:
        if offset < len(piece):
            yield piece[max(offset, 0) :]
        offset -= len(piece)


def _few(wanted: list[str]) -> list[str]:
    if len(wanted) > _MOST_ASKED:
        raise InputError(
            f"There are {len(wanted)} digests; {_MOST_ASKED} may be asked for at once.",
            remedy="Ask in parts.",
            field="digests",
        )
    return wanted
