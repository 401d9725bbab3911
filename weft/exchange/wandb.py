"""wandb's run folders (``wandb/run-*``, ``wandb/offline-run-*``): their logs are read without wandb."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from weft.errors import InputError, WeftError
from weft.exchange.target import ImportedRun, Target, as_name, folder_of, run_id_of
from weft.exchange.wandb_artifacts import find
from weft.exchange.wandb_media import as_value
from weft.formats.wandb_log import items_of, nanoseconds, read_records
from weft.records import RunKind, RunStatus
from weft.records.alerts import Alert, AlertLevel

_GOALS = {1: "minimize", 2: "maximize"}
_STREAMS = {0: "stderr", 1: "stdout"}
_OWN = frozenset({"_step", "_runtime", "_timestamp", "_wandb"})
_UNFINISHED = {"type": "Unfinished", "message": "wandb's log ends before the run did.", "stack": ""}


def read(path: Path, target: Target) -> None:
    """Import a run folder, every run below a folder, or one ``.wandb`` file.

    Raises InputError where there is none or one is damaged.
    """
    folder_of(path, "the folder `wandb` or a run folder in it")
    found = [path] if path.is_file() else sorted({file.resolve() for file in path.rglob("*.wandb")})
    if not found:
        raise InputError(
            f"There are no runs of wandb below {str(path)!r}.",
            remedy="Name the folder `wandb`, a run folder in it or a .wandb file.",
            field="path",
        )
    for file in found:
        _Reader(file, target).read()


class _Reader:
    """The log of one run, record by record."""

    def __init__(self, file: Path, target: Target) -> None:
        self._file = file
        self._files = file.parent / "files"
        self._target = target
        self._run: ImportedRun | None = None
        self._config: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._environment: dict[str, Any] = {"imported_from": "wandb"}
        self._definitions: dict[str, dict[str, Any]] = {}
        self._partial = {"stdout": "", "stderr": ""}
        self._lines = self._samples = self._alerts = 0
        self._last_ns = self._started_ns = 0
        self._exit_code: int | None = None

    def read(self) -> None:
        """Import all of it, with the files beside it."""
        readers: dict[str, Callable[[Any], None]] = {
            "run": self._begin,
            "config": lambda record: self._merge(self._config, record),
            "summary": lambda record: self._merge(self._summary, record),
            "history": self._history,
            "stats": self._stats,
            "output": self._output,
            "output_raw": self._output,
            "metric": self._metric,
            "artifact": self._artifact,
            "use_artifact": self._use,
            "alert": self._alert,
            "environment": self._environ,
            "exit": self._exit,
        }
        for record in read_records(self._file):
            for field, part in record.ListFields():
                if field.name in readers:
                    readers[field.name](part)
        self._end()

    @property
    def run(self) -> ImportedRun:
        """The run; named after the file where the log lacks its beginning."""
        if self._run is None:
            self._run = ImportedRun(self._target, self._file.stem.removeprefix("run-"))
        return self._run

    def _begin(self, run: Any) -> None:
        if self._run is None:
            self._run = ImportedRun(self._target, run.run_id, run.project or None)
        self._merge(self._config, run.config)
        self._merge(self._summary, run.summary)
        self._started_ns = nanoseconds(run.start_time) or self._started_ns
        self._seen(self._started_ns)
        if run.sweep_id:
            self._environment["sweep"] = run.sweep_id
        if run.host:
            self._environment["host"] = run.host
        self.run.update(
            self._started_ns,
            kind=RunKind.TRAIN,
            name=run.display_name or run.run_id,
            status=RunStatus.RUNNING,
            tags=list(run.tags) or None,
            notes=run.notes or None,
            group=run.run_group or None,
            job_type=run.job_type or None,
            git=_git(run.git),
            started_at_ns=self._started_ns,
        )

    def _merge(self, into: dict[str, Any], record: Any) -> None:
        for keys, value in items_of(record.update):
            _put(into, keys, value)
        for keys, _ in items_of(record.remove):
            into.pop(keys[0], None)

    def _history(self, history: Any) -> None:
        row: dict[str, Any] = {}
        for keys, value in items_of(history.item):
            _put(row, keys, value)
        stamp = row.get("_timestamp")
        time_ns = int(stamp * 1e9) if isinstance(stamp, int | float) else self._last_ns
        self._seen(time_ns)
        step = history.step.num if history.HasField("step") else row.get("_step", 0)
        values = {key: value for key, value in row.items() if key not in _OWN}
        self.run.log(int(step), time_ns, dict(self._media(values)))

    def _media(self, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Names and values, flat; what wandb keeps as a file becomes media."""
        for key, value in values.items():
            if isinstance(value, dict) and "_type" not in value:
                yield from self._media(value, f"{prefix}{key}.")
            elif isinstance(value, dict):
                media = as_value(value, self._files)
                if media is not None:
                    yield f"{prefix}{key}", media
            else:
                yield f"{prefix}{key}", value

    def _stats(self, stats: Any) -> None:
        values = {f"system/{'.'.join(keys)}": value for keys, value in items_of(stats.item)}
        self.run.log(self._samples, nanoseconds(stats.timestamp), values, "system")
        self._samples += 1

    def _output(self, output: Any) -> None:
        stream = _STREAMS.get(output.output_type, "stdout")
        *lines, self._partial[stream] = f"{self._partial[stream]}{output.line}".split("\n")
        self._print(stream, lines, nanoseconds(output.timestamp))

    def _print(self, stream: str, lines: list[str], time_ns: int) -> None:
        if lines:
            drawn = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
            self.run.console(self._lines, stream, drawn, time_ns or self._last_ns)
            self._lines += len(lines)

    def _metric(self, metric: Any) -> None:
        told: dict[str, Any] = {}
        if metric.step_metric:
            told["step_metric"] = metric.step_metric
        kinds = [name for name in ("min", "max", "mean", "best", "last") if getattr(metric.summary, name)]
        if kinds:
            told["summary"] = kinds[0]
        if metric.goal in _GOALS:
            told["goal"] = _GOALS[metric.goal]
        if metric.options.hidden:
            told["hidden"] = True
        self._definitions[metric.glob_name or metric.name] = told

    def _artifact(self, artifact: Any) -> None:
        found = find(artifact.manifest, self._files)
        if missing := found.told(artifact.name):
            self._environment.setdefault("artifacts_not_imported", []).append(missing)
            self._target.missing.append(missing)
        if not found.files and not found.references:
            return
        metadata: Any = None
        with contextlib.suppress(orjson.JSONDecodeError):
            metadata = orjson.loads(artifact.metadata or "{}")
        self.run.artifact(
            artifact.name,
            artifact.type,
            found.files,
            references=found.references,
            time_ns=self._last_ns,
            aliases=list(artifact.aliases),
            metadata=metadata if isinstance(metadata, dict) else {},
            description=artifact.description or None,
        )

    def _use(self, used: Any) -> None:
        name, _, version = used.name.rpartition("/")[2].partition(":")
        if not name:
            return
        if version[:1] == "v" and version[1:].isdecimal():
            version = f"v{int(version[1:]) + 1}"  # wandb counts from v0
        self._target.flush()
        with contextlib.suppress(WeftError):  # not imported, or not yet
            self._target.store.artifacts.use_version(self.run.project, f"{as_name(name)}:{version}", self.run.id)

    def _alert(self, alert: Any) -> None:
        level = alert.level.upper()
        self._target.record(
            Alert(
                alert_id=run_id_of("wandb alert", self.run.id, str(self._alerts), alert.title),
                run_id=self.run.id,
                project=self.run.project,
                time_ns=self._last_ns,
                title=alert.title,
                text=alert.text,
                level=AlertLevel(level) if level in AlertLevel.__members__ else AlertLevel.INFO,
                posted_ns=self._last_ns,  # wandb told whom it concerned
            )
        )
        self._alerts += 1

    def _environ(self, environment: Any) -> None:
        told = {field.name: value for field, value in environment.ListFields() if field.name not in ("git", "args")}
        if environment.args:
            told["argv"] = [environment.program, *environment.args]
        self._environment.update(told)
        if git := _git(environment.git):
            self.run.update(self._last_ns, git=git)

    def _exit(self, ended: Any) -> None:
        self._exit_code = ended.exit_code
        self._seen(self._started_ns + ended.runtime * 1_000_000_000)

    def _end(self) -> None:
        for stream, text in self._partial.items():
            if text:
                self._print(stream, [text], self._last_ns)
        self._keep_files()
        failed = self._exit_code != 0
        summary = dict(_flat({key: value for key, value in self._summary.items() if key not in _OWN}))
        self.run.update(
            self._last_ns,
            status=RunStatus.FAILED if failed else RunStatus.FINISHED,
            config={key: value for key, value in self._config.items() if key != "_wandb"},
            summary={
                key: value for key, value in summary.items() if not (isinstance(value, dict) and "_type" in value)
            },
            environment=self._environment,
            definitions=self._definitions or None,
            ended_at_ns=self._last_ns,
            exit_code=1 if self._exit_code is None else self._exit_code,
            failure=_UNFINISHED if self._exit_code is None else None,
        )

    def _keep_files(self) -> None:
        if not self._files.is_dir():
            return
        # `wandb.save` leaves links: one into the program's folder is followed, one to elsewhere is not.
        program = self._file.parent.parent.parent.resolve()
        for path in sorted(self._files.rglob("*")):
            inside = path.relative_to(self._files)
            if inside.parts[0] != "media" and path.is_file() and path.resolve().is_relative_to(program):
                self.run.file(inside.as_posix(), path, self._last_ns)

    def _seen(self, time_ns: int) -> None:
        self._last_ns = max(self._last_ns, time_ns)


def _put(into: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = into.get(key)
        if not isinstance(inner, dict):
            inner = into[key] = {}
        into = inner
    into[keys[-1]] = value


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and not _is_media(value):
            yield from _flat(value, f"{prefix}{key}.")
        elif not _is_media(value):
            yield f"{prefix}{key}", value


def _is_media(value: Any) -> bool:
    return isinstance(value, dict) and "_type" in value


def _git(git: Any) -> dict[str, Any] | None:
    told = {"commit": git.commit, "remote": git.remote_url}
    return {key: value for key, value in told.items() if value} or None
