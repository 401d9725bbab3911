"""Saved views of pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.records.views import SavedView
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.arguments import one, parameters, required
from weft.server.replies import reply


def router(store: Store) -> APIRouter:
    """The routes of saved views."""
    routes = APIRouter(prefix="/api", tags=["views"])

    @routes.get(
        "/views",
        response_model=list[SavedView],
        summary="The saved views of a project, by name",
        openapi_extra=parameters(project="the project", page="only of this page, such as runs"),
    )
    def list_views(request: Request) -> Response:
        return reply(store.views.list_views(required(request, "project"), page=one(request, "page")))

    @routes.post("/views", response_model=SavedView, summary="Save a view; without an id it is new")
    def save_view(request: Request, view: Annotated[SavedView, Body()]) -> Response:
        person = identity_of(request.scope).person
        return reply(store.views.save_view(replace(view, author=person or view.author)))

    @routes.get("/views/{view_id:text}", response_model=SavedView, summary="One saved view")
    def get_view(view_id: str) -> Response:
        return reply(store.views.get_view(view_id))

    @routes.delete("/views/{view_id:text}", summary="Forget a view; no run is touched")
    def delete_view(view_id: str) -> Response:
        store.views.delete_view(view_id)
        return reply({"deleted": view_id})

    return routes
