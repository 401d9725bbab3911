"""Histories of runs, and alerts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from weft.records import Alert, Page, Run
from weft.repositories import Store
from weft.server.replies import reply


def router(store: Store) -> APIRouter:
    """The routes that fork and rewind runs, and those of alerts."""
    routes = APIRouter(prefix="/api", tags=["runs"])

    @routes.post("/runs/{run_id:text}/fork", response_model=Run, summary="A new run with this history up to a step")
    def fork_run(run_id: str, step: Annotated[int, Body()], new_id: Annotated[str, Body()]) -> Response:
        return reply(store.histories.fork_run(run_id, step, new_id=new_id))

    @routes.post("/runs/{run_id:text}/rewind", response_model=Run, summary="Take a run back to a step")
    def rewind_run(run_id: str, step: Annotated[int, Body(embed=True)]) -> Response:
        return reply(store.histories.rewind_run(run_id, step))

    @routes.get("/alerts", response_model=Page[Alert], summary="Alerts of runs, the newest first")
    def list_alerts(
        project: str | None = None,
        run_id: str | None = None,
        posted: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Response:
        found = store.alerts.list_alerts(project=project, run_id=run_id, posted=posted, limit=limit, cursor=cursor)
        return reply(found)

    @routes.post("/alerts/{alert_id:text}/posted", response_model=Alert, summary="An alert went out")
    def mark_posted(alert_id: str) -> Response:
        return reply(store.alerts.mark_posted(alert_id))

    return routes
