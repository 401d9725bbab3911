"""`weft sweep slurm`: a sweep's agents as a job array of SLURM."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from weft import settings as settings_module
from weft.api import Api
from weft.errors import InputError
from weft.sweeps import facade
from weft.sweeps.agent import sweep_id_of
from weft.sweeps.reach import tied_to
from weft.sweeps.slurm import SlurmOptions, script
from weft.sweeps.spec import parse_spec


# An option each of sbatch's own that matters here.
def slurm(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="The sweep's id, or a YAML file: begin it now.")],
    tasks: Annotated[int, typer.Option("--tasks", help="How many agents: the size of the array.")] = 4,
    at_once: Annotated[int | None, typer.Option("--at-once", help="How many of them at once; default all.")] = None,
    count: Annotated[int | None, typer.Option("--count", help="How many trials each agent runs.")] = None,
    parallel: Annotated[int, typer.Option("--parallel", help="Trials at once an agent; 0: one a GPU or core.")] = 0,
    cpus: Annotated[int, typer.Option("--cpus", help="Cores of each task.")] = 4,
    gpus: Annotated[str | None, typer.Option("--gpus", help="GPUs of each task: 2, or a100:2.")] = None,
    memory: Annotated[str | None, typer.Option("--mem", help="Memory of each task, such as 32G.")] = None,
    time: Annotated[str, typer.Option("--time", help="How long a task may take, as SLURM writes it.")] = "24:00:00",
    partition: Annotated[str | None, typer.Option("--partition", help="SLURM's partition.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="SLURM's account.")] = None,
    sbatch: Annotated[
        list[str] | None, typer.Option("--sbatch", help="Another option of sbatch: --qos=low. Repeatable.")
    ] = None,
    setup: Annotated[
        list[str] | None, typer.Option("--setup", help="A line of shell before the agent. Repeatable.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; default: print it.")] = None,
) -> None:
    """Write a batch script whose array of tasks runs the sweep's trials: sbatch it."""
    settings = settings_module.load()
    options = SlurmOptions(
        tasks=tasks,
        at_once=at_once,
        count=count,
        parallel=parallel,
        cpus=cpus,
        gpus=gpus,
        memory=memory,
        time=time,
        partition=partition,
        account=account,
        more=tuple(sbatch or ()),
        setup=tuple(setup or ()),
        folder=Path.cwd(),
        url=settings.url,
    )
    if output is not None and output.exists():
        raise InputError(f"{output} is there already.", remedy="Remove it, or name another file.", field="output")
    sweep_id = facade.sweep(Path(sweep)) if Path(sweep).is_file() else sweep_id_of(sweep)
    with Api() as api:
        found = api.store.sweeps.get_sweep(sweep_id)
    spec = parse_spec(found.config)
    if spec.program is None and spec.command is None:
        raise InputError(
            "The sweep has neither program nor command, so that `weft agent` cannot run it.",
            remedy="Give it a program, or write a script that calls weft.agent(sweep_id, function).",
            field="program",
        )
    here = tied_to(settings)
    if here is not None:
        sys.stderr.write(
            f"weft: tasks on other machines cannot reach {here}: set WEFT_URL or WEFT_DB before you submit.\n"
        )
    _give(script(sweep_id, found.name, options), output)


def _give(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    output.write_text(text, encoding="utf-8")
    sys.stderr.write(f"weft: submit it with: sbatch {output}\n")
