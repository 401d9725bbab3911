"""Lineage: what leads to a node and what it leads to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, tuple_

from weft import clock
from weft.errors import InputError
from weft.otlp.names import WEFT_PROMPT
from weft.records import LineageEdge, LineageGraph, NodeKind
from weft.records.registry import RegistryVersion
from weft.store import tables as t
from weft.store import values as v
from weft.store.keys import coded
from weft.store.rows import AT

EDGE_COLUMNS = tuple(column.name for column in t.edges.columns)
_BATCH = 200
_Node = tuple[str, str, str]
_REGISTRY = "registry/"
_VERSION = re.compile(r"(?:registry/)?[^:/]+:v\d{1,18}")


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


def closure(
    connection: Connection, project: str, kind: NodeKind, name: str, *, depth: int | None = None
) -> LineageGraph:
    """All edges reachable from a node against and along their direction, each once, nearest first; with ``depth``, at
    most so many steps away. A version in the registry is one node for all projects: the walk crosses them there."""
    c = t.edges.c
    start = _node(project, kind.value, name)
    answered = _answered(connection, project, kind, name)
    up = _Walk((c.target_kind, c.target), lambda edge: (edge.source_kind.value, edge.source), _parents)
    down = _Walk((c.source_kind, c.source), lambda edge: (edge.target_kind.value, edge.target), _children)
    sources = [_node(project, edge.source_kind.value, edge.source) for edge in answered]
    more = [] if depth is not None and depth < 2 and answered else up.reach(connection, [start, *sources], depth)
    return LineageGraph(kind, name, [*answered, *more], down.reach(connection, [start], depth))


def _node(project: str, kind: str, name: str) -> _Node:
    return ("" if kind == NodeKind.REGISTRY.value else project, kind, name)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One direction: the columns of the near end, the far end of an edge, the edges of runs that no table holds."""

    near: tuple[ColumnElement[Any], ColumnElement[Any]]
    far: Callable[[LineageEdge], tuple[str, str]]
    of_runs: Callable[[Connection, str, Sequence[str]], list[LineageEdge]]

    def reach(self, connection: Connection, starts: Sequence[_Node], depth: int | None) -> list[LineageEdge]:
        """Every edge within reach."""
        seen = set(starts)
        found: dict[tuple[Any, ...], LineageEdge] = {}
        front, steps = list(starts), 0
        while front and (depth is None or steps < depth):
            following: list[_Node] = []
            for edge in self._step(connection, front):
                key = (edge.project, edge.source_kind, edge.source, edge.relation, edge.target_kind, edge.target)
                found.setdefault(key, edge)
                node = _node(edge.project, *self.far(edge))
                if node not in seen:
                    seen.add(node)
                    following.append(node)
            front, steps = following, steps + 1
        return list(found.values())

    def _step(self, connection: Connection, front: Sequence[_Node]) -> Iterator[LineageEdge]:
        by_project: dict[str, list[tuple[str, str]]] = {}
        for project, kind, name in front:
            by_project.setdefault(project, []).append((kind, name))
        for project, nodes in by_project.items():
            for at in range(0, len(nodes), _BATCH):
                part = nodes[at : at + _BATCH]
                yield from _edges(connection, project, self.near, part)
                runs = [name for kind, name in part if kind == NodeKind.RUN.value]
                if runs:
                    yield from self.of_runs(connection, project, runs)


def _edges(
    connection: Connection, project: str, ends: tuple[ColumnElement[Any], ...], nodes: Sequence[tuple[str, str]]
) -> list[LineageEdge]:
    """The edges at one end of which the nodes are; of nodes of no project (the registry's) those of every project."""
    c = t.edges.c
    if project:
        query = select(t.edges).where(c.project == project, tuple_(*ends).in_(list(nodes)))
    else:
        query = select(t.edges).where(ends[0] == NodeKind.REGISTRY.value, ends[1].in_([name for _, name in nodes]))
    query = query.order_by(c.time_ns, c.project, c.source_kind, c.source, c.relation, c.target_kind, c.target)
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


def _parents(connection: Connection, project: str, runs: Sequence[str]) -> list[LineageEdge]:
    """The edges from the runs that began these."""
    c = t.runs.c
    return _began(connection, project, (c.run_id.in_(list(runs)), c.parent_run_id.is_not(None)))


def _children(connection: Connection, project: str, runs: Sequence[str]) -> list[LineageEdge]:
    """The edges to the runs that these began."""
    return _began(connection, project, (t.runs.c.parent_run_id.in_(list(runs)),))


def _began(connection: Connection, project: str, where: tuple[ColumnElement[bool], ...]) -> list[LineageEdge]:
    c = t.runs.c
    query = select(c.run_id, c.parent_run_id, c.started_at_ns).where(c.project == project, *where)
    return [
        LineageEdge(project, NodeKind.RUN, row.parent_run_id, "began", NodeKind.RUN, row.run_id, row.started_at_ns)
        for row in connection.execute(query.order_by(c.started_at_ns, c.run_id))
    ]


def answered_rows(spans: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The rows of edges from the model versions that answered in a run to it, of rows of spans."""
    project, run_id, version, start = (AT[name] for name in ("project", "run_id", "model_version", "start_ns"))
    found = []
    for row in spans:
        ref = row[version]
        if ref is None or row[run_id] is None or not _VERSION.fullmatch(ref):
            continue
        found.append((row[project], *_source(ref), "answered", NodeKind.RUN.value, row[run_id], row[start]))
    return found


def _source(ref: str) -> tuple[str, str]:
    """The node that a reference to a model or prompt names: its kind and name."""
    if ref.startswith(_REGISTRY):
        return NodeKind.REGISTRY.value, ref.removeprefix(_REGISTRY)
    return NodeKind.ARTIFACT.value, ref


def folded(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows of edges, each once with its earliest time, sorted: PostgreSQL locks rows in the order given."""
    earliest: dict[tuple[Any, ...], int] = {}
    for *key, time_ns in rows:
        edge = tuple(key)
        earliest[edge] = min(time_ns, earliest.get(edge, time_ns))
    return [(*edge, time_ns) for edge, time_ns in sorted(earliest.items())]


def use_rows(
    project: str, ref: str, known: RegistryVersion | None, relation: str, run_id: str
) -> list[tuple[Any, ...]]:
    """The rows of edges from a version to a run of ``project``. One out of the registry (``known``) is noted as such:
    there the walk crosses projects; under its own name only in its own project."""
    sources = [] if known is None else [(NodeKind.REGISTRY, known.node)]
    if known is None or known.project == project:
        sources.append((NodeKind.ARTIFACT, ref))
    now = clock.now_ns()
    return [edge_row(LineageEdge(project, *source, relation, NodeKind.RUN, run_id, now)) for source in sources]


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
                source, node = _source(ref)
                found[ref] = LineageEdge(project, NodeKind(source), node, relation, kind, name, row.start_ns)
    return list(found.values())


def _prompt(facets: str | None) -> str | None:
    """The version of the prompt that a span's attributes name."""
    if facets is None or f'"{coded(WEFT_PROMPT)}"' not in facets:
        return None
    ref = v.members(facets).get(WEFT_PROMPT)
    return ref if isinstance(ref, str) else None
