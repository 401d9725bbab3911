"""Sums over spans by group and hour, kept in the transaction that changes the spans: totals without looking at them.

A group is what spans have in common: project, name, kind, model, provider, model version, status. A span that is
replaced or deleted is taken out of its sums again, so that they are always what the spans say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, case, cast, func, literal, select

from weft.records import SpanQuery, SpanStatus, dumps
from weft.store import histogram
from weft.store import tables as t
from weft.store.database import Database
from weft.store.totals import HOUR_NS, SUMS, Figures, Group, period, total

GROUP = ("project", "name", "kind", "model", "provider", "model_version", "status")
KEYS = frozenset({"day", "hour", *GROUP})
# What is counted of a span, in this order.
COUNTED = (*GROUP, "start_ns", "duration_ns", "input_tokens", "output_tokens", "cached_tokens", "cost_usd")
_RUNNING = "running"
_HOUR_COLUMNS = tuple(column.name for column in t.span_hours.columns)
_LARGEST = 2**63 - 1
_FILTERS = ("project", "name", "kind", "model", "model_version")
_ENDED = (SpanStatus.UNSET, SpanStatus.OK, SpanStatus.ERROR)
_OTHERS = (
    "run_id",
    "trace_id",
    "thread_id",
    "user_id",
    "min_duration_ns",
    "min_cost_usd",
    "attributes",
    "text",
    "where",
)


class _Hour:
    """A row of ``span_hours`` while it is brought up to date."""

    __slots__ = ("counts", "latencies", "spans", "sums")

    def __init__(self, row: Any = None) -> None:
        self.spans = 0 if row is None else row.spans
        self.counts = [0] * 4 if row is None else [getattr(row, f"{name}_spans") for name in SUMS]
        self.sums = [0, 0, 0, 0.0] if row is None else [getattr(row, name) for name in SUMS]
        self.latencies: dict[int, int] = {} if row is None else histogram.unpack(row.latencies)

    def add(self, duration_ns: int, figures: Sequence[Any], sign: int) -> None:
        """Count a span (``sign`` 1) or take it out again (-1)."""
        self.spans += sign
        for place, value in enumerate(figures):
            if value is not None:
                self.counts[place] += sign
                self.sums[place] += sign * value
        if duration_ns >= 0:
            bucket = histogram.bucket(duration_ns)
            self.latencies[bucket] = self.latencies.get(bucket, 0) + sign

    def row(self, group_id: int, hour: int) -> tuple[Any, ...]:
        """The row as it is stored."""
        sums: list[Any] = []
        for count, value in zip(self.counts, self.sums, strict=True):
            kept = value if count else 0 * value  # what is left of floats that were added and taken out is no cost
            sums += [count, kept if isinstance(kept, float) else max(-_LARGEST, min(_LARGEST, kept))]
        return (group_id, hour, self.spans, *sums, histogram.pack(self.latencies))


def update(
    database: Database, connection: Connection, changes: Iterable[tuple[Sequence[Any] | None, Sequence[Any] | None]]
) -> None:
    """Bring the sums up to date with changes of spans: :data:`COUNTED` of the row before and after, None without."""
    groups: dict[int, tuple[Any, ...]] = {}
    wanted: dict[tuple[int, int], list[tuple[int, Sequence[Any], int]]] = {}
    for before, after in changes:
        for row, sign in ((before, -1), (after, 1)):
            if row is None:
                continue
            *head, start_ns, duration_ns = row[:9]
            if duration_ns < 0:
                head[6] = _RUNNING if head[6] != SpanStatus.ERROR else f"{_RUNNING} error"
            group = tuple(head)
            group_id = _group_id(group)
            groups[group_id] = group
            wanted.setdefault((group_id, start_ns // HOUR_NS), []).append((duration_ns, row[9:], sign))
    keys = sorted(wanted)
    found = database.lookup(connection, "span_hours", _HOUR_COLUMNS, ("group_id", "hour"), keys)
    hours = {(row.group_id, row.hour): _Hour(row) for row in found}
    for key, spans in wanted.items():
        hour = hours.setdefault(key, _Hour())
        for duration_ns, figures, sign in spans:
            hour.add(duration_ns, figures, sign)
    database.insert_new(
        connection, "span_groups", ("group_id", *GROUP), [(one, *groups[one]) for one in sorted(groups)]
    )
    there = {(row.group_id, row.hour) for row in found}
    rows = [(key in there, hours[key].row(*key)) for key in keys if hours[key].spans]
    database.insert_all(connection, "span_hours", _HOUR_COLUMNS, [row for old, row in rows if not old])
    known = [row for old, row in rows if old]
    database.upsert(connection, "span_hours", _HOUR_COLUMNS, ("group_id", "hour"), known)
    c = t.span_hours.c
    for group_id, at in sorted(key for key in keys if not hours[key].spans):
        connection.execute(t.span_hours.delete().where(c.group_id == group_id, c.hour == at))


@lru_cache(maxsize=16_384)
def _group_id(group: tuple[Any, ...]) -> int:
    return int.from_bytes(blake2b(dumps(group), digest_size=8).digest(), "big", signed=True)


def answers(query: SpanQuery, by: Sequence[str]) -> bool:
    """Whether the sums know what is asked: no filter or key beside those of groups, and whole hours in its time."""
    first, last = _whole_hours(query)
    return (
        not query.roots_only
        and all(getattr(query, name) in (None, {}, "") for name in _OTHERS)
        and query.status in {None, *_ENDED}
        and KEYS.issuperset(by)
        and (first is None or last is None or first < last)
    )


def rest(query: SpanQuery, by: Sequence[str]) -> list[SpanQuery]:
    """What :func:`figures` leaves out: the hours cut by the query's bounds, and open spans where status is asked."""
    first, last = _whole_hours(query)
    parts = []
    whole = query
    if first is not None:
        whole = replace(whole, start_after_ns=first * HOUR_NS)
        if whole.start_after_ns != query.start_after_ns:
            parts.append(replace(query, start_before_ns=whole.start_after_ns))
    if last is not None:
        whole = replace(whole, start_before_ns=last * HOUR_NS)
        if whole.start_before_ns != query.start_before_ns:
            parts.append(replace(query, start_after_ns=whole.start_before_ns))
    if "status" in by and query.status is None:
        parts += [replace(whole, status=status) for status in (SpanStatus.RUNNING, SpanStatus.INTERRUPTED)]
    return parts


def _whole_hours(query: SpanQuery) -> tuple[int | None, int | None]:
    """The first hour that lies wholly in the query's time, and the first one behind that does not; None: no bound."""
    after, before = query.start_after_ns, query.start_before_ns
    return (None if after is None else -(-after // HOUR_NS), None if before is None else before // HOUR_NS)


def figures(connection: Connection, query: SpanQuery, by: Sequence[str]) -> dict[Group, Figures]:
    """Figures of each group over the whole hours of the query. ``status`` as a key tells of ended spans only."""
    g, h = t.span_groups.c, t.span_hours.c
    conditions: list[ColumnElement[bool]] = [
        g[name] == getattr(query, name) for name in _FILTERS if getattr(query, name) is not None
    ]
    if query.status is not None:
        conditions.append(g.status == query.status)
    elif "status" in by:
        conditions.append(g.status.in_(_ENDED))
    first, last = _whole_hours(query)
    if first is not None:
        conditions.append(h.hour >= first)
    if last is not None:
        conditions.append(h.hour < last)
    keys = [_key(name).label(f"key_{name}") for name in by]
    joined = t.span_hours.join(t.span_groups, g.group_id == h.group_id)
    sums: list[ColumnElement[Any]] = [func.sum(h.spans), func.sum(case((g.status.like("%error"), h.spans), else_=0))]
    sums += [case((func.sum(h[f"{name}_spans"]) > 0, total(h[name]))) for name in SUMS]
    together = (
        cast(func.group_concat(h.latencies, ""), LargeBinary)  # of its bytes: a text of SQLite is as long as it is said
        if connection.dialect.name == "sqlite"
        else func.string_agg(h.latencies, literal(b"", LargeBinary))
    )
    width = len(keys)
    found: dict[Group, Figures] = {}
    packed: list[bytes] = []
    query_ = select(*keys, *sums, together).select_from(joined).where(*conditions).group_by(*keys)
    for row in connection.execute(query_):
        spans, errors, *rest, latencies = row[width:]
        if spans is not None:  # the one group of no keys is there even where nothing is
            found[tuple(row[:width])] = Figures(int(spans), int(errors), rest)
            packed.append(bytes(latencies or b""))
    counts = histogram.add_all(packed, range(len(packed)), len(packed))
    for group, latencies in zip(found.values(), counts, strict=True):
        group.latencies = latencies
    return found


def _key(name: str) -> ColumnElement[Any]:
    if name == "hour":
        return t.span_hours.c.hour
    if name == "day":
        return period(t.span_hours.c.hour, 24)
    return t.span_groups.c[name]
