"""REST for every aggregate of the store; handlers are plain functions, run in threads, that ask the store."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from weft.evals.kept import Kept
from weft.records import Deletion
from weft.repositories import Store
from weft.server.rest import (
    actions,
    artifacts,
    blobs,
    comparisons,
    curves,
    evaluations,
    feedback,
    histories,
    keeping,
    lineage,
    logged,
    media,
    outlines,
    people,
    registry,
    review_figures,
    reviews,
    run_figures,
    run_files,
    runs,
    serving,
    spans,
    sweep_columns,
    sweep_editing,
    sweep_figures,
    sweeps,
    system,
    views,
)


def router(store: Store, forget: Callable[[Deletion], object]) -> APIRouter:
    """All routes under /api that the store answers; ``forget`` is called after each deletion of spans."""
    routes = APIRouter()
    for room in (
        system,
        curves,
        run_figures,
        run_files,
        runs,
        logged,
        histories,
        outlines,
        actions,
        feedback,
        spans,
        media,
        artifacts,
        lineage,
        blobs,
        serving,
        review_figures,
        reviews,
        people,
        views,
        sweep_columns,
        sweep_editing,
        sweep_figures,
        sweeps,
        registry,
    ):
        routes.include_router(room.router(store))
    routes.include_router(artifacts.collecting(store))
    routes.include_router(media.plotly_router())
    routes.include_router(keeping.router(store, forget))
    kept = Kept(store)
    routes.include_router(evaluations.router(store, kept))
    routes.include_router(comparisons.router(store, kept))
    return routes
