"""`weft up`: the whole platform behind one address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weft import settings as settings_module


def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on; any but loopback needs WEFT_API_KEY.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages and the API.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", help="Where everything is kept.")] = None,
    db: Annotated[str | None, typer.Option("--db", metavar="URL", help="Database address.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Start pages, API and OTLP receiver behind one address."""
    from weft import workbench  # noqa: PLC0415 - brings the web server, which only this command needs

    settings = settings_module.load({"host": host, "port": port, "dir": directory, "db": db, "url": None})
    workbench.serve(settings, open_browser=not no_browser)
