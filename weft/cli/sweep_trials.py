"""`weft sweep show`: a sweep, its best trial, and its trials with the best ones first."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from weft.cli.output import console, preview, print_json, print_table
from weft.errors import InputError
from weft.records.sweeps import Sweep, Trial, TrialStatus, grid_size
from weft.sweeps.command import DEFAULT, command_line
from weft.sweeps.described import described
from weft.sweeps.pareto import best_trials, objectives_of, ranked
from weft.sweeps.spec import SweepSpec

_MOST_LINES = 20
_PYTHON = {"${env}": None, "${interpreter}": "python"}


def print_sweep(sweep: Sweep, trials: Sequence[Trial], limit: int) -> None:
    """Print a sweep, the command line of its best trial, and ``limit`` trials, the best first; 0 for all."""
    out = console()
    objectives = objectives_of(sweep.config)
    begun = datetime.fromtimestamp(sweep.created_ns / 1e9, UTC)
    head = f"{sweep.name} ({sweep.sweep_id}) of {sweep.project}: {sweep.status}, since {begun:%Y-%m-%d %H:%M} UTC"
    out.print(Text(f"{head}; {counted(sweep) or 'no trials'}"), soft_wrap=True)
    for trial in best_trials(trials, objectives)[:1] if len(objectives) == 1 else []:
        found = f"{objectives[0].name} {(trial.values or [0.0])[0]:.6g}"
        words = shlex.join(winning_command(sweep.config, trial.params))
        out.print(Text(f"best: trial {trial.number}, {found}: {words}"), soft_wrap=True)
    names = [objective.name for objective in objectives] or ["value"]
    columns = {"trial": "right", "status": "left", **dict.fromkeys(names, "right"), "run": "left", "parameters": "left"}
    shown = ranked(trials, objectives)[: limit or None]
    rows = [[_marked(sweep, one), one.status, *_values(one, len(names)), one.run_id, _told(one)] for one in shown]
    print_table(columns, rows, empty="No trial has begun: `weft agent` runs them.")
    if len(shown) < len(trials):
        out.print(Text(f"{len(trials) - len(shown):,} more trials: --limit 0 shows all."))


def search_lines(spec: SweepSpec) -> list[str]:
    """What a configuration asks for, a line each: method, objectives, limits, then each parameter."""
    aims = [f"{one.name} is to be {'large' if one.goal == 'maximize' else 'small'}" for one in spec.objectives]
    cells = grid_size(spec.given) if spec.method == "grid" else None
    method = spec.method if cells is None else f"grid of {cells:,}"
    stops = ["trials may be stopped early"] if spec.early_terminate or spec.pruner else []
    most = [f"{spec.run_cap:,} trials at most"] if spec.run_cap is not None else []
    if spec.run_cap is None and spec.method != "grid":
        most = ["no run_cap: it goes on until it is stopped"]
    parameters = described(spec.given)
    width = max((len(one["path"]) for one in parameters[:_MOST_LINES]), default=0)
    lines = ["; ".join([method, *aims, *stops, *most])]
    lines += [f"  {one['path']:{width}}  {_range(one)}" for one in parameters[:_MOST_LINES]]
    return lines + ([f"  and {len(parameters) - _MOST_LINES} more"] if len(parameters) > _MOST_LINES else [])


def _range(one: Mapping[str, Any]) -> str:
    """What a parameter may be, in words."""
    if one["kind"] == "constant":
        said = f"always {preview(one['values'][0], 60)}"
    elif one["kind"] == "category":
        said = f"{preview(', '.join(preview(value, 30) for value in one['values']), 60)} ({one['words']})"
    else:
        said = f"{one['min']:.6g} to {one['max']:.6g}{' mostly' if one.get('open') else ''}, {one['words']}"
    when = " and ".join(f"{path} is {' or '.join(map(str, values))}" for path, values in one.get("when", {}).items())
    return f"{said}; only where {when}" if when else said


def print_best(sweep: Sweep, trials: Sequence[Trial]) -> None:
    """Print the best trial as JSON; of several objectives a list, the Pareto front. Raises InputError where no trial is
    complete."""
    objectives = objectives_of(sweep.config)
    found = [
        {
            "trial": trial.number,
            "run": trial.run_id,
            "values": dict(zip([one.name for one in objectives], trial.values or [], strict=False)),
            "params": trial.params,
            "command": winning_command(sweep.config, trial.params),
        }
        for trial in best_trials(trials, objectives)
    ]
    if not found:
        raise InputError(
            f"No trial of {sweep.sweep_id!r} is complete.", remedy="`weft agent` runs its trials.", field="sweep_id"
        )
    print_json(found[0] if len(objectives) == 1 else found)


def winning_command(config: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """The words that run a program with the parameters, as a person types them; of a function its arguments."""
    program, given = config.get("program"), config.get("command")
    if program is None and given is None:
        return command_line(["${args}"], None, params, {})
    words = given.split() if isinstance(given, str) else [str(word) for word in given or DEFAULT]
    typed = [_PYTHON.get(word, word) for word in words]
    return command_line([word for word in typed if word], program, params, {})


def counted(sweep: Sweep) -> str:
    """How many trials have each status."""
    return ", ".join(f"{count} {status}" for status, count in sorted(sweep.counts.items()))


def _marked(sweep: Sweep, trial: Trial) -> str:
    return f"* {trial.number}" if trial.number == sweep.best else str(trial.number)


def _values(trial: Trial, count: int) -> list[str | None]:
    values = [f"{value:.6g}" for value in trial.values or []]
    return [*values, *[None] * count][:count]


def _told(trial: Trial) -> str:
    again = "the next agent begins it again" if trial.status is TrialStatus.CRASHED else None
    why = "; ".join(filter(None, [trial.reason, again]))
    return preview(trial.params, 80) + (f"  ({why})" if why else "")
