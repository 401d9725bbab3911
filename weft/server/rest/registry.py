"""The registry: versions, stages, requirements, the log, hooks. Who decides is whoever is signed in."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.errors import InputError
from weft.records import (
    CheckState,
    Delivery,
    Hook,
    Page,
    Promotion,
    Registered,
    RegistryEvent,
    RegistryVersion,
    Standing,
)
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.replies import reply

_Author = Annotated[str, Body(description="Who decides, where nobody is signed in.")]
_Number = Annotated[int, Body()]
_Words = Annotated[str | None, Body()]
_NOBODY = "REST"


def router(store: Store) -> APIRouter:
    """The routes of the registry."""
    routes = APIRouter(prefix="/api", tags=["registry"])
    _add_names(routes, store)
    _add_versions(routes, store)
    _add_checks(routes, store)
    _add_stages(routes, store)
    _add_log(routes, store)
    _add_hooks(routes, store)
    return routes


def _person(request: Request, given: str) -> str:
    return identity_of(request.scope).person or given


def _add_names(routes: APIRouter, store: Store) -> None:
    @routes.get("/registry", response_model=list[Registered], summary="Everything that is registered, by name")
    def list_registered(type: str | None = None) -> Response:
        return reply(store.registry.list_registered(type=type))

    @routes.post("/registry", response_model=Registered, summary="Register a name, or get the one that exists")
    def create(request: Request, registered: Annotated[Registered, Body()], author: _Author = _NOBODY) -> Response:
        return reply(store.registry.create(registered, author=_person(request, author)))

    @routes.get("/registry/{name:text}", response_model=Registered, summary="What is registered under a name")
    def get_registered(name: str) -> Response:
        return reply(store.registry.get_registered(name))

    @routes.put("/registry/{name:text}", response_model=Registered, summary="Set description, stages and requirements")
    def change(
        request: Request,
        name: str,
        registered: Annotated[Registered, Body()],
        author: _Author = _NOBODY,
        reason: Annotated[str, Body()] = "",
    ) -> Response:
        if registered.name != name:
            raise InputError(f"The record is of {registered.name!r}, the address of {name!r}.", field="name")
        role = identity_of(request.scope).role
        return reply(store.registry.change(registered, author=_person(request, author), role=role, reason=reason))


def _add_versions(routes: APIRouter, store: Store) -> None:
    home = "/registry/{name:text}/versions"

    @routes.get(home, response_model=list[RegistryVersion], summary="All versions of a name, the first one first")
    def list_versions(name: str) -> Response:
        return reply(store.registry.list_versions(name))

    @routes.post(home, response_model=RegistryVersion, summary="Make an artifact's version one of the name")
    def link(
        request: Request,
        name: str,
        project: Annotated[str, Body()],
        ref: Annotated[str, Body()],
        author: _Author = _NOBODY,
        aliases: Annotated[tuple[str, ...], Body()] = (),
        note: _Words = None,
    ) -> Response:
        person = _person(request, author)
        return reply(store.registry.link(name, project, ref, author=person, aliases=aliases, note=note))

    @routes.get(
        home + "/{tag:text}", response_model=RegistryVersion, summary="One version: v3, a stage, an alias or latest"
    )
    def get_version(name: str, tag: str) -> Response:
        return reply(store.registry.get_version(f"{name}:{tag}"))

    @routes.put(
        "/registry/{name:text}/aliases/{alias:text}",
        response_model=RegistryVersion,
        summary="Move an alias of the registry to a version",
    )
    def set_alias(request: Request, name: str, alias: str, version: _Number, author: _Author = _NOBODY) -> Response:
        return reply(store.registry.set_alias(name, alias, version, author=_person(request, author)))

    @routes.get(
        "/projects/{project:text}/artifacts/{ref:text}/links",
        response_model=list[RegistryVersion],
        summary="What a version of an artifact is in the registry",
    )
    def list_links(project: str, ref: str) -> Response:
        return reply(store.registry.list_links(project, ref))


def _add_checks(routes: APIRouter, store: Store) -> None:
    home = "/registry/{name:text}/versions/{version:int}"

    @routes.get(
        home + "/checks", response_model=list[CheckState], summary="How the requirements of a stage stand for a version"
    )
    def list_checks(name: str, version: int, stage: str, promoter: str | None = None) -> Response:
        return reply(store.registry.list_checks(name, version, stage, promoter=promoter))

    @routes.post(home + "/checks", response_model=RegistryEvent, summary="Record that a check passed or failed")
    def record_check(
        request: Request,
        name: str,
        version: int,
        check: Annotated[str, Body()],
        passed: Annotated[bool, Body()],
        author: _Author = _NOBODY,
        reason: _Words = None,
        run_id: _Words = None,
    ) -> Response:
        told = {"author": _person(request, author), "reason": reason, "run_id": run_id}
        return reply(store.registry.record_check(name, version, check, passed, **told))  # type: ignore[arg-type]

    @routes.post(home + "/approvals", response_model=RegistryEvent, summary="Approve a version for a stage")
    def approve(
        request: Request,
        name: str,
        version: int,
        stage: Annotated[str, Body()],
        approved: Annotated[bool, Body()] = True,
        author: _Author = _NOBODY,
        reason: _Words = None,
    ) -> Response:
        person = _person(request, author)
        return reply(store.registry.approve(name, version, stage, author=person, approved=approved, reason=reason))


def _add_stages(routes: APIRouter, store: Store) -> None:
    @routes.post(
        "/registry/{name:text}/promote",
        response_model=RegistryVersion,
        summary="Put a version into a stage, or out of it; 409 names what is required and not met",
    )
    def promote(
        request: Request,
        name: str,
        version: _Number,
        stage: _Words,
        author: _Author = _NOBODY,
        reason: Annotated[str, Body()] = "",
        override: Annotated[bool, Body(description="Pass over what is not met: admins, with a reason.")] = False,
        expected: Annotated[int | None, Body(description="The version believed to be there; 0: none.")] = None,
    ) -> Response:
        role = identity_of(request.scope).role
        wish = Promotion(name, version, stage, _person(request, author), reason, role, override, expected)
        return reply(store.registry.promote(wish))

    @routes.post(
        "/registry/{name:text}/rollback",
        response_model=RegistryVersion,
        summary="Put the version that was in a stage before back there",
    )
    def roll_back(
        request: Request,
        name: str,
        stage: Annotated[str, Body()],
        reason: Annotated[str, Body()],
        author: _Author = _NOBODY,
        expected: Annotated[int | None, Body()] = None,
    ) -> Response:
        person = _person(request, author)
        return reply(store.registry.roll_back(name, stage, author=person, reason=reason, expected=expected))

    @routes.get(
        "/registry-stages", response_model=list[Standing], summary="What is in which stage, since when, by whom, why"
    )
    def list_standings(name: str | None = None) -> Response:
        return reply(store.registry.list_standings(name))


def _add_log(routes: APIRouter, store: Store) -> None:
    @routes.get("/registry-log", response_model=Page[RegistryEvent], summary="Every decision, the newest first")
    def list_events(name: str | None = None, limit: int = 100, cursor: str | None = None) -> Response:
        return reply(store.registry.list_events(name, limit=limit, cursor=cursor))


def _add_hooks(routes: APIRouter, store: Store) -> None:
    @routes.get("/hooks", response_model=list[Hook], summary="Addresses that are told of decisions; no secrets")
    def list_hooks() -> Response:
        return reply(store.registry.list_hooks())

    @routes.post("/hooks", response_model=Hook, summary="Tell an address of decisions, signed with the secret")
    def add_hook(request: Request, hook: Annotated[Hook, Body()], secret: Annotated[str, Body()]) -> Response:
        made = replace(hook, created_by=_person(request, hook.created_by or _NOBODY))
        return reply(store.registry.add_hook(made, secret))

    @routes.delete("/hooks/{hook_id:text}", summary="Tell it no more")
    def delete_hook(hook_id: str) -> Response:
        store.registry.delete_hook(hook_id)
        return reply({"deleted": hook_id})

    @routes.get("/hook-deliveries", response_model=Page[Delivery], summary="What became of telling hooks, newest first")
    def list_deliveries(hook_id: str | None = None, limit: int = 100, cursor: str | None = None) -> Response:
        return reply(store.registry.list_deliveries(hook_id, limit=limit, cursor=cursor))
