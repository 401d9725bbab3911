"""`weft doctor` and `weft settings`: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from weft import settings as settings_module
from weft.cli.output import console, print_json, print_table
from weft.drainer import is_led, live_writers, read_status
from weft.errors import WeftError
from weft.formatting import size
from weft.settings import SETTINGS, Settings

EXTRAS = {"server": ("fastapi", "streamlit", "uvicorn"), "llm": ("openai", "litellm"), "postgres": ("psycopg",)}
_LITTLE_SPACE_BYTES = 1_000_000_000


class Health(StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, what was found, what to do about it."""

    what: str
    health: Health
    found: str
    remedy: str = ""


def doctor(
    directory: Annotated[Path | None, typer.Option("--dir", help="The directory to look at; default WEFT_DIR.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is wrong with an installation and how to mend it; exit code 1 if something is broken."""
    findings = list(examine(settings_module.load({"dir": directory})))
    if as_json:
        print_json(findings)
    else:
        out = console()
        marks = {Health.OK: ("✓", "green"), Health.NOTE: ("•", "yellow"), Health.BROKEN: ("✗", "bold red")}
        for finding in findings:
            mark, style = marks[finding.health]
            out.print(Text.assemble((f"{mark} ", style), (f"{finding.what}: ", "bold"), finding.found), soft_wrap=True)
            if finding.remedy:
                out.print(Text(f"    {finding.remedy}"), soft_wrap=True)
    raise typer.Exit(any(finding.health is Health.BROKEN for finding in findings))


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, cheap ones first. A check that itself fails is a finding."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [_python, _packages, _directory, _journal]
    checks.append(_server if settings.url else _database)
    for check in checks:
        try:
            yield from check(settings)
        except (WeftError, OSError) as error:
            remedy = error.remedy if isinstance(error, WeftError) else ""
            message = error.message if isinstance(error, WeftError) else str(error)
            yield Finding(check.__name__.strip("_"), Health.BROKEN, message, remedy)


def _python(settings: Settings) -> Iterator[Finding]:
    version = importlib.metadata.version("weft")
    yield Finding("weft", Health.OK, f"{version} on Python {platform.python_version()} ({sys.executable})")


def _packages(settings: Settings) -> Iterator[Finding]:
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if not _version(name)]
        have = ", ".join(f"{name} {_version(name)}" for name in packages if name not in missing)
        if missing:
            remedy = f"If you want it: pip install 'weft[{extra}]'."
            yield Finding(f"extra {extra}", Health.NOTE, f"not installed: {', '.join(missing)}", remedy)
        else:
            yield Finding(f"extra {extra}", Health.OK, have)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _directory(settings: Settings) -> Iterator[Finding]:
    folder = settings.dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):  # permission bits do not tell of a read-only file system
            pass
    except OSError:
        remedy = "Point WEFT_DIR at a folder of yours, or mend its permissions."
        yield Finding("directory", Health.BROKEN, f"{folder} cannot be written", remedy)
        return
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {size(free)} free" + ("" if folder.exists() else " (made at first use)")
    if free < _LITTLE_SPACE_BYTES:
        yield Finding("directory", Health.NOTE, found, "Make room soon: a full disk loses what is recorded then.")
    else:
        yield Finding("directory", Health.OK, found)


def _journal(settings: Settings) -> Iterator[Finding]:
    if not (settings.dir / "journal").is_dir():
        yield Finding("journal", Health.OK, "nothing has been recorded here yet")
        return
    status = read_status(settings.dir)
    writers = len(live_writers(settings.dir))
    drained = "a drainer runs" if is_led(settings.dir) else "no drainer runs"
    yield Finding("journal", Health.OK, f"{writers} live writers, {drained}")
    if status.destination != "ok":
        yield Finding("drainer", Health.BROKEN, status.destination, "Records wait in the journal until this is mended.")
    if status.newer:
        remedy = "Upgrade this Weft, or let the newer one store them."
        yield Finding("journal", Health.NOTE, f"{len(status.newer)} segments of a newer Weft", remedy)
    if status.rejected:
        kept = settings.dir / "journal" / "rejected"
        remedy = f"They are kept, with reasons, in {kept}; once mended, `weft sync --rejected` tries them again."
        damaged = f", {status.damaged} of all ever put aside were damaged" if status.damaged else ""
        yield Finding("rejected", Health.NOTE, f"{status.rejected} records could not be stored{damaged}", remedy)
    for reason, number in sorted(status.lost.items()):
        remedy = f"See docs/errors.md#w600; once mended, remove {settings.dir / 'journal' / 'lost'} to count anew."
        yield Finding("lost", Health.BROKEN, f"{number} records were lost: {reason}", remedy)


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.db is None and not (settings.dir / "weft.db").exists():  # looking must not make one
        yield Finding("database", Health.OK, f"{settings.dir / 'weft.db'} is made at first use")
        return
    from weft.store import open_store  # noqa: PLC0415 - SQLAlchemy loads only where a database is opened

    store = open_store(settings)
    try:
        for mistake in store.integrity():
            yield Finding(
                "database", Health.BROKEN, mistake, "Restore the newest backup beside it; see docs/errors.md#w600."
            )
        where = settings.db.rpartition("@")[2] if settings.db else str(settings.dir / "weft.db")
        yield Finding("database", Health.OK, f"{where}, {len(store.runs.list_projects())} projects")
    finally:
        store.close()


def _server(settings: Settings) -> Iterator[Finding]:
    from weft.client import RemoteStore  # noqa: PLC0415 - only where a server is set

    store = RemoteStore(settings.url or "", settings.api_key)
    try:
        yield Finding("server", Health.OK, f"{settings.url} answers, {len(store.runs.list_projects())} projects")
    finally:
        store.close()


def settings_table(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every setting with its variable, the value in force and its meaning."""
    current = settings_module.load()
    rows = [
        (
            setting.variable,
            "(set)" if setting.secret and getattr(current, setting.name) else getattr(current, setting.name),
            setting,
        )
        for setting in SETTINGS
    ]
    if as_json:
        print_json({variable: {"value": _plain(value), "help": setting.help} for variable, value, setting in rows})
        return
    print_table(
        {"variable": "left", "value": "left", "meaning": "left"},
        [(variable, value, setting.help) for variable, value, setting in rows],
        empty="",
    )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
