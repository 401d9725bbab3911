"""The two forms in which MLflow keeps runs on disk, as one.

Source: the schema of MLflow's SQLAlchemy store, and the layout of its file store. Files named by a store are taken only
from below the folder it lies in, since a store from somebody else may name any.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from weft.errors import InputError

Points = list[tuple[int, int, float]]  # step, time in ms, value


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run as MLflow has it."""

    run_id: str
    experiment: str
    name: str
    status: str
    start_ms: int | None
    end_ms: int | None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: Iterator[tuple[str, Points]]
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that a run logged, or a version of a registered model."""

    name: str
    run_id: str | None
    created_ms: int
    files: dict[str, Path]
    aliases: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    description: str | None = None
    number: int | None = None  # of a registered version
    stage: str | None = None


def is_sqlite(path: Path) -> bool:
    """Whether a file is a database of SQLite."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


class SqliteStore:
    """``mlflow.db``. Raises InputError where a table is not as MLflow has it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def runs(self) -> Iterator[FoundRun]:
        """The runs that are not deleted, by start."""
        rows = self._rows(
            "SELECT r.run_uuid, e.name, r.name, r.status, r.start_time, r.end_time, r.artifact_uri FROM runs r"
            " JOIN experiments e USING (experiment_id) WHERE r.lifecycle_stage = 'active' ORDER BY r.start_time"
        )
        for run_id, experiment, name, status, start, end, uri in rows:
            yield FoundRun(
                run_id=run_id,
                experiment=experiment,
                name=name or "",
                status=str(status),
                start_ms=start,
                end_ms=end,
                params=dict(self._rows("SELECT key, value FROM params WHERE run_uuid = ?", run_id)),
                tags={key: value or "" for key, value in self._pairs("tags", run_id)},
                metrics=self._metrics(run_id),
                files=files_of(uri, self._path.parent),
            )

    def models(self) -> Iterator[FoundModel]:
        """Versions of registered models, and the models that runs logged."""
        aliases: dict[tuple[str, int], list[str]] = {}
        if self._has("registered_model_aliases"):
            for name, version, alias in self._rows("SELECT name, version, alias FROM registered_model_aliases"):
                aliases.setdefault((name, int(version)), []).append(alias)
        if self._has("logged_models"):
            for name, model_id, run_id, created, uri in self._rows(
                "SELECT name, model_id, source_run_id, creation_timestamp_ms, artifact_location FROM logged_models"
                " WHERE lifecycle_stage IS NULL OR lifecycle_stage = 'active' ORDER BY creation_timestamp_ms"
            ):
                files = files_of(uri, self._path.parent)
                yield FoundModel(name, run_id, created, files, metadata={"mlflow_model_id": model_id})
        if self._has("model_versions"):
            for name, version, run_id, created, text, stage, source, location in self._rows(
                "SELECT name, version, run_id, creation_time, description, current_stage, source, storage_location"
                " FROM model_versions WHERE current_stage IS NULL OR current_stage <> 'Deleted_Internal'"
                " ORDER BY name, version"
            ):
                told = {"version": version, "current_stage": stage, "description": text, "creation_timestamp": created}
                files = files_of(location or source, self._path.parent)
                yield registered(name, run_id, told, aliases.get((name, int(version)), []), files)

    def descriptions(self) -> dict[str, str | None]:
        """What is told of each registered model."""
        if not self._has("registered_models"):
            return {}
        return dict(self._rows("SELECT name, description FROM registered_models"))

    def _metrics(self, run_id: str) -> Iterator[tuple[str, Points]]:
        points: Points = []
        current: str | None = None
        for key, step, time_ms, value, is_nan in self._rows(
            "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key", run_id
        ):
            if key != current and current is not None:
                yield current, points
                points = []
            current = key
            points.append((int(step), int(time_ms), float("nan") if is_nan else float(value)))
        if current is not None:
            yield current, points

    def _pairs(self, table: str, run_id: str) -> Iterator[tuple[str, str]]:
        yield from self._rows(f"SELECT key, value FROM {table} WHERE run_uuid = ?", run_id)  # noqa: S608 - our names

    def _has(self, table: str) -> bool:
        return any(self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table))

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                yield from connection.execute(query, values)
        except sqlite3.Error as error:
            raise InputError(
                f"{self._path} cannot be read as MLflow's database: {error}.",
                remedy="Run `mlflow db upgrade` on a copy of it, and import that.",
                field="path",
            ) from None


class FileStore:
    """The folder ``mlruns``. Raises InputError where a file of it is damaged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def runs(self) -> Iterator[FoundRun]:
        """The runs that are not deleted, by experiment and folder."""
        for experiment, told in self._experiments():
            for folder in sorted(experiment.iterdir()):
                about = _yaml(folder / "meta.yaml")
                run_id = about.get("run_id") or about.get("run_uuid")
                if not isinstance(run_id, str) or about.get("lifecycle_stage") == "deleted":
                    continue
                yield FoundRun(
                    run_id=run_id,
                    experiment=str(told.get("name") or experiment.name),
                    name=str(about.get("run_name") or ""),
                    status=str(about.get("status")),
                    start_ms=_whole(about.get("start_time")),
                    end_ms=_whole(about.get("end_time")),
                    params=dict(_texts(folder / "params")),
                    tags=dict(_texts(folder / "tags")),
                    metrics=self._metrics(folder / "metrics"),
                    files=_below(folder / "artifacts"),
                )

    def models(self) -> Iterator[FoundModel]:
        """Versions of registered models, and the models that runs logged."""
        for experiment, _ in self._experiments():
            for about_file in sorted(experiment.glob("models/*/meta.yaml")):
                about = _yaml(about_file)
                yield FoundModel(
                    str(about.get("name") or about_file.parent.name),
                    about.get("source_run_id"),
                    _whole(about.get("creation_timestamp")) or 0,
                    _below(about_file.parent / "artifacts"),
                    metadata={"mlflow_model_id": about_file.parent.name},
                )
        for about_file in sorted(self._folder.glob("models/*/version-*/meta.yaml")):
            about = _yaml(about_file)
            model = _yaml(about_file.parent.parent / "meta.yaml")
            number = str(about.get("version"))
            named = model.get("aliases")
            aliases = [alias for alias, of in named.items() if str(of) == number] if isinstance(named, dict) else []
            files = files_of(about.get("storage_location") or about.get("source"), self._folder.parent)
            yield registered(str(about.get("name")), about.get("run_id"), about, aliases, files)

    def descriptions(self) -> dict[str, str | None]:
        """What is told of each registered model."""
        told = [_yaml(about) for about in sorted(self._folder.glob("models/*/meta.yaml"))]
        return {str(about["name"]): about.get("description") or None for about in told if "name" in about}

    def _experiments(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for about in sorted(self._folder.glob("*/meta.yaml")):
            told = _yaml(about)
            if told.get("lifecycle_stage") != "deleted":
                yield about.parent, told

    def _metrics(self, folder: Path) -> Iterator[tuple[str, Points]]:
        for path in _files(folder):
            points: Points = []
            for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
                parts = line.split()
                try:
                    points.append((int(parts[2]) if len(parts) > 2 else number - 1, int(parts[0]), float(parts[1])))
                except (ValueError, IndexError):
                    raise InputError(
                        f"{path}, line {number} is no point of a metric: {line[:80]!r}.",
                        remedy="It should be a time in ms, a value and a step.",
                        field="path",
                    ) from None
            yield path.relative_to(folder).as_posix(), points


def registered(
    name: str, run_id: str | None, told: Mapping[str, Any], aliases: list[str], files: dict[str, Path]
) -> FoundModel:
    """A version of a registered model."""
    stage = str(told.get("current_stage") or "None")
    number = _whole(told.get("version"))
    return FoundModel(
        name=name,
        run_id=run_id,
        created_ms=_whole(told.get("creation_timestamp")) or 0,
        files=files,
        aliases=aliases,
        metadata={"mlflow_registered_version": number},
        description=told.get("description") or None,
        number=number,
        stage=None if stage == "None" else stage.lower(),
    )


def files_of(uri: Any, root: Path) -> dict[str, Path]:
    """The files below the folder that a store names, where it lies below ``root``, also when all was moved there."""
    if not isinstance(uri, str):
        return {}
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return {}  # on another machine or in a bucket
    named = Path(unquote(parts.path))
    tails = [named, *(Path(*named.parts[at:]) for at in range(1, len(named.parts)))]
    for tail in tails:
        folder = (root / tail).resolve()
        if folder.is_relative_to(root.resolve()) and folder != root.resolve() and folder.is_dir():
            return _below(folder)
    return {}


def _below(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    """Files below a folder, sorted; links are passed over."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in _files(folder):
        yield path.relative_to(folder).as_posix(), path.read_text("utf-8", "replace").rstrip("\n")


def _yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        told = yaml.safe_load(path.read_text("utf-8", "replace"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is damaged: {error}.", remedy="Restore it from a copy.", field="path") from None
    return told if isinstance(told, dict) else {}


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
