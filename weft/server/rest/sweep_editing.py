"""Sweeps begun and edited by a text, as a person writes it on a page; the command that a trial was."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.errors import InputError, MissingExtraError
from weft.records.sweeps import Sweep, SweepStatus
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.replies import reply
from weft.server.rest.sweep_columns import objectives
from weft.sweeps.command import command_line
from weft.sweeps.described import described
from weft.sweeps.pareto import check_metric_stays
from weft.sweeps.samplers import check_packages
from weft.sweeps.spec import SweepSpec, mistakes_in, new_sweep, parse_spec

_MOST_CHARACTERS = 200_000
_Text = Annotated[str, Body(max_length=_MOST_CHARACTERS, description="The configuration, YAML.")]


def router(store: Store) -> APIRouter:
    """The routes of configurations as texts."""
    routes = APIRouter(prefix="/api", tags=["sweeps"])
    _add_texts(routes, store)
    _add_changes(routes, store)
    return routes


def _add_texts(routes: APIRouter, store: Store) -> None:
    @routes.post("/sweeps/check", summary="What a configuration asks for, and each mistake in it with its path")
    def check(text: Annotated[str, Body(embed=True, max_length=_MOST_CHARACTERS)]) -> Response:
        given, mistakes = mistakes_in(text)
        known = given or {}
        told = {"parameters": described(known), "objectives": objectives(known), "method": known.get("method")}
        notes = [] if mistakes else _notes(parse_spec(known))
        return reply({"mistakes": [{"path": path, "what": what} for path, what in mistakes], "notes": notes, **told})

    @routes.get("/sweeps/{sweep_id}/text", summary="A sweep's configuration as YAML")
    def text(sweep_id: str) -> Response:
        config = store.sweeps.get_sweep(sweep_id).config
        return reply({"text": yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)})

    @routes.get(
        "/sweeps/{sweep_id}/trials/{number}/command", summary="The command line of a trial; null: it was a call"
    )
    def command(sweep_id: str, number: int) -> Response:
        config, trial = store.sweeps.get_sweep(sweep_id).config, store.sweeps.get_trial(sweep_id, number)
        return reply({"command": _command(parse_spec(config), trial.params)})


def _add_changes(routes: APIRouter, store: Store) -> None:
    @routes.post(
        "/projects/{project}/sweeps", response_model=Sweep, summary="Begin the sweep that a YAML text asks for"
    )
    def begin(request: Request, project: str, text: _Text, name: Annotated[str | None, Body()] = None) -> Response:
        spec = _read(text)
        return reply(store.sweeps.create_sweep(new_sweep(spec, project, identity_of(request.scope).person, name)))

    @routes.post(
        "/sweeps/{sweep_id}/edit", response_model=Sweep, summary="Give a sweep another configuration or run_cap"
    )
    def edit(
        sweep_id: str,
        text: Annotated[str | None, Body(max_length=_MOST_CHARACTERS)] = None,
        run_cap: Annotated[int | None, Body(description="Without a text: how many trials it may have.")] = None,
    ) -> Response:
        sweep = store.sweeps.get_sweep(sweep_id)
        spec = parse_spec({**sweep.config, "run_cap": run_cap}) if text is None else _read(text)
        check_metric_stays(sweep, spec)
        goes_on = SweepStatus.RUNNING if sweep.status is SweepStatus.FINISHED else None
        return reply(store.sweeps.change_sweep(sweep_id, config=spec.given, status=goes_on))


def _notes(spec: SweepSpec) -> list[str]:
    """What agents may lack. It is no mistake: their machines may have what this one has not."""
    try:
        check_packages(spec)
    except MissingExtraError as error:
        return [f"Agents need the package {error.field}, which is not installed here. {error.remedy}"]
    return []


def _read(text: str) -> SweepSpec:
    """Raises InputError naming the path of each mistake."""
    given, mistakes = mistakes_in(text)
    if given is None:
        raise InputError(f"The configuration cannot be read: {mistakes[0][1]}.", remedy="Write YAML.", field="text")
    return parse_spec(given)


def _command(spec: SweepSpec, params: dict[str, Any]) -> str | None:
    """The command as a person types it: with their own Python, and variables by their names."""
    words = spec.command or ()
    if (spec.program is None and not words) or any("${args_json_file}" in word for word in words):
        return None
    found = command_line(spec.command, spec.program, params, _Variables())
    plain = ["python" if word == sys.executable else word for word in found if word != "/usr/bin/env"]
    return shlex.join(plain)


class _Variables(Mapping[str, str]):
    """Stands for an environment of which only names are told: the server's own is nobody's business."""

    def __getitem__(self, key: str) -> str:
        return f"${key}"

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
