"""`weft backup`, `weft restore`, `weft copy`: the whole database, somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from weft import session
from weft import settings as settings_module
from weft.cli.output import console
from weft.errors import InputError
from weft.formatting import size
from weft.settings import Settings

if TYPE_CHECKING:
    from weft.store import SqlStore

_EVERY = 50_000


def backup(path: Annotated[Path, typer.Argument(help="The folder to make.")]) -> None:
    """Write all that is stored into a new folder: database, large blobs, digests; programs may go on recording."""
    from weft.store import backup as write  # noqa: PLC0415 - SQLAlchemy is slow to import

    settings = _embedded()
    store = _opened(settings)
    try:
        report = write(store, path, _Meter())
    finally:
        store.close()
    console().print(f"{report.path}: {report.files:,} files, {size(report.size_bytes)}.", markup=False)


def restore(
    path: Annotated[Path, typer.Argument(help="The folder that `weft backup` made.")],
    directory: Annotated[Path | None, typer.Option("--dir", help="Where to; default WEFT_DIR.")] = None,
    db: Annotated[str | None, typer.Option("--db", metavar="URL", help="Into this empty database instead.")] = None,
) -> None:
    """Bring a backup back; every file is checked against its digest, nothing that exists is replaced."""
    from weft.store import restore as bring_back  # noqa: PLC0415 - SQLAlchemy is slow to import

    settings = settings_module.load({"dir": directory, "db": db})
    report = bring_back(path, settings, _Meter())
    where = "the database" if settings.db else settings.dir
    console().print(f"{report.files:,} files, {size(report.size_bytes)}, are back in {where}.", markup=False)


def copy(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="postgresql+psycopg://... or sqlite:///file; empty.")],
    blobs: Annotated[Path | None, typer.Option(help="Where the copy keeps large blobs.")] = None,
) -> None:
    """Copy the whole database into another one, as it is at one moment; programs may go on recording."""
    from weft.store import copy_database, open_url  # noqa: PLC0415 - SQLAlchemy is slow to import

    settings = _embedded()
    store = _opened(settings)
    try:
        target = open_url(to, blobs or settings.dir / "blobs")
        try:
            rows = copy_database(store.database, target.database, _Meter())
        finally:
            target.close()
    finally:
        store.close()
    console().print(f"Copied {rows:,} rows. Set WEFT_DB to the new address to use it.", markup=False)


def _embedded() -> Settings:
    settings = settings_module.load()
    if settings.url is not None:
        raise InputError(
            "With WEFT_URL the database is the server's.",
            remedy="Run this command on the server's machine.",
            field="url",
        )
    return settings


def _opened(settings: Settings) -> SqlStore:
    from weft.store import open_store  # noqa: PLC0415 - SQLAlchemy is slow to import

    store = open_store(settings)
    session.catch_up(settings, store)
    return store


class _Meter:
    """Says how far a copy is: a line that changes on a terminal, one now and then in a log."""

    def __init__(self) -> None:
        self._said = 0
        self._console = Console(stderr=True, highlight=False)

    def __call__(self, table: str, rows: int) -> None:
        if rows - self._said >= _EVERY:
            self._said = rows
            end = "\r" if self._console.is_terminal else "\n"
            self._console.print(f"copied {rows:,} rows, now {table} ...", end=end)
