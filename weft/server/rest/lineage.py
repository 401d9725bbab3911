"""Lineage as a graph to look at."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from weft.registry.graph import Graph, graph_of, start_of
from weft.repositories import Store
from weft.server.arguments import parameters, required
from weft.server.replies import reply

_MOST = 2000


def router(store: Store) -> APIRouter:
    """The route of the graph."""
    routes = APIRouter(prefix="/api/projects/{project:text}", tags=["artifacts"])

    @routes.get(
        "/lineage/graph",
        response_model=Graph,
        summary="Nodes with their key figures, and edges, around one node",
        openapi_extra=parameters(node="name:v3, run:ID, registry/NAME:stage, span:TRACE:SPAN, trace:ID"),
    )
    def graph(project: str, request: Request, depth: int = 2, limit: int = 500) -> Response:
        start = start_of(store, project, required(request, "node"))
        return reply(graph_of(store, start, depth=max(1, depth), most=max(2, min(limit, _MOST))))

    return routes
