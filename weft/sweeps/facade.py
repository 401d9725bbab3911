"""What users call: ``weft.sweep`` and ``weft.agent``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from weft import session
from weft import settings as settings_module
from weft.errors import InputError
from weft.records import Run
from weft.records.folding import chosen_of
from weft.sweeps.agent import sweep_id_of
from weft.sweeps.command import DEFAULT
from weft.sweeps.executors import Work
from weft.sweeps.ray_trials import RayCluster
from weft.sweeps.samplers import check_packages
from weft.sweeps.spec import SweepSpec, new_sweep, read_spec
from weft.sweeps.telling import page_of
from weft.tracing.human_scores import login

_MISSING = object()


def sweep(
    sweep: Mapping[str, Any] | str | Path,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] | None = None,
) -> str:
    """Begin a sweep with a configuration (W&B's keys, see docs/how-to/sweep.md) or a YAML file; returns its id.

    ``prior_runs`` are ids of earlier runs whose config and summary become known results. ``entity`` is accepted and
    changes nothing. Raises InputError naming the path of each mistake, NotFoundError for a run that is not there.
    """
    spec = read_spec(sweep() if callable(sweep) else sweep)
    check_packages(spec)  # here, not in an agent that runs somewhere at night
    settings = settings_module.load({"project": project or spec.project})
    with closing(session.open_store(settings)) as store:
        if prior_runs:
            session.catch_up(settings, store)
        known = [(run_id, *_known(spec, store.runs.get_run(run_id))) for run_id in prior_runs or ()]
        made = store.sweeps.create_sweep(new_sweep(spec, settings.project, login()))
        for run_id, params, values in known:
            store.sweeps.add_known(made.sweep_id, params=params, values=values, run_id=run_id)
    if not settings.quiet:
        program = spec.program is not None or spec.command is not None
        run = f"`weft agent {made.sweep_id}`" if program else f'weft.agent("{made.sweep_id}", function)'
        sys.stderr.write(
            f"weft: sweep {made.name} of project {made.project}: {page_of(settings, made.sweep_id)}\n"
            f"weft: run its trials with {run}\n"
        )
    return made.sweep_id


def agent(
    sweep_id: str,
    function: Callable[[], object] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    *,
    parallel: int | None = None,
    lease_s: float = 60.0,
    executor: str | RayCluster = "processes",
) -> None:
    """Run trials of a sweep: calls of ``function``, or without one processes of the sweep's program or command.

    Returns when the sweep has ended or ``count`` trials were run. ``parallel`` trials run at once, 0 is one for each
    GPU or core; left out, that is what commands, threads and clusters do, and a function is called in this process,
    one trial after another. ``executor`` says where: ``processes`` of this machine, with a GPU each where there are
    any; ``threads`` of this process, for functions that wait, such as for models; ``ray``, or a
    :class:`weft.RayCluster`, as tasks of a Ray cluster. A trial is held for ``lease_s`` after each sign of life; then
    another agent begins it again. Ctrl-C and SIGTERM give it back at once. ``entity`` and ``project`` are accepted and
    change nothing: a sweep knows its project.

    Raises NotFoundError for a sweep that is not there, InputError, MissingExtraError, and WeftError where the first
    five trials all fail.
    """
    work = Work(sweep_id_of(sweep_id), function, executor, parallel, count, lease_s)
    settings = settings_module.load()
    with closing(session.open_store(settings)) as store:
        spec = read_spec(store.sweeps.get_sweep(work.sweep_id).config)
        if function is None:
            _check_command(spec)
            if work.executor == "processes":  # on a cluster it is the nodes that must have it
                _check_program(spec)
        work.run(store, settings)


def _check_command(spec: SweepSpec) -> None:
    if spec.program is None and spec.command is None:
        raise InputError(
            "The sweep has neither program nor command, so that its agents need a function.",
            remedy="Call weft.agent(sweep_id, function), or give the sweep a program.",
            field="function",
        )


def _check_program(spec: SweepSpec) -> None:
    """Raise InputError where the program is not here; one that Python finds by itself, behind ``-m``, is its matter."""
    words = spec.command or DEFAULT
    program = spec.program
    if program is None or not any("${program}" in word for word in words):
        return
    at = next(n for n, word in enumerate(words) if "${program}" in word)
    if os.path.exists(program) or shutil.which(program) or words[max(0, at - 1)] == "-m":
        return
    raise InputError(
        f"The program {program!r} of the sweep is not in {os.getcwd()}.",
        remedy="Start the agent in the folder from which the program is found, or `weft sweep edit` its path.",
        field="program",
    )


def _known(spec: SweepSpec, run: Run) -> tuple[dict[str, Any], list[float]]:
    """Parameters and values of an earlier run. Raises InputError where one is missing."""
    params: dict[str, Any] = {}
    for parameter in spec.space.parameters:
        if not parameter.active(params):
            continue
        value = _at(run.config, parameter.path)
        if value is _MISSING:
            raise InputError(
                f"The run {run.run_id!r} has no {parameter.path} in its config.",
                remedy="Add only runs that have every parameter of the sweep.",
                field="prior_runs",
            )
        params[parameter.path] = value
    values: list[float] = []
    for objective in spec.objectives:
        found = chosen_of(run.definitions, run.summary, objective.name)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise InputError(
                f"The run {run.run_id!r} has no number {objective.name} in its summary.",
                remedy="Add only runs that logged every objective.",
                field="prior_runs",
            )
        values.append(float(found))
    return params, values


def _at(config: Mapping[str, Any], path: str) -> Any:
    if path in config:
        return config[path]
    place: Any = config
    for part in path.split("."):
        if not isinstance(place, Mapping) or part not in place:
            return _MISSING
        place = place[part]
    return place
