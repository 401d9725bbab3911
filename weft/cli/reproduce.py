"""`weft reproduce`: what is needed to run a run again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from weft.api import Api
from weft.cli.output import console, print_json
from weft.training.reproduce import SCRIPT, reproduce


def reproduce_run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    into: Annotated[Path | None, typer.Option(help="The folder to write; default reproduce-RUN here.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over an earlier one, also where the run's code is not known whole.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write what is needed to run a run again: code, patch, packages, environment, inputs, and a script.

    Look at reproduce.sh before you run it: it runs the command that whoever recorded the run gave.
    """
    with Api() as api:
        done = reproduce(api.store, run_id, into or Path(f"reproduce-{run_id}"), force=force)
    if as_json:
        print_json(done)
        return
    out = console()
    for path in done.files:
        out.print(f"{done.folder}/{path}", markup=False, highlight=False)
    for lack in done.missing:
        out.print(f"Missing: {lack}.", markup=False, highlight=False)
    for ref in done.inputs:
        out.print(f"It used {ref}: --inputs fetches it.", markup=False, highlight=False)
    out.print(f"Run it with: sh {shlex.quote(str(done.folder / SCRIPT))}", markup=False, highlight=False)
