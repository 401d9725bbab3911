"""Sweeps: what is searched, and the trials that agents claim, hold and end."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.replies import reply

_Agent = Annotated[str, Body(description="Who holds the trial; no other agent has this name.")]
_Lease = Annotated[float, Body(description="How long the trial is held without another heartbeat.")]
_Words = Annotated[str | None, Body()]
_Reason = Annotated[str | None, Body(embed=True)]
_Params = Annotated[dict[str, Any], Body()]
_TRIAL = "/sweeps/{sweep_id}/trials/{number}"


def router(store: Store) -> APIRouter:
    """The routes of sweeps."""
    routes = APIRouter(prefix="/api", tags=["sweeps"])
    _add_sweeps(routes, store)
    _add_claims(routes, store)
    _add_decisions(routes, store)
    return routes


def _add_sweeps(routes: APIRouter, store: Store) -> None:
    @routes.get("/sweeps", response_model=list[Sweep], summary="Sweeps of a project, or all; the newest first")
    def list_sweeps(project: str | None = None) -> Response:
        return reply(store.sweeps.list_sweeps(project))

    @routes.post("/sweeps", response_model=Sweep, summary="Begin a sweep; without an id it is given one")
    def create_sweep(request: Request, sweep: Annotated[Sweep, Body()]) -> Response:
        person = identity_of(request.scope).person
        return reply(store.sweeps.create_sweep(replace(sweep, author=person or sweep.author)))

    @routes.get("/sweeps/{sweep_id}", response_model=Sweep, summary="One sweep")
    def get_sweep(sweep_id: str) -> Response:
        return reply(store.sweeps.get_sweep(sweep_id))

    @routes.patch(
        "/sweeps/{sweep_id}", response_model=Sweep, summary="Pause, resume, stop or cancel a sweep; edit its search"
    )
    def change_sweep(
        sweep_id: str,
        status: Annotated[SweepStatus | None, Body()] = None,
        config: Annotated[dict[str, Any] | None, Body()] = None,
    ) -> Response:
        return reply(store.sweeps.change_sweep(sweep_id, status=status, config=config))

    @routes.post(
        "/sweeps/{sweep_id}/finish",
        response_model=Sweep,
        summary="Say that a sweep has all that this configuration wants; one that was edited meanwhile goes on",
    )
    def finish_sweep(
        sweep_id: str, config: Annotated[dict[str, Any], Body(embed=True, description="As it was when read.")]
    ) -> Response:
        return reply(store.sweeps.finish_sweep(sweep_id, config))

    @routes.delete("/sweeps/{sweep_id}", summary="Forget a sweep and its trials; their runs stay")
    def delete_sweep(sweep_id: str) -> Response:
        store.sweeps.delete_sweep(sweep_id)
        return reply({"deleted": sweep_id})

    @routes.get(
        "/sweeps/{sweep_id}/trials",
        response_model=list[Trial],
        summary="Trials by number: all, or those that changed since and those that run",
    )
    def list_trials(sweep_id: str, changed_after_ns: int | None = None) -> Response:
        return reply(store.sweeps.list_trials(sweep_id, changed_after_ns=changed_after_ns))

    @routes.get(_TRIAL, response_model=Trial, summary="One trial")
    def get_trial(sweep_id: str, number: int) -> Response:
        return reply(store.sweeps.get_trial(sweep_id, number))


def _add_claims(routes: APIRouter, store: Store) -> None:
    @routes.post(
        "/sweeps/{sweep_id}/trials",
        response_model=Trial,
        summary="Claim the next trial with the parameters suggested for it; 409 where its number is taken",
    )
    def claim(
        sweep_id: str,
        agent: _Agent,
        number: Annotated[int, Body()],
        params: _Params,
        attrs: Annotated[dict[str, Any] | None, Body()] = None,
        lease_s: _Lease = 60.0,
        host: _Words = None,
    ) -> Response:
        told: dict[str, Any] = {"number": number, "params": params, "attrs": attrs, "lease_s": lease_s, "host": host}
        return reply(store.sweeps.claim(sweep_id, agent, **told))

    @routes.post("/sweeps/{sweep_id}/take-over", summary="Begin a lost agent's trial again; null: there is none")
    def take_over(
        sweep_id: str,
        agent: _Agent,
        lease_s: _Lease = 60.0,
        retries: Annotated[int, Body()] = 1,
        host: _Words = None,
    ) -> Response:
        found = store.sweeps.take_over(sweep_id, agent, lease_s=lease_s, retries=retries, host=host)
        return reply({"trial": found})

    @routes.post(_TRIAL + "/renew", summary="A heartbeat; the answer is continue or stop")
    def renew(sweep_id: str, number: int, agent: _Agent, lease_s: _Lease = 60.0, host: _Words = None) -> Response:
        return reply({"told": store.sweeps.renew(sweep_id, number, agent, lease_s=lease_s, host=host)})

    @routes.post(_TRIAL + "/finish", response_model=Trial, summary="Say how a trial ended")
    def finish_trial(
        sweep_id: str,
        number: int,
        agent: _Agent,
        status: Annotated[TrialStatus, Body()],
        values: Annotated[list[float] | None, Body()] = None,
        reason: _Words = None,
    ) -> Response:
        return reply(store.sweeps.finish_trial(sweep_id, number, agent, status, values=values, reason=reason))


def _add_decisions(routes: APIRouter, store: Store) -> None:
    @routes.post(_TRIAL + "/cancel", response_model=Trial, summary="End a trial; its agent hears of it and stops")
    def cancel_trial(sweep_id: str, number: int, reason: _Reason = None) -> Response:
        return reply(store.sweeps.cancel_trial(sweep_id, number, reason=reason))

    @routes.post(_TRIAL + "/retry", response_model=Trial, summary="Have a failed or canceled trial tried again")
    def retry_trial(sweep_id: str, number: int) -> Response:
        return reply(store.sweeps.retry_trial(sweep_id, number))

    @routes.post("/sweeps/{sweep_id}/known", response_model=Trial, summary="Add an earlier result as a trial")
    def add_known(
        sweep_id: str, params: _Params, values: Annotated[list[float], Body()], run_id: _Words = None
    ) -> Response:
        return reply(store.sweeps.add_known(sweep_id, params=params, values=values, run_id=run_id))
