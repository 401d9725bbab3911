"""Conversations, what people say of a span, and scores that are stored at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from weft.errors import InputError, NotFoundError
from weft.records import Page, Role, Score, ScoreSource, ThreadQuery, ThreadSummary
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.arguments import described, filters, one, parameters
from weft.server.replies import reply
from weft.tracing import human_scores

_Threads = Annotated[ThreadQuery, Depends(filters(ThreadQuery))]
_Word = Annotated[str | None, Body()]


def router(store: Store) -> APIRouter:
    """The routes of feedback."""
    routes = APIRouter(prefix="/api", tags=["traces"])
    _add_feedback(routes, store)
    _add_scores(routes, store)

    @routes.get(
        "/threads",
        response_model=Page[ThreadSummary],
        summary="Conversations, filtered and paged",
        openapi_extra=described(ThreadQuery),
    )
    def list_threads(query: _Threads) -> Response:
        return reply(store.spans.list_threads(query))

    return routes


def _add_feedback(routes: APIRouter, store: Store) -> None:
    @routes.post(
        "/spans/{trace_id:text}/{span_id:text}/feedback", response_model=Score, summary="Say something of a span"
    )
    def say(
        trace_id: str,
        span_id: str,
        request: Request,
        name: Annotated[str, Body(embed=True)],
        value: Annotated[float | None, Body()] = None,
        label: _Word = None,
        explanation: _Word = None,
        author: _Word = None,
        project: _Word = None,
    ) -> Response:
        where = human_scores.ids_of((trace_id, span_id))
        project = project or _project(store, trace_id, span_id)
        author = identity_of(request.scope).person or author or "anonymous"
        said = human_scores.make(where, project, author, name, value, label, explanation)
        if value is None and label is None and not explanation:
            raise InputError("The feedback says nothing.", remedy="Give value, label or explanation.", field="value")
        assert said is not None
        store.evaluations.add_scores([said])
        return reply(said)

    @routes.get(
        "/spans/{trace_id:text}/{span_id:text}/feedback", response_model=list[Score], summary="What was said of a span"
    )
    def listed(trace_id: str, span_id: str) -> Response:
        return reply(human_scores.listed(store, trace_id, span_id))


def _add_scores(routes: APIRouter, store: Store) -> None:
    @routes.post("/scores", summary="Store scores at once")
    def add_scores(scores: list[Score], request: Request) -> Response:
        person = identity_of(request.scope).person
        store.evaluations.add_scores([_by(person, score) for score in scores])
        return reply({"stored": len(scores)})

    @routes.delete(
        "/scores/{score_id:text}",
        summary="Delete a piece of feedback; with an author, only if it is theirs",
        openapi_extra=parameters(author="who gave it"),
    )
    def delete(score_id: str, request: Request) -> Response:
        identity = identity_of(request.scope)
        theirs = None if identity.role is Role.ADMIN else identity.person
        store.evaluations.delete_score(score_id, author=theirs or one(request, "author"))
        return reply({"deleted": score_id})


def _by(person: str | None, score: Score) -> Score:
    """What people say is said by who signed in, whatever the request tells."""
    if person is None or score.source is not ScoreSource.HUMAN:
        return score
    return replace(score, author=person)


def _project(store: Store, trace_id: str, span_id: str) -> str:
    span = store.spans.find_span(trace_id, span_id)
    if span is None:
        raise NotFoundError(
            f"There is no span {span_id} in trace {trace_id}.",
            remedy="Where it is still on its way, send its project along.",
            field="span_id",
        )
    return span.project
