"""Artifacts, aliases, examples, lineage, blobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from weft.errors import InputError
from weft.records import ArtifactVersion, Example, LineageEdge, LineageGraph, NodeKind, Page
from weft.repositories import Store
from weft.server.arguments import parameters, required
from weft.server.bodies import Bounds, file_of
from weft.server.replies import reply

_BYTES = "application/octet-stream"


def router(store: Store) -> APIRouter:
    """The routes of artifacts and what they are made of."""
    routes = APIRouter(prefix="/api/projects/{project:text}", tags=["artifacts"])
    _add_artifacts(routes, store)
    _add_lineage(routes, store)
    _add_blobs(routes, store)
    return routes


def _add_artifacts(routes: APIRouter, store: Store) -> None:
    @routes.get("/artifacts", response_model=list[ArtifactVersion], summary="The newest version of each artifact")
    def list_artifacts(project: str, type: str | None = None) -> Response:
        return reply(store.artifacts.list_artifacts(project, type=type))

    @routes.post("/artifacts", response_model=ArtifactVersion, summary="Store a version; equal content is stored once")
    def create_version(
        project: str,
        version: Annotated[ArtifactVersion, Body()],
        examples: Annotated[list[Example] | None, Body()] = None,
        aliases: Annotated[tuple[str, ...], Body()] = (),
    ) -> Response:
        same_project(version.project, project)
        return reply(store.artifacts.create_version(version, examples=examples, aliases=aliases))

    @routes.get(
        "/artifacts/{ref:text}", response_model=ArtifactVersion, summary="One version: name, name:alias or name:v3"
    )
    def get_version(project: str, ref: str) -> Response:
        return reply(store.artifacts.get_version(project, ref))

    @routes.get("/artifacts/{name:text}/versions", response_model=list[ArtifactVersion], summary="All versions of one")
    def list_versions(project: str, name: str) -> Response:
        return reply(store.artifacts.list_versions(project, name))

    @routes.get("/artifacts/{ref:text}/examples", response_model=Page[Example], summary="Examples of a dataset version")
    def list_examples(
        project: str, ref: str, split: str | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Response:
        return reply(store.artifacts.list_examples(project, ref, split=split, limit=limit, cursor=cursor))

    @routes.put("/artifacts/{name:text}/aliases/{alias:text}", summary="Move an alias to a version")
    def set_alias(project: str, name: str, alias: str, version: Annotated[int, Body(embed=True)]) -> Response:
        store.artifacts.set_alias(project, name, alias, version)
        return reply({"alias": alias, "version": version})


def _add_lineage(routes: APIRouter, store: Store) -> None:
    @routes.post("/lineage", response_model=LineageEdge, summary="Add an edge of lineage")
    def add_edge(project: str, edge: LineageEdge) -> Response:
        same_project(edge.project, project)
        store.artifacts.add_edge(edge)
        return reply(edge)

    @routes.get(
        "/lineage",
        response_model=LineageGraph,
        summary="All that is upstream and downstream of one node",
        openapi_extra=parameters(name="a run's id, or name:v3 of an artifact"),
    )
    def lineage(project: str, kind: NodeKind, request: Request, depth: int | None = None) -> Response:
        return reply(store.artifacts.lineage(project, kind, required(request, "name"), depth=depth))

    @routes.post("/artifacts/{ref:text}/uses", response_model=ArtifactVersion, summary="A version feeds into a run")
    def use_version(
        project: str, ref: str, run_id: Annotated[str, Body()], relation: Annotated[str, Body()] = "used"
    ) -> Response:
        return reply(store.artifacts.use_version(project, ref, run_id, relation=relation))


def _add_blobs(routes: APIRouter, store: Store) -> None:
    bounds = Bounds(body_bytes=2**31, held_bytes=2**31)

    @routes.post("/blobs", summary="Store bytes; answers with their digest")
    async def put(project: str, request: Request) -> Response:
        async with file_of(request, bounds) as path:  # not in memory: weights have gigabytes
            return reply({"digest": await run_in_threadpool(store.blobs.put_file, project, path)})

    @routes.get("/blobs/{digest:text}", summary="The bytes of a digest")
    def get(project: str, digest: str) -> Response:
        headers = {"Content-Disposition": "attachment", "Cache-Control": "private, immutable, max-age=31536000"}
        return StreamingResponse(store.blobs.pieces(project, digest), headers=headers, media_type=_BYTES)

    @routes.head("/blobs/{digest:text}", summary="Whether there are bytes of a digest: 200 or 404")
    def has(project: str, digest: str) -> Response:
        return Response(status_code=200 if store.blobs.has(project, digest) else 404)


def same_project(given: str, project: str) -> None:
    """Raises InputError where a record is sent to the address of another project."""
    if given != project:
        raise InputError(
            f"The record belongs to project {given!r}, the address to {project!r}.",
            remedy="Send it to the address of its own project.",
            field="project",
        )
