"""`weft sweep` and `weft agent`: searches, their trials, and who runs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from weft import settings as settings_module
from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.cli.slurm import slurm
from weft.cli.sweep_trials import counted, print_best, print_sweep, search_lines
from weft.errors import InputError
from weft.records.sweeps import SweepStatus, Trial, TrialStatus
from weft.repositories import Store
from weft.sweeps import facade
from weft.sweeps.agent import sweep_id_of
from weft.sweeps.pareto import check_metric_stays
from weft.sweeps.ray_trials import RayCluster
from weft.sweeps.samplers import check_packages
from weft.sweeps.spec import parse_spec, read_spec


class StartByDefault(TyperGroup):
    """``weft sweep FILE`` is ``weft sweep start FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``start`` before arguments that begin with no command's name."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, args)


sweeps = typer.Typer(cls=StartByDefault, no_args_is_help=True, help="Search for good parameters: W&B's sweeps.")

sweeps.command("slurm")(slurm)

_Id = Annotated[str, typer.Argument(metavar="SWEEP", help="The sweep's id.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def _opened() -> Iterator[Store]:
    with Api() as api:
        yield api.store


@sweeps.command("start")
def start(
    file: Annotated[Path, typer.Argument(help="The configuration, YAML.")],
    project: Annotated[str | None, typer.Option("--project", "-p", help="The project of its runs.")] = None,
    prior_run: Annotated[
        list[str] | None, typer.Option("--prior-run", help="An earlier run, a known result. Repeatable.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the configuration, and say what it asks for.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Begin a sweep; agents run its trials: `weft agent SWEEP`."""
    spec = read_spec(file)
    if dry_run or not settings_module.load().quiet:
        Console(stderr=True, highlight=False).print(Text("\n".join(search_lines(spec))), soft_wrap=True)
    if dry_run:
        return
    sweep_id = facade.sweep(file, project=project, prior_runs=prior_run)
    if as_json:
        with _opened() as store:
            print_json(store.sweeps.get_sweep(sweep_id))
        return
    console().print(sweep_id, markup=False)


@sweeps.command("ls")
def list_sweeps(
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only of this project.")] = None,
    as_json: _Json = False,
) -> None:
    """List sweeps, the newest first."""
    with _opened() as store:
        found = store.sweeps.list_sweeps(project)
    if as_json:
        print_json(found)
        return
    columns = {"sweep": "left", "project": "left", "name": "left", "status": "left", "best": "right", "trials": "left"}
    rows = [[one.sweep_id, one.project, one.name, one.status, one.best, counted(one)] for one in found]
    print_table(columns, rows, empty="There are no sweeps.")


@sweeps.command("show")
def show(
    sweep_id: _Id,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many trials, the best first; 0 for all.")] = 20,
    best: Annotated[bool, typer.Option("--best", help="Print only the best trial, JSON: parameters, command.")] = False,
    as_json: _Json = False,
) -> None:
    """Show a sweep and its trials, the best first."""
    with _opened() as store:
        sweep = store.sweeps.get_sweep(sweep_id_of(sweep_id))
        trials = store.sweeps.list_trials(sweep.sweep_id)
    if best:
        print_best(sweep, trials)
    elif as_json:
        print_json({"sweep": sweep, "trials": trials})
    else:
        print_sweep(sweep, trials, limit)


@sweeps.command("pause")
def pause(sweep_id: _Id) -> None:
    """Begin no more trials until it is resumed; those at work go on."""
    _change(sweep_id, SweepStatus.PAUSED)


@sweeps.command("resume")
def resume(sweep_id: _Id) -> None:
    """Go on with a paused, stopped or finished sweep."""
    _change(sweep_id, SweepStatus.RUNNING)


@sweeps.command("stop")
def stop(sweep_id: _Id) -> None:
    """Begin no more trials; those at work go on, agents end."""
    _change(sweep_id, SweepStatus.STOPPED)


@sweeps.command("cancel")
def cancel(
    sweep_id: _Id,
    number: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="Only this trial.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, kept with the trial.")] = None,
) -> None:
    """End a sweep for good, those of its trials that are at work, too; or only one trial."""
    if number is None:
        _change(sweep_id, SweepStatus.CANCELED)
        return
    with _opened() as store:
        _told(store.sweeps.cancel_trial(sweep_id_of(sweep_id), number, reason=reason))


@sweeps.command("retry")
def retry(
    sweep_id: _Id,
    number: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="Its number; left out with --failed.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every trial that failed.")] = False,
) -> None:
    """Have a failed or canceled trial tried again by the next agent; or all that failed."""
    if (number is None) is not failed:
        raise InputError("Which trial is to be tried again?", remedy="Give its number, or --failed.", field="number")
    with _opened() as store:
        sweep = store.sweeps.get_sweep(sweep_id_of(sweep_id))
        numbers = [number] if number is not None else _failed(store, sweep.sweep_id)
        again = [store.sweeps.retry_trial(sweep.sweep_id, one) for one in numbers]
        if again and sweep.status is SweepStatus.FINISHED:
            store.sweeps.change_sweep(sweep.sweep_id, status=SweepStatus.RUNNING)
        if number is not None:
            _told(again[0])
        else:
            console().print(f"{len(again)} failed trial(s) of {sweep.sweep_id} to be tried again.", markup=False)


def _failed(store: Store, sweep_id: str) -> list[int]:
    return [one.number for one in store.sweeps.list_trials(sweep_id) if one.status is TrialStatus.FAILED]


@sweeps.command("edit")
def edit(
    sweep_id: _Id,
    file: Annotated[Path | None, typer.Argument(help="The new configuration, YAML.")] = None,
    run_cap: Annotated[int | None, typer.Option("--run-cap", help="How many trials it may have.")] = None,
) -> None:
    """Change a sweep while its agents work: a narrower space, more trials. What was tried stays."""
    if (file is None) == (run_cap is None):
        raise InputError("There is nothing to change.", remedy="Give a file, or --run-cap.", field="file")
    with _opened() as store:
        sweep = store.sweeps.get_sweep(sweep_id_of(sweep_id))
        spec = parse_spec({**sweep.config, "run_cap": run_cap}) if file is None else read_spec(file)
        if file is not None:
            check_packages(spec)
        check_metric_stays(sweep, spec)
        goes_on = sweep.status is SweepStatus.FINISHED
        changed = store.sweeps.change_sweep(
            sweep.sweep_id, config=spec.given, status=SweepStatus.RUNNING if goes_on else None
        )
        if not settings_module.load().quiet:
            Console(stderr=True, highlight=False).print(Text("\n".join(search_lines(spec))), soft_wrap=True)
        console().print(f"{changed.name} ({changed.sweep_id}) is {changed.status}.", markup=False)


def run_agent(
    sweep_id: _Id,
    count: Annotated[int | None, typer.Option("--count", help="How many trials to run; default until it ends.")] = None,
    parallel: Annotated[int, typer.Option("--parallel", help="Trials at once; 0: one a GPU, or a core.")] = 0,
    lease_s: Annotated[
        float, typer.Option("--lease-s", help="After so long without a sign of life another agent takes a trial over.")
    ] = 60.0,
    executor: Annotated[
        str, typer.Option("--executor", help="Where trials run: processes of this machine, or ray, a cluster.")
    ] = "processes",
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="auto, host:port or ray://host:10001; default RAY_ADDRESS.")
    ] = None,
    cpus_per_trial: Annotated[float, typer.Option("--cpus-per-trial", help="Cores of a trial on Ray.")] = 1.0,
    gpus_per_trial: Annotated[
        float | None,
        typer.Option("--gpus-per-trial", help="GPUs of a trial on Ray, or a part of one; default 1 if any."),
    ] = None,
) -> None:
    """Run trials of a sweep: its program or command, a process each, in this folder."""
    where = RayCluster(ray_address, cpus_per_trial, gpus_per_trial) if executor == "ray" else executor
    facade.agent(sweep_id, count=count, parallel=parallel, lease_s=lease_s, executor=where)


def _change(sweep_id: str, status: SweepStatus) -> None:
    with _opened() as store:
        sweep = store.sweeps.change_sweep(sweep_id_of(sweep_id), status=status)
    console().print(f"{sweep.name} ({sweep.sweep_id}) is {sweep.status}.", markup=False)


def _told(trial: Trial) -> None:
    shown = "to be tried again" if trial.status is TrialStatus.CRASHED else trial.status
    console().print(f"Trial {trial.number} of {trial.sweep_id} is {shown}.", markup=False)
