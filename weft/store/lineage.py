"""Lineage: what leads to a node and what it leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, tuple_

from weft.errors import InputError
from weft.otlp.names import WEFT_PROMPT
from weft.records import LineageEdge, LineageGraph, NodeKind
from weft.store import tables as t
from weft.store import values as v
from weft.store.keys import coded

EDGE_COLUMNS = tuple(column.name for column in t.edges.columns)
_BATCH = 200
_Node = tuple[str, str]


def edge_row(edge: LineageEdge) -> tuple[Any, ...]:
    """The columns of an edge. Raises InputError naming the field that is wrong."""
    try:
        return (
            v.project_name(edge.project),
            NodeKind(edge.source_kind).value,
            v.identifier(edge.source, "source"),
            v.identifier(edge.relation, "relation"),
            NodeKind(edge.target_kind).value,
            v.identifier(edge.target, "target"),
            v.int64(edge.time_ns, "time_ns"),
        )
    except ValueError as error:
        raise InputError(f"The lineage edge cannot be stored: {error}.", field="edge") from None


def closure(connection: Connection, project: str, kind: NodeKind, name: str) -> LineageGraph:
    """All edges reachable from a node against and along their direction, each once, nearest first."""
    c = t.edges.c
    start = (kind.value, name)
    answered = _answered(connection, project, kind, name)
    upstream = _walk(
        [start, *((edge.source_kind.value, edge.source) for edge in answered)],
        lambda nodes: _edges(connection, project, (c.target_kind, c.target), nodes),
        lambda edge: (edge.source_kind.value, edge.source),
    )
    downstream = _walk(
        [start],
        lambda nodes: _edges(connection, project, (c.source_kind, c.source), nodes),
        lambda edge: (edge.target_kind.value, edge.target),
    )
    return LineageGraph(kind, name, [*answered, *upstream], downstream)


def _walk(
    starts: Sequence[_Node],
    step: Callable[[Sequence[_Node]], list[LineageEdge]],
    far_end: Callable[[LineageEdge], _Node],
) -> list[LineageEdge]:
    seen_nodes = set(starts)
    found: dict[tuple[Any, ...], LineageEdge] = {}
    front = list(starts)
    while front:
        following: list[_Node] = []
        for at in range(0, len(front), _BATCH):
            for edge in step(front[at : at + _BATCH]):
                key = (edge.source_kind, edge.source, edge.relation, edge.target_kind, edge.target)
                found.setdefault(key, edge)
                node = far_end(edge)
                if node not in seen_nodes:
                    seen_nodes.add(node)
                    following.append(node)
        front = following
    return list(found.values())


def _edges(
    connection: Connection, project: str, ends: tuple[ColumnElement[Any], ...], nodes: Sequence[_Node]
) -> list[LineageEdge]:
    c = t.edges.c
    query = (
        select(t.edges)
        .where(c.project == project, tuple_(*ends).in_(list(nodes)))
        .order_by(c.time_ns, c.source_kind, c.source, c.relation, c.target_kind, c.target)
    )
    return [
        LineageEdge(
            row.project,
            NodeKind(row.source_kind),
            row.source,
            row.relation,
            NodeKind(row.target_kind),
            row.target,
            row.time_ns,
        )
        for row in connection.execute(query)
    ]


def _answered(connection: Connection, project: str, kind: NodeKind, name: str) -> list[LineageEdge]:
    """The edges from the model versions that answered a span or trace and the prompts that were asked, which no table
    holds."""
    if kind not in {NodeKind.SPAN, NodeKind.TRACE}:
        return []
    c = t.spans.c
    trace_id, _, span_id = name.partition(":")
    query = select(c.span_id, c.parent_span_id, c.model_version, c.facets, c.start_ns).where(
        c.project == project, c.trace_id == trace_id
    )
    rows = connection.execute(query.order_by(c.start_ns, c.span_id)).all()
    inside = {span_id} if kind is NodeKind.SPAN else {row.span_id for row in rows}
    parents = {row.span_id: row.parent_span_id for row in rows}
    found: dict[str, LineageEdge] = {}
    for row in rows:
        known = {"answered": row.model_version, "prompted": _prompt(row.facets)}
        known = {relation: ref for relation, ref in known.items() if ref is not None and ref not in found}
        if not known:
            continue
        place, steps = row.span_id, 0
        while place is not None and place not in inside and steps < len(parents):
            place, steps = parents.get(place), steps + 1
        if place in inside:
            for relation, ref in known.items():
                found[ref] = LineageEdge(project, NodeKind.ARTIFACT, ref, relation, kind, name, row.start_ns)
    return list(found.values())


def _prompt(facets: str | None) -> str | None:
    """The version of the prompt that a span's attributes name."""
    if facets is None or f'"{coded(WEFT_PROMPT)}"' not in facets:
        return None
    ref = v.members(facets).get(WEFT_PROMPT)
    return ref if isinstance(ref, str) else None
