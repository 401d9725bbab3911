"""The files that a run kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from weft.records import Logged
from weft.repositories import Store
from weft.server.replies import reply

_FOLDER = "files/"
_MOST = 2000


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a run as it was logged last: its path, from which rank, where its bytes are (``digest``)."""

    path: str
    source: str
    digest: str
    size_bytes: int
    media_type: str
    step: int | None
    time_ns: int


def router(store: Store) -> APIRouter:
    """The route of a run's files."""
    routes = APIRouter(prefix="/api", tags=["runs"])

    @routes.get("/runs/{run_id:text}/files", response_model=list[KeptFile], summary="The files of a run, 2,000 at most")
    def files(run_id: str) -> Response:
        found = []
        for summary in store.logged.list_logged(run_id, kind="file")[:_MOST]:
            logged = store.logged.find_logged(run_id, summary.name, source=summary.source)
            found += [] if logged is None else list(_files(logged))
        return reply(found)

    return routes


def _files(logged: Logged) -> Iterator[KeptFile]:
    """Those of one record: what lies under ``files/`` has no step; other values are named by theirs."""
    kept, items = logged.name.startswith(_FOLDER), logged.items
    for at, item in enumerate(items):
        name = logged.name.removeprefix(_FOLDER) if kept else logged.name
        if not kept and isinstance(item.get("name"), str):
            name = f"{name}/{item['name']}"
        elif len(items) > 1:
            name = f"{name}/{at}"
        size = item.get("size_bytes")
        yield KeptFile(
            name,
            logged.source,
            str(item.get("digest", "")),
            size if isinstance(size, int) else 0,
            str(item.get("media_type", "")),
            None if kept else logged.step,
            logged.time_ns,
        )
