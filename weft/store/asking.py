"""A query's expression beside its filters: what a filter can say becomes one, the rest are conditions.

Indexes, sums by hour and the word index serve filters; so they serve expressions too.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Connection

from weft import clock, query
from weft.query import Field, Moment, Node
from weft.records import SpanQuery
from weft.store import tables as t
from weft.store.database import Database
from weft.store.where import COLUMNS, Where, fields_of

_INT64 = 2**63
_EQUAL = ("run", "name", "kind", "status", "model", "model_version", "thread", "user")


def asked(database: Database, connection: Connection, query_: SpanQuery) -> tuple[SpanQuery, list[ColumnElement[bool]]]:
    """A query without its expression, and the conditions on spans that say the rest of it.

    What the query's own filters can say becomes one: they are what indexes, sums and word lists serve.
    """
    if query_.where is None:
        return query_, []
    compiler = Where(database, connection)
    found, rest = _narrowed(replace(query_, where=None), query.parse(query_.where), whole=True)
    return found, [compiler.holds(part, t.spans.c) for part in rest]


def asked_of_traces(
    database: Database, connection: Connection, query_: SpanQuery
) -> tuple[SpanQuery, list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """As :func:`asked`, for traces of which a span satisfies the expression: the conditions on that span, and those
    on the trace itself."""
    if query_.where is None:
        return query_, [], []
    compiler = Where(database, connection)
    found, rest = _narrowed(replace(query_, where=None), query.parse(query_.where), whole=False)
    of_spans = [compiler.holds(part, t.spans.c) for part in rest if _speaks_of_span(part)]
    return found, of_spans, [compiler.holds(part, t.traces.c) for part in rest if not _speaks_of_span(part)]


def _narrowed(asked_: SpanQuery, node: Node, *, whole: bool) -> tuple[SpanQuery, list[Node]]:
    rest: list[Node] = []
    now_ns = clock.now_ns()
    for part in node.parts if isinstance(node, query.And) else (node,):
        change = _as_filter(asked_, part, now_ns, whole)
        if change:
            asked_ = replace(asked_, **change)
        else:
            rest.append(part)
    return asked_, rest


def _as_filter(asked_: SpanQuery, part: Node, now_ns: int, whole: bool) -> dict[str, Any]:
    """The filter of the query that says the same as ``part``; nothing where there is none or it is taken.

    ``whole``: of spans. Of traces, times, duration and cost filter the trace.
    """
    if isinstance(part, query.Contains) and part.field == Field("text") and asked_.text is None:
        return {"text": part.text}
    if not isinstance(part, query.Compare) or isinstance(part.value, Field):
        return {}
    field, op, value = part.field, part.op, part.value
    if field.name == "attributes" and field.of == "span" and op == "==" and not isinstance(value, Fraction | Moment):
        known = asked_.attributes or {}
        return {} if field.key in known else {"attributes": {**known, field.key or "": value}}
    if field.of == "span" and field.name in (*_EQUAL, *(("project", "trace") if whole else ())) and op == "==":
        name = COLUMNS.get(field.name, field.name)
        return {name: value} if getattr(asked_, name) is None else {}
    if field.of != ("span" if whole else "trace"):
        return {}
    name = field.name.removeprefix("trace.")
    limit: tuple[str, Any] | None = None
    if name == "start" and isinstance(value, Moment):
        ns = value.at(now_ns)
        limit = {
            ">=": ("start_after_ns", ns),
            ">": ("start_after_ns", ns + 1),
            "<": ("start_before_ns", ns),
            "<=": ("start_before_ns", ns + 1),
        }.get(op)
    elif name == "duration_s" and isinstance(value, Fraction) and value >= 0 and op in {">", ">="}:
        limit = "min_duration_ns", math.ceil(value) if op == ">=" else math.floor(value) + 1
    elif name == "cost_usd" and isinstance(value, int | float) and op in {">", ">="}:
        limit = "min_cost_usd", float(value) if op == ">=" else math.nextafter(value, math.inf)
    if limit is None or getattr(asked_, limit[0]) is not None or not -_INT64 <= limit[1] < _INT64:
        return {}
    return {limit[0]: limit[1]}


def _speaks_of_span(node: Node) -> bool:
    return any(field.of == "span" for field in fields_of(node))
