"""`weft sync`: store what is still in the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weft import session
from weft import settings as settings_module
from weft.cli.output import console, fail, print_json
from weft.drainer import retry_rejected
from weft.errors import InputError, StoreError


def sync(
    directory: Annotated[
        Path | None, typer.Argument(help="The directory whose journal to store; default WEFT_DIR.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Send to this Weft server instead of storing here.")] = None,
    db: Annotated[str | None, typer.Option("--db", metavar="URL", help="Store in this database.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Try what was put aside once more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Store what was recorded offline or left behind; may be run again at will, nothing is stored twice.

    Exit code 1 where something waits in the journal still.
    """
    if directory is not None and not directory.is_dir():
        raise InputError(f"There is no folder {directory}.", remedy="Name one that Weft records in.", field="directory")
    settings = settings_module.load({"dir": directory, "url": url, "db": db})
    again = retry_rejected(settings.dir) if rejected else 0
    report = session.sync(settings)
    if as_json:
        print_json(report)
    else:
        given = f"{again:,} that were put aside are tried again. " if rejected else ""
        console().print(f"{given}Stored {report.stored:,} records; {report.rejected:,} refused.")
    if not report.complete or report.error is not None:
        reason = f"Not everything is stored: {report.error or 'it took too long.'}"
        fail(StoreError(reason, remedy="The rest waits in the journal; see `weft doctor`, then run `weft sync` again."))
        raise typer.Exit(1)
