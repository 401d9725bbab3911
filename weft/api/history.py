"""What a run logged, step by step: series joined into rows or a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.records import Series

STEP, TIMESTAMP, RUNTIME, SOURCE = "_step", "_timestamp", "_runtime", "_source"


@dataclass(frozen=True, slots=True)
class History:
    """Rows by source and step. ``steps`` (n,) int64, ``times`` (n,) float64 in seconds since the epoch, ``sources``
    of n names; ``columns`` by metric: values (n,) float64 and whether the row has one (n,) bool."""

    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    sources: list[str]
    columns: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]

    @classmethod
    def of(cls, series: Sequence[Series]) -> History:
        """The rows of all ``series``; a row's time is that of its latest value."""
        parts = [_of_source(source, series) for source in sorted({one.source for one in series})]
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0), [], {})
        names = list(dict.fromkeys(one.name for one in series))
        columns = {}
        for name in names:
            values = [part.columns[name][0] if name in part.columns else np.full(len(part), np.nan) for part in parts]
            known = [part.columns[name][1] if name in part.columns else np.zeros(len(part), bool) for part in parts]
            columns[name] = np.concatenate(values), np.concatenate(known)
        steps, times = np.concatenate([part.steps for part in parts]), np.concatenate([part.times for part in parts])
        return cls(steps, times, [source for part in parts for source in part.sources], columns)

    def __len__(self) -> int:
        return len(self.steps)

    def having(self, keys: Sequence[str]) -> History:
        """The rows that have every key, with these columns only."""
        kept = np.ones(len(self), bool)
        for key in keys:
            kept &= self.columns[key][1] if key in self.columns else False
        part = self._taken(np.flatnonzero(kept))
        return History(part.steps, part.times, part.sources, {key: part.columns[key] for key in keys if len(part)})

    def thinned(self, samples: int | None) -> History:
        """At most ``samples`` rows, evenly spread, the first and the last among them. Raises InputError below 1."""
        if samples is None:
            return self
        if samples < 1:
            raise InputError(
                f"samples is {samples}.", remedy="Use a positive number, or None for all.", field="samples"
            )
        if len(self) <= samples:
            return self
        return self._taken(np.unique(np.linspace(0, len(self) - 1, samples).round().astype(np.int64)))

    def sorted_by(self, name: str) -> History:
        """The rows that have a metric, by it."""
        if name not in self.columns:
            return self._taken(np.zeros(0, np.int64))
        values, known = self.columns[name]
        rows = np.flatnonzero(known)
        return self._taken(rows[np.argsort(values[rows], kind="stable")])

    def rows(self, started_s: float) -> Iterator[dict[str, Any]]:
        """Each row with the values that it has; ``_source`` where several processes logged."""
        several = len(set(self.sources)) > 1
        columns = [(name, values.tolist(), known.tolist()) for name, (values, known) in self.columns.items()]
        for at, (step, time) in enumerate(zip(self.steps.tolist(), self.times.tolist(), strict=True)):
            row: dict[str, Any] = {STEP: step, TIMESTAMP: time, RUNTIME: time - started_s}
            if several:
                row[SOURCE] = self.sources[at]
            row.update((name, values[at]) for name, values, known in columns if known[at])
            yield row

    def table(self, started_s: float) -> dict[str, Any]:
        """Columns for a table; NaN where a row has no value."""
        found: dict[str, Any] = {STEP: self.steps, TIMESTAMP: self.times, RUNTIME: self.times - started_s}
        if len(set(self.sources)) > 1:
            found[SOURCE] = self.sources
        return {**found, **{name: values for name, (values, _) in self.columns.items()}}

    def _taken(self, rows: NDArray[np.int64]) -> History:
        columns = {name: (values[rows], known[rows]) for name, (values, known) in self.columns.items()}
        return History(self.steps[rows], self.times[rows], [self.sources[row] for row in rows.tolist()], columns)


def _of_source(source: str, series: Sequence[Series]) -> History:
    mine = [one for one in series if one.source == source]
    steps = np.unique(np.concatenate([one.steps for one in mine]))
    times = np.zeros(len(steps))
    columns = {}
    for one in mine:
        rows = np.searchsorted(steps, one.steps)
        values, known = np.full(len(steps), np.nan), np.zeros(len(steps), bool)
        values[rows], known[rows] = one.values, True
        times[rows] = np.maximum(times[rows], one.times_ns / 1e9)
        columns[one.name] = values, known
    return History(steps, times, [source] * len(steps), columns)
