"""A run as stored: its fields are attributes, its data is a call away, and what people say of it can be changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weft import clock, settings, wandb_names
from weft.api.history import History
from weft.api.logged import LoggedReading
from weft.api.records import Records, all_of, pages_of, pandas_module, row_of
from weft.api.sweeps import StoredSweep, sweep_of
from weft.errors import InputError, NotFoundError
from weft.records import (
    Alert,
    LineageGraph,
    NodeKind,
    Run,
    Sample,
    Score,
    ScoreQuery,
    Series,
    SeriesSummary,
    Span,
    SpanQuery,
    dumps,
)
from weft.tracing.capture import capture
from weft.training.artifacts import Artifact, LoggedArtifact, keep_for

if TYPE_CHECKING:
    from weft.repositories import Store
    from weft.settings import Settings

_SYSTEM = "system/"
_STREAMS = ("default", "system", "systemMetrics", "events")


class Summary(dict[str, Any]):
    """The last values of a run; ``update()`` keeps what was set."""

    def __init__(self, run: StoredRun, values: dict[str, Any]) -> None:
        super().__init__(values)
        self._run = run

    def update(self, *values: Any, **more: Any) -> None:
        """Set several, and store them at once."""
        super().update(*values, **more)
        self._run.update()

    def __missing__(self, key: str) -> Any:
        found: Any = self._run._noted(key)
        if found is None:  # summary["acc"]["max"], as define_metric keeps it
            found = {name[len(key) + 1 :]: value for name, value in self.items() if name.startswith(f"{key}.")} or None
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: str, default: Any = None) -> Any:
        """The value; also of ``_step``, ``_runtime`` (seconds) and ``_timestamp``, which the store knows, and of
        ``acc`` all that begins with ``acc.``."""
        try:
            return self[key]
        except KeyError:
            return default

    @property
    def _json_dict(self) -> dict[str, Any]:
        return dict(self)


class Runs(Records["StoredRun"]):
    """Runs as :meth:`weft.Api.runs` gives them."""

    def histories(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        format: str = "default",
        stream: str = "default",
    ) -> Any:
        """The histories of all, ``run_id`` in each row: a list of dictionaries, or with ``format="pandas"`` a table.

        Raises InputError for another format; see :meth:`StoredRun.history`.
        """
        if format not in ("default", "pandas"):
            raise InputError(f"There is no format {format!r}.", remedy="Use 'default' or 'pandas'.", field="format")
        rows = Records(
            {"run_id": run.id, **row} for run in self for row in run.history(samples, keys, x_axis, False, stream)
        )
        return rows if format == "default" else rows.to_pandas()


class StoredRun(LoggedReading):
    """A run as stored: every field of :class:`weft.records.Run` is an attribute, and its data is a call away.

    ``config``, ``summary``, ``tags``, ``notes``, ``name`` and ``group`` may be changed; :meth:`update` stores it.
    """

    def __init__(self, store: Store, record: Run, place: Settings | None = None) -> None:
        self._store, self._place = store, place
        self._take(record)

    def _take(self, record: Run) -> None:
        self.record = record
        self.name, self.notes, self.group = record.name, record.notes, record.group
        self.tags, self.config = list(record.tags), dict(record.config)
        self.summary = Summary(self, record.summary)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "record":  # not yet set, as while copying
            raise AttributeError(name)
        if (told := wandb_names.ABSENT.get(f"run.{name}")) is not None:
            raise AttributeError(f"A stored run has no {name!r}. Instead: {told}.")
        return getattr(self.record, name)

    def __repr__(self) -> str:
        run = self.record
        return f"<stored run {run.name!r} ({run.run_id}, {run.kind}) of {run.project!r}: {run.status}>"

    @property
    def id(self) -> str:
        """The run's id."""
        return self.record.run_id

    @property
    def state(self) -> str:
        """The status in one word: running, finished, failed or crashed."""
        return self.record.status.value

    @property
    def created_at(self) -> str | None:
        """When it started, in ISO 8601 and UTC."""
        started = self.record.started_at_ns
        return None if started is None else datetime.fromtimestamp(started / 1e9, UTC).isoformat()

    createdAt = created_at  # noqa: N815 - the name that other trackers' users know

    @property
    def heartbeat_at(self) -> str | None:
        """When it ended, or started where it goes on, in ISO 8601 and UTC."""
        last = self.record.ended_at_ns or self.record.started_at_ns
        return None if last is None else datetime.fromtimestamp(last / 1e9, UTC).isoformat()

    heartbeatAt = heartbeat_at  # noqa: N815 - as above

    @property
    def entity(self) -> str:
        """Nobody: a Weft directory or server has one owner."""
        return ""

    @property
    def user(self) -> str | None:
        """Who began it, where that was recorded."""
        return self.record.environment.get("user")

    username = user

    @property
    def url(self) -> str:
        """The address of its page."""
        place = self._place or settings.load()
        return f"{(place.url or f'http://127.0.0.1:{place.port}').rstrip('/')}/run/{self.id}"

    @property
    def storage_id(self) -> str:
        """Its id."""
        return self.id

    @property
    def description(self) -> str | None:
        """Its notes."""
        return self.notes

    @property
    def rawconfig(self) -> dict[str, Any]:
        """Its config."""
        return self.config

    @property
    def json_config(self) -> str:
        """Its config as JSON, each item's value under ``value``."""
        return dumps({name: {"value": value} for name, value in self.config.items()}).decode()

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """Its summary as a plain dictionary."""
        return dict(self.summary)

    @property
    def system_metrics(self) -> dict[str, float | None]:
        """The last of each system sample."""
        return {one.name: one.last for one in self.metrics() if one.name.startswith(_SYSTEM)}

    @property
    def metadata(self) -> dict[str, Any]:
        """The environment it ran in, and its git state under ``git``."""
        return {**self.record.environment, "git": self.record.git}

    @property
    def path(self) -> list[str]:
        """Project and id."""
        return [self.record.project, self.record.run_id]

    @property
    def sweep(self) -> StoredSweep | None:
        """The sweep that the run is a trial of; None where it is none."""
        found = sweep_of(self._store, self.record)
        return None if found is None else StoredSweep(self._store, found, self._other, self._place)

    def _other(self, record: Run) -> StoredRun:
        return StoredRun(self._store, record, self._place)

    @property
    def sweep_name(self) -> str | None:
        """The id of the sweep that the run is a trial of; None where it is none."""
        found = sweep_of(self._store, self.record)
        return None if found is None else found.sweep_id

    sweepName = sweep_name  # noqa: N815 - the name that other trackers' users know

    @property
    def last_step(self) -> int:
        """The highest step that any metric has; -1 where there is none."""
        steps = [summary.last_step for summary in self.metrics() if not summary.name.startswith(_SYSTEM)]
        return max(steps, default=-1)

    lastHistoryStep = last_step  # noqa: N815 - the name that other trackers' users know

    def update(self) -> None:
        """Store what was changed: name, notes, group, tags, config and summary. Raises NotFoundError."""
        old = self.record
        words = {
            name: value for name in ("name", "notes", "group") if (value := getattr(self, name)) != getattr(old, name)
        }
        fields: dict[str, Any] = {**words, **({"tags": list(self.tags)} if list(self.tags) != old.tags else {})}
        for name in ("config", "summary"):
            now, then = getattr(self, name), getattr(old, name)
            changed = {key: value for key, value in now.items() if key not in then or then[key] != value}
            if changed:
                fields[name] = capture(changed)
        if fields:
            self._take(self._store.runs.change_run(self.id, **fields))

    save = update

    def load(self, force: bool = True) -> StoredRun:
        """Read it again: a run that goes on has changed."""
        self._take(self._store.runs.get_run(self.id))
        return self

    def delete(self, delete_artifacts: bool = False) -> None:
        """Delete it with all that was observed in it, for good; with ``delete_artifacts`` the versions that it
        produced, too. Raises NotFoundError."""
        made = self.logged_artifacts() if delete_artifacts else []
        self._store.runs.delete_run(self.id)
        for version in made:
            version.delete(delete_aliases=True)

    def wait_until_finished(self, poll_s: float = 1.0) -> None:
        """Wait until it goes on no more, and read it again."""
        while self.load().state == "running":
            time.sleep(poll_s)

    def log_artifact(
        self, artifact: Artifact, aliases: Sequence[str] | None = None, tags: Sequence[str] | None = None
    ) -> LoggedArtifact:
        """Store an artifact as made by this run, also where it has ended. Raises InputError."""
        if not isinstance(artifact, Artifact):
            raise InputError(f"{artifact!r} is no artifact to be logged.", remedy="Give a weft.Artifact.", field="name")
        kept = keep_for(self._store, self.record, artifact, aliases or (), tags or ())
        artifact._logged = LoggedArtifact(self._store, kept)
        return artifact._logged

    def use_artifact(self, artifact: LoggedArtifact, use_as: str | None = None) -> LoggedArtifact:
        """Note that this run used a version; ``use_as`` changes nothing."""
        self._store.artifacts.use_version(artifact.project, artifact.ref, self.id)
        return artifact

    def series(self, name: str, *, source: str | None = None) -> Series:
        """One metric: ``steps`` (n,) int64, ``times_ns`` (n,) int64, ``values`` (n,) float64, by step.

        Raises NotFoundError where the run has no such metric, InputError where several processes logged it and
        ``source`` does not say which one is meant.
        """
        found = self._store.series.read_series(self.id, name, source=source)
        if not found:
            known = ", ".join(sorted({summary.name for summary in self.metrics()})) or "none"
            raise NotFoundError(f"The run {self.id} has no series {name!r}.", remedy=f"It has: {known}.", field="name")
        if len(found) > 1:
            sources = ", ".join(repr(series.source) for series in found)
            raise InputError(
                f"The series {name!r} of run {self.id} comes from {len(found)} sources.",
                remedy=f"Pass source=, one of {sources}; or read them all with all_series().",
                field="source",
            )
        return found[0]

    def all_series(self, name: str) -> list[Series]:
        """One metric from every source, by source."""
        return sorted(self._store.series.read_series(self.id, name), key=lambda series: series.source)

    def metrics(self) -> Records[SeriesSummary]:
        """Every metric and source of the run with its number of points, range and last value."""
        return Records(self._store.series.list_series(self.id))

    def history(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """What was logged, one row a step: a pandas table, or with ``pandas=False`` a list of dictionaries.

        Columns are ``_step``, ``_timestamp`` and ``_runtime`` (seconds), ``_source`` where several processes logged,
        and the metrics. ``keys`` keeps these metrics and the rows that have them all; ``samples`` thins the rows to so
        many; ``stream="system"`` gives the system samples instead. ``x_axis`` is a metric that the rows have, and are
        sorted by. Raises MissingExtraError without pandas.
        """
        by = None if x_axis.startswith("_") else x_axis
        wanted = keys if keys is None or by is None or by in keys or isinstance(keys, str) else [*keys, by]
        found = self._history(wanted, stream)
        found = (found if by is None else found.sorted_by(by)).thinned(samples)
        if not pandas:
            return Records(found.rows(self._started_s))
        return pandas_module().DataFrame(found.table(self._started_s))

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> Iterator[dict[str, Any]]:
        """Every row from ``min_step`` up to, not including, ``max_step``, as dictionaries; ``page_size`` and
        ``use_cache`` change nothing."""
        for row in self._history(keys, "default").rows(self._started_s):
            if row["_step"] >= min_step and (max_step is None or row["_step"] < max_step):
                yield row

    def console(self) -> list[str]:
        """The lines that the run printed."""
        lines: list[str] = []
        while page := self._store.runs.console(self.id, first=len(lines), limit=1000):
            lines.extend(page)
        return lines

    def alerts(self) -> Records[Alert]:
        """What the run wanted somebody to know, the newest first."""
        list_ = self._store.alerts.list_alerts
        return Records(pages_of(lambda cursor: list_(run_id=self.id, cursor=cursor)))

    def samples(self) -> Records[Sample]:
        """The samples of an evaluation run."""
        return Records(pages_of(lambda cursor: self._store.evaluations.list_samples(self.id, cursor=cursor)))

    def scores(self, name: str | None = None) -> Records[Score]:
        """The scores of an evaluation run."""
        query = ScoreQuery(run_id=self.id, name=name)
        return Records(all_of(self._store.evaluations.list_scores, query))

    def spans(self) -> Records[Span]:
        """The spans that the run's processes recorded, earliest first."""
        return Records(all_of(self._store.spans.list_spans, SpanQuery(run_id=self.id, order="start", limit=1000)))

    def lineage(self) -> LineageGraph:
        """What is upstream and downstream of the run."""
        return self._store.artifacts.lineage(self.record.project, NodeKind.RUN, self.id)

    @property
    def artifacts(self) -> dict[str, list[str]]:
        """References of the artifacts that the run ``used`` and ``produced``."""
        graph = self.lineage()
        used = [e.source for e in graph.upstream if e.target == self.id and e.source_kind is NodeKind.ARTIFACT]
        made = [e.target for e in graph.downstream if e.source == self.id and e.target_kind is NodeKind.ARTIFACT]
        return {"used": used, "produced": made}

    def used_artifacts(self, per_page: int = 100) -> Records[LoggedArtifact]:
        """The artifact versions that the run used, those that are left."""
        return self._logged("used")

    def logged_artifacts(self, per_page: int = 100) -> Records[LoggedArtifact]:
        """The artifact versions that the run produced, those that are left."""
        return self._logged("produced")

    def row(self) -> dict[str, Any]:
        """The columns of a run in a table: config and summary a column a key."""
        row = row_of(self.record)
        for part in ("config", "summary"):
            row.update((f"{part}.{key}", value) for key, value in row.pop(part).items())
        return row

    def _noted(self, key: str) -> float | int | None:
        """What summaries of W&B's have beside metrics."""
        started, last = self.record.started_at_ns, self.record.ended_at_ns
        if key == "_step":
            return self.last_step
        if key == "_timestamp":
            return None if (last or started) is None else (last or started or 0) / 1e9
        if key == "_runtime" and started is not None:
            return ((last or clock.now_ns()) - started) / 1e9
        return None

    @property
    def _started_s(self) -> float:
        return (self.record.started_at_ns or 0) / 1e9

    def _history(self, keys: Sequence[str] | None, stream: str) -> History:
        if stream not in _STREAMS:
            raise InputError(
                f"There is no stream {stream!r}.", remedy="Use stream='default' or 'system'.", field="stream"
            )
        if isinstance(keys, str):
            raise InputError(f"keys is the text {keys!r}.", remedy=f"Use keys=[{keys!r}].", field="keys")
        system = stream != "default"
        names = dict.fromkeys(one.name for one in self.metrics() if one.name.startswith(_SYSTEM) is system)
        wanted = list(names) if keys is None else [key for key in keys if key in names]
        found = History.of([one for name in wanted for one in self._store.series.read_series(self.id, name)])
        return found if keys is None else found.having([key for key in keys if not key.startswith("_")])

    def _logged(self, relation: str) -> Records[LoggedArtifact]:
        store, project = self._store, self.record.project
        found: Records[LoggedArtifact] = Records()
        for ref in self.artifacts[relation]:
            with suppress(NotFoundError):  # one that was deleted
                found.append(LoggedArtifact(store, store.artifacts.get_version(project, ref)))
        return found
