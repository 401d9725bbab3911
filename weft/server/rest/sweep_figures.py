"""Figures of a sweep that a page cannot compute by itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from weft.repositories import Store
from weft.server.replies import reply
from weft.sweeps.explained import importance_of


def router(store: Store) -> APIRouter:
    """The routes of figures over the trials of a sweep."""
    routes = APIRouter(prefix="/api", tags=["sweeps"])

    @routes.get("/sweeps/{sweep_id}/importance", summary="How much each parameter explains an objective")
    def importance(
        sweep_id: str, objective: Annotated[int, Query(description="Which objective, counted from 0.")] = 0
    ) -> Response:
        return reply(importance_of(store.sweeps.get_sweep(sweep_id), store.sweeps.list_trials(sweep_id), objective))

    return routes
