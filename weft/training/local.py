"""What a directory knows of its runs without a store: how a run that is recorded offline is gone on with, and which
run crashed last."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from weft.journal.entries import entries
from weft.records import Metrics, RecordType, Run, RunKind, RunStatus, RunUpdate, decode, dumps, loads

_OF_RUNS = frozenset({RecordType.RUN, RecordType.METRICS, RecordType.POINTS})
_KEPT = ("config", "summary", "definitions", "folded")
_SET = ("name", "tags", "notes", "group", "job_type", "started_at_ns", "kind", "status")


def keep_state(directory: Path, run: Run, next_step: int) -> None:
    """Write down how far a run is that goes to no store for now. A disk that is full is no reason to stop."""
    path = directory / "runs" / f"{run.run_id}.json"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, {"next_step": next_step, "run": asdict(run)})


def find_local(directory: Path, run_id: str, project: str) -> tuple[Run, int] | None:
    """A run as the directory knows it, and its next step; None where nothing was recorded of it there."""
    told = _read(directory / "runs" / f"{run_id}.json")
    state: dict[str, Any] = {"run_id": run_id, "project": project, "kind": RunKind.APP, "name": run_id}
    state.update(status=RunStatus.CRASHED, config={}, summary={}, definitions={}, folded={})
    next_step, found = 0, False
    if told is not None:
        found, next_step = True, int(told["next_step"])
        state.update((name, told["run"][name]) for name in (*_KEPT, *_SET) if name in told["run"])
    for record in _records(directory, run_id):
        found = True
        if isinstance(record, Metrics):
            next_step = max(next_step, record.step + 1) if record.source != "system" else next_step
        else:
            state.update((name, getattr(record, name)) for name in _SET if getattr(record, name) is not None)
            for name in _KEPT:
                state[name] = {**state[name], **(getattr(record, name) or {})}
    if not found:
        return None
    return Run(**{**state, "kind": RunKind(state["kind"]), "status": RunStatus(state["status"])}), next_step


def remember(directory: Path, run_id: str) -> None:
    """Note the run that ``resume="auto"`` goes on with if it crashes."""
    with contextlib.suppress(OSError):
        _write(directory / "resume.json", {"run_id": run_id})


def remembered(directory: Path) -> str | None:
    """The run that was noted and has not ended well since."""
    told = _read(directory / "resume.json")
    return None if told is None else str(told["run_id"])


def forget(directory: Path, run_id: str) -> None:
    """The run has ended well: the next one is another."""
    if remembered(directory) == run_id:
        (directory / "resume.json").unlink(missing_ok=True)


def _records(directory: Path, run_id: str) -> list[Metrics | RunUpdate]:
    wanted = run_id.encode()
    found: list[Metrics | RunUpdate] = []
    for entry in entries(directory):
        if entry.type in _OF_RUNS and wanted in entry.payload:
            with contextlib.suppress(ValueError, TypeError):  # the drainer will say so
                record = decode(entry.type, entry.payload)
                if isinstance(record, Metrics | RunUpdate) and record.run_id == run_id:
                    found.append(record)
    return sorted(found, key=lambda record: record.time_ns)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and ("run_id" in told or "run" in told) else None


def _write(path: Path, told: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(dumps(told))
    part.replace(path)
