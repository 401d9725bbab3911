"""Artifacts, aliases, examples, lineage."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.errors import InputError
from weft.records import ArtifactVersion, Example, LineageEdge, LineageGraph, NodeKind, Page
from weft.records.artifacts import ArtifactCollection, MediaLimit, VersionChange
from weft.repositories import Store
from weft.server.arguments import one, parameters, required
from weft.server.replies import reply

_AUTHOR = "REST"


def router(store: Store) -> APIRouter:
    """The routes of artifacts and what they are made of."""
    routes = APIRouter(prefix="/api/projects/{project:text}", tags=["artifacts"])
    _add_artifacts(routes, store)
    _add_changes(routes, store)
    _add_lineage(routes, store)
    return routes


def collecting(store: Store) -> APIRouter:
    """The route that collects what nothing refers to."""
    routes = APIRouter(prefix="/api/artifacts", tags=["artifacts"])

    @routes.post(
        "/collect", response_model=ArtifactCollection, summary="Delete what outlived its time and what nothing needs"
    )
    def collect(
        project: Annotated[str | None, Body()] = None,
        dry_run: Annotated[bool, Body()] = False,
        author: Annotated[str, Body()] = _AUTHOR,
        media: Annotated[MediaLimit | None, Body()] = None,
    ) -> Response:
        return reply(store.artifacts.collect(project, dry_run=dry_run, author=author or _AUTHOR, media=media))

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

    @routes.delete("/artifacts/{name:text}/aliases/{alias:text}", summary="Take an alias away")
    def remove_alias(project: str, name: str, alias: str) -> Response:
        store.artifacts.remove_alias(project, name, alias)
        return reply({"removed": alias})


def _add_changes(routes: APIRouter, store: Store) -> None:
    @routes.post(
        "/artifacts/{name:text}/versions/{version}",
        response_model=ArtifactVersion,
        summary="Change a version's words, tags, aliases or end; what is left out stays",
    )
    def change_version(project: str, name: str, version: int, change: VersionChange) -> Response:
        return reply(store.artifacts.change_version(project, name, version, change))

    @routes.delete(
        "/artifacts/{name:text}/versions/{version}",
        response_model=ArtifactVersion,
        summary="Delete a version; its content goes with a collection",
        openapi_extra=parameters(author="in whose name", force="also where an alias names it"),
    )
    def delete_version(project: str, name: str, version: int, request: Request) -> Response:
        author, force = one(request, "author") or _AUTHOR, one(request, "force") == "true"
        return reply(store.artifacts.delete_version(project, name, version, author=author, force=force))


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


def same_project(given: str, project: str) -> None:
    """Raises InputError where a record is sent to the address of another project."""
    if given != project:
        raise InputError(
            f"The record belongs to project {given!r}, the address to {project!r}.",
            remedy="Send it to the address of its own project.",
            field="project",
        )
