"""Migrations: the schema as numbered steps, run when a store is opened, one process at a time.

The whole upgrade is one transaction: IMMEDIATE on SQLite, under an advisory lock on PostgreSQL, whose schema
changes are transactional as well. A SQLite file that holds anything is copied aside before; a new one is made at once
(:mod:`weft.store.migrations.fresh`).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

from weft.errors import StoreError
from weft.store.database import Database, sqlite_backup
from weft.store.migrations import fresh

HEAD = "0017"  # the newest step; a test compares it with the files
KNOWN = tuple(f"{number:04}" for number in range(1, int(HEAD) + 1))
_LOCK = 0x77656D69


def migrate(database: Database) -> None:
    """Bring the schema to :data:`HEAD`. Raises StoreError where the database was made by a newer Weft."""
    with database.read() as connection:
        version = _version(connection)
    if version == HEAD:
        return
    _refuse_newer(version)
    with database.write() as connection:
        if not database.sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        version = _version(connection)
        if version == HEAD:
            return
        _refuse_newer(version)
        file = database.engine.url.database
        if database.sqlite and version is not None and file:
            # Another connection reads the last commit: the transaction has changed nothing yet.
            sqlite_backup(Path(file), Path(f"{file}.backup-{version}-{time.strftime('%Y%m%d-%H%M%S')}"))
        if database.sqlite and fresh.is_new(connection):
            fresh.make(connection)
            version = _version(connection)
        if version != HEAD:
            run(connection, "upgrade", "head")


def run(connection: Connection, direction: str, target: str) -> None:
    """Run Alembic's ``upgrade`` or ``downgrade`` to ``target`` inside the transaction of ``connection``."""
    from alembic import command  # noqa: PLC0415 - 0.3 s of import that only a new or old database needs
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    step: Any = command.upgrade if direction == "upgrade" else command.downgrade
    step(config, target)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return found


def _refuse_newer(version: str | None) -> None:
    if version is not None and version not in KNOWN:
        raise StoreError(
            f"The database is of a newer Weft (schema {version}, this one knows {HEAD}).",
            remedy="Upgrade with: pip install -U weft. Until then records are kept in the journal.",
            field="db",
        )
