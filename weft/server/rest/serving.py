"""What serves where, and prices of one's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from weft.records import Deployment, Price
from weft.repositories import Store
from weft.server.replies import reply
from weft.server.rest.artifacts import same_project


def router(store: Store) -> APIRouter:
    """The routes of deployments and prices."""
    routes = APIRouter(prefix="/api")
    _add_deployments(routes, store)
    _add_prices(routes, store)
    return routes


def _add_deployments(routes: APIRouter, store: Store) -> None:
    home = "/projects/{project:text}/deployments"

    @routes.get(home, response_model=list[Deployment], summary="What serves where, now or ever", tags=["deployments"])
    def list_deployments(
        project: str, environment: str | None = None, name: str | None = None, current: bool = True
    ) -> Response:
        found = store.deployments.list_deployments(project, environment=environment, name=name, current=current)
        return reply(found)

    @routes.post(home, response_model=Deployment, summary="A version serves in an environment", tags=["deployments"])
    def start(project: str, deployment: Annotated[Deployment, Body()]) -> Response:
        same_project(deployment.project, project)
        return reply(store.deployments.start(deployment))

    @routes.post(
        "/deployments/{deployment_id:text}/end",
        response_model=Deployment,
        summary="It serves no more",
        tags=["deployments"],
    )
    def end(deployment_id: str) -> Response:
        return reply(store.deployments.end(deployment_id))


def _add_prices(routes: APIRouter, store: Store) -> None:
    @routes.get("/prices", response_model=list[Price], summary="Prices of one's own", tags=["prices"])
    def list_prices(project: str | None = None) -> Response:
        return reply(store.prices.list_prices(project))

    @routes.put("/prices", response_model=Price, summary="Set what a model costs from a time on", tags=["prices"])
    def set_price(price: Annotated[Price, Body()]) -> Response:
        return reply(store.prices.set_price(price))

    @routes.post("/prices/apply", summary="Apply prices to a model's spans that are stored already", tags=["prices"])
    def reprice(model: Annotated[str, Body()], project: Annotated[str | None, Body()] = None) -> Response:
        return reply({"changed": store.prices.reprice(model, project=project)})

    @routes.delete("/prices", summary="Forget a price", tags=["prices"])
    def delete_price(model: str, project: str | None = None, from_ns: int = 0) -> Response:
        store.prices.delete_price(Price(model, 0.0, 0.0, project, None, from_ns))
        return reply({"deleted": model})
