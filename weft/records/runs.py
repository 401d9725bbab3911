"""Runs, their metrics and console, and the processes that write."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RunKind(StrEnum):
    """What a run executes."""

    APP = "app"
    TRAIN = "train"
    EVAL = "eval"
    TRIAL = "trial"


class RunStatus(StrEnum):
    """Where a run stands. ``crashed`` is computed when read: its writer died before it finished; ``preempted`` too:
    it failed or crashed after it had said that the machine would be taken away."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    PREEMPTED = "preempted"


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """An observation of a run: what is not None is set; config, summary, environment and definitions merge by key.

    ``definitions`` tells how metrics are meant, by name or glob: ``{"step_metric", "summary", "goal", "hidden",
    "step_sync"}``. ``folded`` is what one process has counted so far for the summaries that they ask for:
    ``{process: {"time_ns", "tallies"}}``, see :mod:`weft.records.folding`; the store sums up all processes. With the
    status ``running`` a run that had ended goes on: how it ended is forgotten.
    """

    run_id: str
    project: str
    time_ns: int
    kind: RunKind | None = None
    name: str | None = None
    status: RunStatus | None = None
    config: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    tags: list[str] | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    git: dict[str, Any] | None = None
    environment: dict[str, Any] | None = None
    parent_run_id: str | None = None
    started_at_ns: int | None = None
    ended_at_ns: int | None = None
    exit_code: int | None = None
    failure: dict[str, str] | None = None
    writer: str | None = None
    definitions: dict[str, dict[str, Any]] | None = None
    folded: dict[str, dict[str, Any]] | None = None
    preempting: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a program, as read from the store. Times are ns since the epoch.

    ``origin`` says which history it goes on from: ``{"relation": "forked" or "rewound", "run_id", "step"}``.
    ``last_seen_ns`` is told of a run whose process died without a word: when it was last heard of.
    """

    run_id: str
    project: str
    kind: RunKind
    name: str
    status: RunStatus
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    git: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    parent_run_id: str | None = None
    started_at_ns: int | None = None
    ended_at_ns: int | None = None
    exit_code: int | None = None
    failure: dict[str, str] | None = None
    writer: str | None = None
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    folded: dict[str, dict[str, Any]] = field(default_factory=dict)
    preempting: bool = False
    origin: dict[str, Any] = field(default_factory=dict)
    last_seen_ns: int | None = None

    @property
    def took_ns(self) -> int | None:
        """How long the run went on, in ns; to when it was last heard of where its process died; None while it runs."""
        last = self.last_seen_ns if self.ended_at_ns is None else self.ended_at_ns
        return None if last is None or self.started_at_ns is None else last - self.started_at_ns

    @property
    def id(self) -> str:
        """The run's id, as what goes on calls it."""
        return self.run_id


@dataclass(frozen=True, slots=True)
class Metrics:
    """One logged step: values by metric name, from one source (rank or process) of one run.

    Values are floats; a non-finite one travels as the string "NaN", "Infinity" or "-Infinity".
    System samples are metrics too, named ``system/...``.
    """

    run_id: str
    project: str
    step: int
    time_ns: int
    values: dict[str, float | str]
    source: str = ""


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """What is known of a series without reading its points. NaN points count in ``points`` only."""

    run_id: str
    name: str
    source: str
    points: int
    first_step: int
    last_step: int
    last: float
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one run from one source: steps (n,) int64, times_ns (n,) int64, values (n,) float64."""

    run_id: str
    name: str
    source: str
    steps: NDArray[np.int64]
    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A series for a chart: at most as many buckets b as were asked for, each of consecutive steps, exact.

    x (b,) float64: where the last point of each bucket lies; last (b,): its value; minimum, maximum and mean (b,) of
    the bucket's numbers, NaN where it has none; counts (b,) int64: its points. A series with no more points than
    buckets has a bucket for each.
    """

    run_id: str
    name: str
    source: str
    x: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves as asked for: by run, then by name, each in the order given, then by source. ``newest`` is for the next
    question's ``since``: it is answered with what has changed by then."""

    curves: list[Curve]
    newest: str


@dataclass(frozen=True, slots=True)
class SeriesName:
    """A metric's name, and in how many runs something is logged under it."""

    name: str
    runs: int


@dataclass(frozen=True, slots=True)
class ConsoleLines:
    """Lines of console output of one run from one source; ``first`` is the index of the first line."""

    run_id: str
    project: str
    time_ns: int
    first: int
    stream: str
    lines: list[str]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that writes: seen when it opens its journal and when it is gone (closed or died)."""

    writer: str
    time_ns: int
    pid: int
    host: str
    ended: bool = False
