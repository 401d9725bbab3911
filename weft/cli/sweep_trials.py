"""`weft sweep show`: a sweep, its best trial, and its trials with the best ones first."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from weft.cli.output import console, preview, print_json, print_table
from weft.errors import InputError
from weft.records.sweeps import Sweep, Trial
from weft.sweeps.command import DEFAULT, command_line
from weft.sweeps.pareto import best_trials, objectives_of, ranked

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
    return preview(trial.params, 80) + (f"  ({trial.reason})" if trial.reason else "")
