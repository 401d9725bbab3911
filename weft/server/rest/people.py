"""People, their links, sessions and keys, for admins; who somebody is, for everybody. The gate keeps them apart."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.records import Credential, CredentialKind, Identity, Person, Role
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.replies import reply


def router(store: Store) -> APIRouter:
    """The routes of people and credentials."""
    routes = APIRouter(prefix="/api", tags=["people"])

    @routes.get("/me", response_model=Identity, summary="Who the server takes the caller for")
    async def me(request: Request) -> Response:
        return reply(identity_of(request.scope))

    _add_people(routes, store)
    _add_credentials(routes, store)
    return routes


def _add_people(routes: APIRouter, store: Store) -> None:
    @routes.get("/people", response_model=list[Person], summary="Everybody who may sign in")
    def list_people() -> Response:
        return reply(store.people.list_people())

    @routes.post("/people", response_model=Person, summary="Add somebody")
    def add_person(person: Annotated[Person, Body()]) -> Response:
        return reply(store.people.add_person(person))

    @routes.put("/people/{name:text}/role", response_model=Person, summary="Say what somebody may do")
    def set_role(name: str, role: Annotated[Role, Body(embed=True)]) -> Response:
        return reply(store.people.set_role(name, role))

    @routes.delete("/people/{name:text}", summary="Forget somebody, with their links, sessions and keys")
    def remove_person(name: str) -> Response:
        store.people.remove_person(name)
        return reply({"removed": name})


def _add_credentials(routes: APIRouter, store: Store) -> None:
    @routes.get("/credentials", response_model=list[Credential], summary="Links, sessions or keys; digests only")
    def list_credentials(kind: CredentialKind, person: str | None = None) -> Response:
        return reply(store.people.list_credentials(kind, person=person))

    @routes.post("/credentials", response_model=Credential, summary="Keep the digest of a token")
    def add_credential(credential: Annotated[Credential, Body()]) -> Response:
        return reply(store.people.add_credential(credential))

    @routes.post("/credentials/identify", summary="Whose token it is")
    def identify(kind: Annotated[CredentialKind, Body()], digest: Annotated[str, Body()]) -> Response:
        return reply({"identity": store.people.identify(kind, digest)})

    @routes.post("/credentials/redeem", response_model=Person, summary="Exchange a link for a session, once")
    def redeem(link: Annotated[str, Body()], session: Annotated[Credential, Body()]) -> Response:
        return reply(store.people.redeem(link, session))

    @routes.delete("/credentials/{digest:text}", summary="End a session, revoke a key, take a link back")
    def delete_credential(digest: str) -> Response:
        store.people.delete_credential(digest)
        return reply({"deleted": digest})
