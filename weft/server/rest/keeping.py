"""Deletion by query, retention, audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from weft.records import AuditEntry, Deletion, Page, Retention, SpanQuery
from weft.repositories import Store
from weft.server.arguments import described, filters, one, parameters, required
from weft.server.replies import reply

_Query = Annotated[SpanQuery, Depends(filters(SpanQuery))]
_Forget = Callable[[Deletion], object]
_Told = Callable[[Deletion], Response]
_AUTHOR = "REST"


def router(store: Store, forget: _Forget) -> APIRouter:
    """The routes of deletion, retention and audit; ``forget`` removes copies of deleted spans outside of the store."""
    routes = APIRouter(prefix="/api", tags=["keeping"])

    def told(done: Deletion) -> Response:
        if done.spans:
            forget(done)
        return reply(done)

    _add_deletion(routes, store, told)
    _add_retention(routes, store, told)
    return routes


def _add_deletion(routes: APIRouter, store: Store, told: _Told) -> None:
    @routes.delete(
        "/spans",
        response_model=Deletion,
        summary="Delete the spans that a filter finds",
        openapi_extra=described(SpanQuery),
    )
    def delete_spans(query: _Query) -> Response:
        return told(store.keeping.delete_spans(query, author=_AUTHOR))

    @routes.post("/spans/delete", response_model=Deletion, summary="The same, in somebody's name, or forced")
    def delete_in_name(
        query: Annotated[SpanQuery, Body()],
        author: Annotated[str, Body()] = _AUTHOR,
        force: Annotated[bool, Body()] = False,
    ) -> Response:
        return told(store.keeping.delete_spans(query, author=author, force=force))

    @routes.get(
        "/audit",
        response_model=Page[AuditEntry],
        summary="Who deleted what, the newest first",
        openapi_extra=parameters(project="only this project", cursor="the page"),
    )
    def list_audit(request: Request, limit: int = 100) -> Response:
        project, cursor = one(request, "project"), one(request, "cursor")
        return reply(store.keeping.list_audit(project, limit=limit, cursor=cursor))


def _add_retention(routes: APIRouter, store: Store, told: _Told) -> None:
    @routes.get(
        "/retentions",
        response_model=list[Retention],
        summary="How long which spans are kept",
        openapi_extra=parameters(project="only this project"),
    )
    def list_retentions(request: Request) -> Response:
        return reply(store.keeping.list_retentions(one(request, "project")))

    @routes.put("/retentions", response_model=Retention, summary="Keep spans of a project so long")
    def set_retention(
        project: Annotated[str, Body()],
        days: Annotated[float, Body()],
        where: Annotated[str | None, Body()] = None,
        author: Annotated[str, Body()] = _AUTHOR,
    ) -> Response:
        return reply(store.keeping.set_retention(Retention(project, days, where), author=author))

    @routes.delete(
        "/retentions",
        summary="Keep them for ever",
        openapi_extra=parameters(project="the project", where="the policy's expression", author="who says so"),
    )
    def clear_retention(request: Request) -> Response:
        project = required(request, "project")
        author = one(request, "author") or _AUTHOR
        store.keeping.clear_retention(project, one(request, "where"), author=author)
        return reply({"cleared": project})

    @routes.post("/retentions/apply", response_model=Deletion, summary="Delete what is older than the policies say")
    def apply_retentions(body: Annotated[dict[str, Any], Body()]) -> Response:
        limit_s = body.get("limit_s")
        author = str(body.get("author") or _AUTHOR)
        return told(store.keeping.apply_retentions(author=author, limit_s=None if limit_s is None else float(limit_s)))
