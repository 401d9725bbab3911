"""`weft sync`: store what is still in the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weft import session
from weft import settings as settings_module
from weft.cli.output import console, print_json


def sync(
    directory: Annotated[
        Path | None, typer.Argument(help="The directory whose journal to store; default WEFT_DIR.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Send to this Weft server instead of storing here.")] = None,
    db: Annotated[str | None, typer.Option("--db", metavar="URL", help="Store in this database.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Store what was recorded offline or left behind; may be run again at will, nothing is stored twice."""
    report = session.sync(settings_module.load({"dir": directory, "url": url, "db": db}))
    if as_json:
        print_json(report)
        return
    console().print(f"Stored {report.stored:,} records; {report.rejected:,} refused.")
