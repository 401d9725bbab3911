"""MLflow's stores: a database ``mlflow.db`` (SQLite), or a folder ``mlruns``; read without MLflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from weft.errors import InputError
from weft.exchange.mlflow_registry import KeptVersion, register
from weft.exchange.mlflow_stores import FileStore, FoundModel, FoundRun, SqliteStore, is_sqlite
from weft.exchange.target import ImportedRun, Target, as_name, folder_of
from weft.records import ArtifactVersion, RunKind, RunStatus

_STATUS = {
    **{"1": RunStatus.RUNNING, "2": RunStatus.RUNNING, "3": RunStatus.FINISHED},
    **{"RUNNING": RunStatus.RUNNING, "SCHEDULED": RunStatus.RUNNING, "FINISHED": RunStatus.FINISHED},
}  # all others have failed
_WORDS = {"True": True, "False": False, "None": None}
_LARGEST = 1.7976931348623157e308  # what MLflow's databases hold for infinity
_MS = 1_000_000


def read(path: Path, target: Target) -> None:
    """Import all runs, models and registered versions of a store; ``path`` may be the folder that holds it.

    Raises InputError where there is none or it cannot be read.
    """
    folder_of(path, "mlflow.db or the folder mlruns")
    found: list[SqliteStore | FileStore] = []
    if path.is_file():
        found = [SqliteStore(path)] if is_sqlite(path) else []
    else:
        found = [SqliteStore(file) for file in sorted(path.glob("*.db")) if is_sqlite(file)]
        folder = path / "mlruns" if (path / "mlruns").is_dir() else path
        if not found and any(folder.glob("*/meta.yaml")):
            found = [FileStore(folder)]
    if not found:
        raise InputError(
            f"There is no store of MLflow at {str(path)!r}.",
            remedy="Name mlflow.db, the folder mlruns, or the folder that holds one of them.",
            field="path",
        )
    for store in found:
        runs = {run.run_id: _read_run(run, target) for run in store.runs()}
        registered: dict[str, list[KeptVersion]] = {}
        for model in store.models():
            version = _keep_model(model, runs)
            if version is not None and model.number is not None:
                kept = KeptVersion(version.project, version.ref, model.number, model.stage, model.aliases)
                registered.setdefault(model.name, []).append(kept)
        descriptions = store.descriptions() if registered else {}
        for name, versions in registered.items():
            register(target.store.registry, name, descriptions.get(name), versions)


def _read_run(found: FoundRun, target: Target) -> ImportedRun:
    project = as_name(found.experiment)
    run = ImportedRun(target, found.run_id, project)
    start_ns = (found.start_ms or 0) * _MS
    end_ns = found.end_ms * _MS if found.end_ms else None
    summary: dict[str, Any] = {}
    last_ns = max(start_ns, end_ns or 0)
    for name, points in found.metrics:
        last_ns = max(last_ns, _log_metric(run, name, points, summary))
    tags = found.tags
    status = _STATUS.get(found.status, RunStatus.FAILED)
    ended = status is not RunStatus.RUNNING
    run.update(
        last_ns,
        kind=RunKind.TRAIN,
        name=tags.get("mlflow.runName") or found.name or found.run_id,
        status=status,
        config={key: as_typed(value) for key, value in found.params.items()},
        summary=summary,
        tags=_own(tags) or None,
        notes=tags.get("mlflow.note.content"),
        group=found.experiment if run.project != project else tags.get("mlflow.parentRunId"),
        parent_run_id=tags.get("mlflow.parentRunId"),
        git=_git(tags),
        environment=_environment(found),
        started_at_ns=start_ns or None,
        ended_at_ns=end_ns if ended else None,
        exit_code=None if not ended else int(status is RunStatus.FAILED),
    )
    if found.files:
        run.artifact(f"run-{found.run_id}", "files", found.files, time_ns=last_ns)
    return run


def _log_metric(run: ImportedRun, name: str, points: list[tuple[int, int, float]], summary: dict[str, Any]) -> int:
    """Log the points (step, time in ms, value) of a metric; returns the time of the last.

    Who logs without a step leaves them all at step 0: their order in time is the step then.
    """
    points = sorted(set(points))  # of a model that was logged MLflow writes its metrics twice
    unnumbered = len(points) > 1 and points[0][0] == points[-1][0]
    for number, (step, time_ms, value) in enumerate(points):
        value = value if abs(value) < _LARGEST else value * 2  # infinity again
        run.log(number if unnumbered else step, time_ms * _MS, {name: value})
        summary[name] = value
    return points[-1][1] * _MS if points else 0


def _keep_model(model: FoundModel, runs: Mapping[str, ImportedRun]) -> ArtifactVersion | None:
    run = runs.get(model.run_id or "")
    if run is None or not model.files:
        return None  # its run is deleted, or its files are elsewhere
    return run.artifact(
        model.name,
        "model",
        model.files,
        time_ns=model.created_ms * _MS,
        aliases=model.aliases,
        metadata=model.metadata,
        description=model.description,
    )


def as_typed(text: str) -> Any:
    """MLflow keeps parameters as text: a number, True, False and None become what they were."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, int | float) else text


def _own(tags: Mapping[str, str]) -> list[str]:
    """The user's tags: Weft's are plain words, so a value stands behind '='."""
    pairs = sorted((key, value) for key, value in tags.items() if not key.startswith("mlflow."))
    return [f"{key}={value}" if value else key for key, value in pairs]


def _git(tags: Mapping[str, str]) -> dict[str, Any] | None:
    names: Iterable[tuple[str, str]] = (("commit", "commit"), ("branch", "branch"), ("remote", "repoURL"))
    told = {name: tags[f"mlflow.source.git.{key}"] for name, key in names if f"mlflow.source.git.{key}" in tags}
    return told or None


def _environment(found: FoundRun) -> dict[str, Any]:
    told = {"user": found.tags.get("mlflow.user"), "program": found.tags.get("mlflow.source.name")}
    return {"imported_from": "mlflow", **{key: value for key, value in told.items() if value}}
