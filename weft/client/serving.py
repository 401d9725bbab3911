"""Deployments and prices of a Weft server."""

from __future__ import annotations

from dataclasses import asdict

from weft.client.wire import Wire, parse, segment
from weft.records import Deployment, Price


class RemoteDeployments:
    """What serves where."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def start(self, deployment: Deployment) -> Deployment:
        """Record that a version serves in an environment from now on."""
        path = f"/api/projects/{segment(deployment.project)}/deployments"
        started: Deployment = parse(Deployment, self._wire.post(path, deployment))
        return started

    def end(self, deployment_id: str) -> Deployment:
        """Record that it serves no more."""
        ended: Deployment = parse(Deployment, self._wire.post(f"/api/deployments/{segment(deployment_id)}/end", {}))
        return ended

    def list_deployments(
        self, project: str, *, environment: str | None = None, name: str | None = None, current: bool = True
    ) -> list[Deployment]:
        """Deployments, newest first: those that serve now, or every one."""
        path = f"/api/projects/{segment(project)}/deployments"
        found = self._wire.get(path, environment=environment, name=name, current=current)
        deployments: list[Deployment] = parse(list[Deployment], found)
        return deployments


class RemotePrices:
    """Prices of one's own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def set_price(self, price: Price) -> Price:
        """Store a price; one of the same project, model and time is replaced."""
        self._wire.put("/api/prices", asdict(price))
        return price

    def delete_price(self, price: Price) -> None:
        """Forget a price."""
        query = {"model": price.model, "project": price.project, "from_ns": price.from_ns}
        self._wire.call("DELETE", "/api/prices", query=query)

    def reprice(self, model: str, *, project: str | None = None) -> int:
        """Apply the prices that are set to spans that are stored already."""
        changed: int = self._wire.post("/api/prices/apply", {"model": model, "project": project})["changed"]
        return changed

    def list_prices(self, project: str | None = None) -> list[Price]:
        """Every price, or those that a project sees."""
        prices: list[Price] = parse(list[Price], self._wire.get("/api/prices", project=project))
        return prices
