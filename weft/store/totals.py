"""Totals over spans by group, computed from the spans themselves: exact, and as slow as there are spans to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Double, case, cast, func, select

from weft.errors import InputError
from weft.records import Totals
from weft.store import histogram
from weft.store import tables as t
from weft.store.database import Database

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
COLUMNS = ("model", "name", "kind", "user_id", "run_id", "thread_id", "provider", "model_version", "status")
KEYS = ("day", "hour", *COLUMNS)
SUMS = ("input_tokens", "output_tokens", "cached_tokens", "cost_usd")
_QUANTILES = (0.5, 0.95, 0.99)

Group = tuple[Any, ...]


@dataclass(slots=True)
class Figures:
    """What is known of a group of spans. ``sums`` are those of :data:`SUMS`, None where no span has the figure.

    Latencies stand as a histogram, or as ``quantiles`` where they were computed from the durations themselves.
    """

    spans: int = 0
    errors: int = 0
    sums: list[float | None] = field(default_factory=lambda: [None] * len(SUMS))
    latencies: histogram.Counts | None = None
    quantiles: Sequence[float | None] | None = None

    def add(self, other: Figures) -> None:
        """Count the spans of another group too; both hold histograms."""
        self.spans += other.spans
        self.errors += other.errors
        for place, value in enumerate(other.sums):
            mine = self.sums[place]
            self.sums[place] = value if mine is None else mine if value is None else mine + value
        if self.latencies is None or other.latencies is None:
            self.latencies = other.latencies if self.latencies is None else self.latencies
        else:
            self.latencies = self.latencies + other.latencies

    def totals(self, keys: dict[str, str | None]) -> Totals:
        """The record of it."""
        quantiles = self.quantiles or (None,) * len(_QUANTILES)
        p50, p95, p99 = (None if value is None else round(value) for value in quantiles)
        input_tokens, output_tokens, cached_tokens = (None if one is None else round(one) for one in self.sums[:3])
        return Totals(
            keys,
            spans=self.spans,
            errors=self.errors,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
            cost_usd=self.sums[3],
            latency_p50_ns=p50,
            latency_p95_ns=p95,
            latency_p99_ns=p99,
        )


def checked_keys(by: Sequence[str]) -> tuple[str, ...]:
    """What to group by, each once. Raises InputError where there is no such key."""
    for name in by:
        if name not in KEYS:
            raise InputError(
                f"Totals cannot be grouped by {name!r}.", remedy=f"Use any of {', '.join(KEYS)}.", field="by"
            )
    return tuple(dict.fromkeys(by))


def total(column: ColumnElement[Any]) -> ColumnElement[float | None]:
    """A sum that no figures overflow; whole numbers are exact up to 2**53."""
    return func.sum(cast(column, Double))


def figures_of_spans(
    database: Database,
    connection: Connection,
    filters: Sequence[ColumnElement[bool]],
    keys: Mapping[str, ColumnElement[Any]],
    *,
    exact: bool,
) -> dict[Group, Figures]:
    """Figures of each group of the spans that pass ``filters``; ``exact``: quantiles and not histograms."""
    c = t.spans.c
    columns = [key.label(f"key_{name}") for name, key in keys.items()]
    in_sql = exact and not database.sqlite
    sums: list[ColumnElement[Any]] = [func.count(), func.sum(case((c.status == "error", 1), else_=0))]
    sums += [total(c[name]) for name in SUMS]
    if in_sql:
        ended = case((c.duration_ns >= 0, c.duration_ns))
        sums += [func.percentile_cont(q).within_group(ended) for q in _QUANTILES]
    width, end = len(columns), len(columns) + 2 + len(SUMS)
    found: dict[Group, Figures] = {}
    for row in connection.execute(select(*columns, *sums).where(*filters).group_by(*columns)):
        spans, errors = row[width : width + 2]
        figures = Figures(spans, int(errors or 0), list(row[width + 2 : end]), quantiles=(None,) * len(_QUANTILES))
        if in_sql:
            figures.quantiles = row[end:]
        found[tuple(row[:width])] = figures
    if not in_sql:
        for group, durations in _durations(connection, filters, columns).items():
            if exact:
                found[group].quantiles = np.quantile(durations, _QUANTILES).tolist()
            else:
                found[group].latencies = histogram.of_durations(durations)
    if not exact:
        for figures in found.values():
            figures.quantiles = None
    return found


def _durations(
    connection: Connection, filters: Sequence[ColumnElement[bool]], columns: Sequence[ColumnElement[Any]]
) -> dict[Group, Any]:
    duration = t.spans.c.duration_ns
    groups: dict[Group, list[int]] = {}
    width = len(columns)
    for row in connection.execute(select(*columns, duration).where(*filters, duration >= 0)):
        groups.setdefault(tuple(row[:width]), []).append(row[width])
    return {group: np.array(found, dtype=np.int64) for group, found in groups.items()}


def records(found: Mapping[Group, Figures], by: Sequence[str]) -> list[Totals]:
    """The records of groups, sorted by their keys; groups without a value come first."""
    counted = [figures for figures in found.values() if figures.latencies is not None]
    if counted:
        latencies = np.stack([figures.latencies for figures in counted if figures.latencies is not None])
        for figures, quantiles in zip(counted, histogram.quantiles(latencies, _QUANTILES), strict=True):
            figures.quantiles = quantiles
    return in_order(
        [
            figures.totals({name: written(name, value) for name, value in zip(by, group, strict=True)})
            for group, figures in found.items()
        ]
    )


def in_order(found: list[Totals]) -> list[Totals]:
    """Totals sorted by their keys."""
    return sorted(found, key=lambda one: [(value is not None, value or "") for value in one.keys.values()])


def written(name: str, value: Any) -> str | None:
    """The value of a group's key: days and hours as ``2026-11-21`` and ``2026-11-21T13``, UTC."""
    if name == "day":
        return datetime.fromtimestamp(value * 86_400, UTC).strftime("%Y-%m-%d")
    if name == "hour":
        return datetime.fromtimestamp(value * 3_600, UTC).strftime("%Y-%m-%dT%H")
    text: str | None = value
    return text


def period(column: ColumnElement[int], length_ns: int) -> ColumnElement[int]:
    """The number of the hour or day that a time lies in, since 1970, rounded down before it too."""
    return case((column >= 0, column // length_ns), else_=-1 - (-1 - column) // length_ns)


def key_of_spans(name: str, status: ColumnElement[str]) -> ColumnElement[Any]:
    """What spans are grouped by; ``status`` is the one that is read."""
    c = t.spans.c
    if name in {"day", "hour"}:
        return period(c.start_ns, DAY_NS if name == "day" else HOUR_NS)
    return status if name == "status" else c[name]
