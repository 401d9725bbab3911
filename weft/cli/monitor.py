"""`weft monitor`: run the monitors of a Python file in a process of their own."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from weft.cli.output import print_table
from weft.errors import InputError
from weft.evals import files
from weft.formatting import count
from weft.monitors import Monitor


def monitor(
    path: Annotated[Path, typer.Argument(help="A Python file with module-level weft.Monitor objects.")],
    project: Annotated[str | None, typer.Option("--project", "-p", help="Watch this project.")] = None,
    once: Annotated[bool, typer.Option("--once", help="One pass over what is new, as from cron.")] = False,
) -> None:
    """Score a share of live spans with the monitors of a file, until interrupted."""
    import weft  # noqa: PLC0415 - the lazy root; a module-level import would be a cycle in type checkers' eyes

    files.check(path)
    weft.init(project, kind="app", name=path.stem, job_type="monitor")
    found = list({id(v): v for v in vars(files.load_module(path)).values() if isinstance(v, Monitor)}.values())
    if not found:
        raise InputError(f"{path} holds no monitor.", remedy="Define one: weft.Monitor(...).", field="path")
    if once:
        reports = [(one, one.run_once()) for one in found]
        figures = ("matched", "sampled", "recorded", "failed", "sent")
        print_table(
            {"monitor": "left", **dict.fromkeys(figures, "right")},
            [(one.name, *(count(getattr(report, figure)) for figure in figures)) for one, report in reports],
            empty="No monitors.",
        )
    else:
        _watch(found)
    weft.finish()


def _watch(found: list[Monitor]) -> None:
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    for one in found:
        one.start()
        typer.echo(f"{one.name}: watching, every {one.interval_s:g} s")
    over.wait()
    for one in found:
        one.stop()
