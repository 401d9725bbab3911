"""Backups: a folder with one SQLite file, the large blobs and a manifest of digests, whichever the database."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from weft import clock, digests, ids
from weft.errors import InputError, NotFoundError, StoreError
from weft.records import dumps, loads
from weft.settings import Settings
from weft.store.copying import Progress, copy_blobs, copy_database, snapshot
from weft.store.database import sqlite_backup
from weft.store.files import Files, Folder, files_at
from weft.store.migrations import HEAD, KNOWN
from weft.store.sql import FILE, SqlStore, open_store, open_url

MANIFEST = "manifest.json"
_BLOBS = "blobs"
_PATH = re.compile(r"weft\.db|blobs/[0-9a-f]{16}/[0-9a-f]{2}/[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds. ``schema`` is the version of its database."""

    path: Path
    schema: str
    files: int
    size_bytes: int


def backup(store: SqlStore, path: Path, progress: Progress = lambda table, rows: None) -> BackupReport:
    """Write what the database holds at one moment into a new folder, while others go on writing.

    The folder appears under its name when it is whole. Raises InputError where ``path`` exists.
    """
    if path.exists() or not path.absolute().parent.is_dir():
        raise InputError(
            f"A backup cannot be made at {path}.", remedy="Name a new folder in one that exists.", field="path"
        )
    part = path.absolute().with_name(f".{path.name}.{ids.new_id()}.part")
    part.mkdir(mode=0o700)
    try:
        source, file = store.database, part / FILE
        name = source.engine.url.database
        if source.sqlite and name:
            sqlite_backup(Path(name), file)
        else:
            copied = open_url(f"sqlite:///{file}", part / _BLOBS)
            copy_database(source, copied.database, progress)
            copied.close()
        _settle(file, part, source.files)
        files = _listed(part)
        manifest = {"weft": version("weft"), "schema": HEAD, "created_ns": clock.now_ns(), "files": files}
        _write(part / MANIFEST, dumps(manifest))
        part.rename(path.absolute())
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return BackupReport(path, HEAD, len(files), sum(one["size_bytes"] for one in files))


def restore(path: Path, settings: Settings, progress: Progress = lambda table, rows: None) -> BackupReport:
    """Bring a backup back, into an empty directory or database; what is there already is never replaced.

    Every file is checked against its digest first. Raises InputError for a folder that is no backup or is damaged,
    StoreError where the place is taken or the backup is of a newer Weft.
    """
    report = check(path)
    blob_dir = settings.dir / _BLOBS
    settings.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = settings.dir / FILE
    if settings.db is None and place.exists():
        raise StoreError(
            f"There is a database in {settings.dir} already.", remedy="Restore into a new directory.", field="dir"
        )
    part = settings.dir / f".{FILE}.{ids.new_id()}.part"
    try:
        shutil.copyfile(path / FILE, part)
        copy = open_url(f"sqlite:///{part}", path / _BLOBS)  # a backup of an older Weft becomes one of this
        try:
            if settings.db is not None:
                target = open_url(settings.db, blob_dir, settings.blobs)
                copy_database(copy.database, target.database, progress)
                target.close()
            else:
                with snapshot(copy.database) as connection:
                    copy_blobs(connection, Folder(path / _BLOBS), files_at(settings.blobs, blob_dir))
        finally:
            copy.close()
        if settings.db is None:
            part.rename(place)
            open_store(settings).close()
    finally:
        for left in settings.dir.glob(f"{part.name}*"):
            left.unlink()
    return report


def check(path: Path) -> BackupReport:
    """What a backup holds, every file checked against its digest. Raises as :func:`restore`."""
    try:
        manifest = loads((path / MANIFEST).read_bytes())
        schema, files = str(manifest["schema"]), [dict(one) for one in manifest["files"]]
        names = [str(one["path"]) for one in files]
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(
            f"{path} is no backup of Weft.",
            remedy=f"Name a folder with a {MANIFEST}, made by `weft backup`.",
            field="path",
        ) from None
    if schema not in KNOWN:
        raise StoreError(
            f"The backup is of a newer Weft (schema {schema}, this one knows {HEAD}).",
            remedy="Upgrade with: pip install -U weft.",
            field="path",
        )
    for name in names:
        if not _PATH.fullmatch(name):
            raise InputError(f"The backup names {name!r}, which is no file of a backup.", field="path")
    if FILE not in names:
        raise NotFoundError(f"The backup at {path} lists no {FILE}.", field="path")
    for one in files:
        if not _is_as_listed(path, one):
            raise InputError(
                f"The backup is damaged: {one['path']} is not as it was written.",
                remedy="Use another backup.",
                field="path",
            )
    return BackupReport(path, schema, len(files), sum(int(one["size_bytes"]) for one in files))


def _is_as_listed(path: Path, one: dict[str, Any]) -> bool:
    file = path / str(one["path"])
    return file.is_file() and not file.is_symlink() and digests.of_file(file) == one["digest"]


def _settle(file: Path, part: Path, files: Files | None) -> None:
    """Fold the log into the file, and take the large blobs along that it names."""
    copied = open_url(f"sqlite:///{file}", part / _BLOBS)
    try:
        with snapshot(copied.database) as connection:
            copy_blobs(connection, files, Folder(part / _BLOBS))
    finally:
        copied.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _listed(part: Path) -> list[dict[str, Any]]:
    found = []
    for file in sorted(part.rglob("*")):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
            name = file.relative_to(part).as_posix()
            found.append({"path": name, "digest": digests.of_file(file), "size_bytes": file.stat().st_size})
    return found


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
