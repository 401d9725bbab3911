"""REST for every aggregate of the store; handlers are plain functions, run in threads, that ask the store."""

from __future__ import annotations

from fastapi import APIRouter

from weft.repositories import Store
from weft.server.rest import (
    actions,
    artifacts,
    feedback,
    keeping,
    media,
    outlines,
    reviews,
    runs,
    serving,
    spans,
    system,
)


def router(store: Store) -> APIRouter:
    """All routes under /api that the store answers."""
    routes = APIRouter()
    for room in (system, runs, outlines, actions, feedback, spans, media, artifacts, serving, reviews, keeping):
        routes.include_router(room.router(store))
    return routes
