"""Totals over spans, by group, computed from the spans themselves: exact, and as slow as there are spans to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, case, func, select

from weft.errors import InputError
from weft.records import Totals
from weft.store import tables as t
from weft.store.database import Database

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
COLUMNS = ("model", "name", "kind", "user_id", "run_id", "thread_id", "provider", "model_version", "status")
KEYS = ("day", "hour", *COLUMNS)
_QUANTILES = (0.5, 0.95, 0.99)


def checked_keys(by: Sequence[str]) -> tuple[str, ...]:
    """What to group by, each once. Raises InputError where there is no such key."""
    for name in by:
        if name not in KEYS:
            raise InputError(
                f"Totals cannot be grouped by {name!r}.", remedy=f"Use any of {', '.join(KEYS)}.", field="by"
            )
    return tuple(dict.fromkeys(by))


def totals_of_spans(
    database: Database,
    connection: Connection,
    filters: Sequence[ColumnElement[bool]],
    by: Sequence[str],
    status: ColumnElement[str],
) -> list[Totals]:
    """A :class:`Totals` for each group of the spans that pass ``filters``; ``status`` is the one that is read."""
    c = t.spans.c
    keys = [_key(name, status).label(f"key_{name}") for name in by]
    ended = case((c.duration_ns >= 0, c.duration_ns))
    sums: list[ColumnElement[Any]] = [
        func.count(),
        func.sum(case((c.status == "error", 1), else_=0)),
        func.sum(c.input_tokens),
        func.sum(c.output_tokens),
        func.sum(c.cached_tokens),
        func.sum(c.cost_usd),
    ]
    if not database.sqlite:
        sums += [func.percentile_cont(q).within_group(ended) for q in _QUANTILES]
    rows = connection.execute(select(*keys, *sums).where(*filters).group_by(*keys)).all()
    latencies: dict[tuple[Any, ...], Sequence[float]] = {}
    if database.sqlite:
        durations = connection.execute(select(*keys, c.duration_ns).where(*filters, c.duration_ns >= 0)).all()
        latencies = _quantiles(durations, len(keys))
    found = []
    for row in rows:
        group, figures = tuple(row[: len(keys)]), row[len(keys) :]
        quantiles = latencies.get(group, (None,) * 3) if database.sqlite else figures[6:]
        p50, p95, p99 = (None if value is None else round(value) for value in quantiles)
        input_tokens, output_tokens, cached_tokens = (None if v is None else int(v) for v in figures[2:5])
        found.append(
            Totals(
                {name: written(name, value) for name, value in zip(by, group, strict=True)},
                spans=figures[0],
                errors=int(figures[1] or 0),
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cached_tokens=cached_tokens,
                cost_usd=figures[5],
                latency_p50_ns=p50,
                latency_p95_ns=p95,
                latency_p99_ns=p99,
            )
        )
    return in_order(found)


def in_order(found: list[Totals]) -> list[Totals]:
    """Totals sorted by their keys; groups without a value come first."""
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


def _key(name: str, status: ColumnElement[str]) -> ColumnElement[Any]:
    c = t.spans.c
    if name in {"day", "hour"}:
        return period(c.start_ns, DAY_NS if name == "day" else HOUR_NS)
    return status if name == "status" else c[name]


def _quantiles(rows: Sequence[Any], keys: int) -> dict[tuple[Any, ...], Sequence[float]]:
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        groups.setdefault(tuple(row[:keys]), []).append(row[keys])
    return {
        group: [float(value) for value in np.quantile(np.array(durations, dtype=np.int64), _QUANTILES)]
        for group, durations in groups.items()
    }
