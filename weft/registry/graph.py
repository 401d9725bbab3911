"""Lineage as a graph to look at: nodes with what is known of each, edges, a tree both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft import formatting as fmt
from weft import ids
from weft.errors import InputError, WeftError
from weft.records import (
    ArtifactVersion,
    Deployment,
    LineageEdge,
    NodeKind,
    RegistryVersion,
    Run,
    RunQuery,
    SpanQuery,
)
from weft.repositories import Store

Key = tuple[str, str, str]  # project ("" of the registry's), kind, name
_FIGURES = 3
# What is recorded beside the figures that a run is about: the machine, and `run.watch`.
_BESIDE = ("system/", "gradients", "parameters")


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its key, a title, what it is, when it came to be, key figures by name, the path of its page.

    One that is not ``known`` is named by an edge and by nothing else.
    """

    project: str
    kind: str
    name: str
    title: str
    type: str
    time_ns: int | None = None
    figures: dict[str, str] = field(default_factory=dict)
    page: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    known: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` fed into ``target``; both are places in the list of nodes."""

    source: int
    target: int
    relation: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes, the first of which is the one that was asked for, and edges between them."""

    nodes: list[Node]
    edges: list[Edge]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a walk begins: a node, and the project that it is looked for in."""

    project: str
    kind: NodeKind
    name: str


def start_of(store: Store, project: str, text: str) -> Start:
    """The node of ``run:ID``, ``span:TRACE:SPAN``, ``trace:ID``, ``queue:NAME``, ``deployment:ENV/NAME:v3``,
    ``registry/NAME:stage`` or a reference to an artifact.

    Raises InputError for an empty text, NotFoundError for an unknown version, run or queue.
    """
    kind, found, name = text.partition(":")
    if not text or (found and not name):
        raise InputError(
            f"{text!r} names nothing.",
            remedy="Write an artifact (name:v3), run:ID, registry/NAME:production, span:TRACE:SPAN or trace:ID.",
            field="node",
        )
    if text.startswith("registry/") or (kind == "registry" and found):
        version = store.registry.get_version(text.removeprefix("registry/").removeprefix("registry:"))
        return Start(version.project, NodeKind.REGISTRY, version.node)
    if kind == "run" and found:
        run = store.runs.get_run(name)
        return Start(run.project, NodeKind.RUN, run.run_id)
    if kind in ("span", "trace", "queue", "deployment") and found:
        _check_trace(kind, name)
        return Start(project, NodeKind(kind), name)
    name = name if kind == "artifact" and found and not _is_tag(store, project, text) else text
    return Start(project, NodeKind.ARTIFACT, store.artifacts.get_version(project, name).ref)


def _is_tag(store: Store, project: str, text: str) -> bool:
    """Whether ``artifact:x`` names a version of an artifact that is called so."""
    try:
        store.artifacts.get_version(project, text)
    except WeftError:
        return False
    return True


def _check_trace(kind: str, name: str) -> None:
    trace_id, _, span_id = name.partition(":")
    if kind == "span" and not (ids.is_trace_id(trace_id) and ids.is_span_id(span_id)):
        raise InputError(f"{name!r} is no span.", remedy="Write span:TRACE:SPAN, both ids in hex.", field="node")
    if kind == "trace" and not ids.is_trace_id(name):
        raise InputError(f"{name!r} is no trace.", remedy="Write trace:ID, 32 hex digits.", field="node")


def graph_of(store: Store, start: Start, *, depth: int | None = 2, most: int = 1000) -> Graph:
    """The graph around a node, at most ``depth`` steps away both ways and ``most`` nodes, the nearest."""
    found = store.artifacts.lineage(start.project, start.kind, start.name, depth=depth)
    first = _key(start.project, start.kind, start.name)
    order: dict[Key, int] = {first: 0}
    edges: dict[tuple[Key, Key, str], LineageEdge] = {}
    for edge in [*found.upstream, *found.downstream]:
        source = _key(edge.project, edge.source_kind, edge.source)
        target = _key(edge.project, edge.target_kind, edge.target)
        if len(order) + (source not in order) + (target not in order) > most:
            continue
        order.setdefault(source, len(order))
        order.setdefault(target, len(order))
        edges.setdefault((source, target, edge.relation), edge)
    nodes = described(store, list(order))
    drawn = [Edge(order[s], order[t], relation, edge.time_ns) for (s, t, relation), edge in edges.items()]
    return Graph(nodes, drawn)


def tree_lines(graph: Graph, *, upstream: bool) -> list[tuple[int, str, Node, bool]]:
    """One direction as a tree: depth, relation, node, and whether it stands elsewhere already (its branch is not told
    again)."""
    ends: dict[int, list[tuple[str, int]]] = {}
    for edge in graph.edges:
        near, far = (edge.target, edge.source) if upstream else (edge.source, edge.target)
        ends.setdefault(near, []).append((edge.relation, far))
    lines: list[tuple[int, str, Node, bool]] = []
    told = {0}
    stack = [(1, relation, far) for relation, far in reversed(ends.get(0, []))]
    while stack:
        depth, relation, place = stack.pop()
        again = place in told
        lines.append((depth, relation, graph.nodes[place], again))
        if not again:
            told.add(place)
            stack += [(depth + 1, more, far) for more, far in reversed(ends.get(place, []))]
    return lines


def described(store: Store, keys: Sequence[Key]) -> list[Node]:
    """Nodes with what the store knows of each, in this order."""
    runs = _runs(store, [name for _, kind, name in keys if kind == NodeKind.RUN])
    versions = _versions(store, keys)
    registered = _registered(store, [name for _, kind, name in keys if kind == NodeKind.REGISTRY])
    deployed = _deployed(store, {project for project, kind, _ in keys if kind == NodeKind.DEPLOYMENT})
    makers: dict[str, Callable[[Key], Node]] = {
        NodeKind.RUN: lambda key: _run_node(key, runs.get(key[2])),
        NodeKind.ARTIFACT: lambda key: _artifact_node(key, versions.get((key[0], key[2]))),
        NodeKind.REGISTRY: lambda key: _registry_node(key, registered.get(key[2])),
        NodeKind.DEPLOYMENT: lambda key: _deployment_node(key, deployed.get((key[0], key[2]))),
        NodeKind.TRACE: lambda key: _trace_node(store, key),
        NodeKind.SPAN: lambda key: _span_node(store, key),
        NodeKind.QUEUE: lambda key: Node(*key, key[2], "review queue", page="/review", parameters={"queue": key[2]}),
    }
    return [makers[key[1]](key) for key in keys]


def _key(project: str, kind: NodeKind, name: str) -> Key:
    return ("" if kind is NodeKind.REGISTRY else project, str(kind.value), name)


def _runs(store: Store, run_ids: Sequence[str]) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for at in range(0, len(run_ids), 200):
        part = list(run_ids[at : at + 200])
        found |= {run.run_id: run for run in store.runs.list_runs(RunQuery(run_ids=part, limit=200)).items}
    return found


def _versions(store: Store, keys: Iterable[Key]) -> dict[tuple[str, str], ArtifactVersion]:
    names = {(project, name.partition(":")[0]) for project, kind, name in keys if kind == NodeKind.ARTIFACT}
    return {
        (project, version.ref): version
        for project, name in names
        for version in store.artifacts.list_versions(project, name)
    }


def _registered(store: Store, nodes: Sequence[str]) -> dict[str, RegistryVersion]:
    found: dict[str, RegistryVersion] = {}
    for name in dict.fromkeys(node.partition(":")[0] for node in nodes):
        try:
            found |= {version.node: version for version in store.registry.list_versions(name)}
        except WeftError:  # an edge outlives what it leads to
            continue
    return found


def _deployed(store: Store, projects: Iterable[str]) -> dict[tuple[str, str], Deployment]:
    return {
        (project, f"{one.environment}/{one.ref}"): one
        for project in projects
        for one in reversed(store.deployments.list_deployments(project, current=False))
    }


def _run_node(key: Key, run: Run | None) -> Node:
    if run is None:
        return Node(*key, key[2], "run", page="/run", parameters={"id": key[2]}, known=False)
    figures = {"status": run.status.value}
    for name, value in run.summary.items():
        if len(figures) > _FIGURES:
            break
        if isinstance(value, int | float) and not isinstance(value, bool) and not name.startswith(_BESIDE):
            figures[name] = fmt.number(value)
    page = "/evaluation" if run.kind.value == "eval" else "/run"
    kind = {"eval": "evaluation", "train": "training run"}.get(run.kind.value, f"{run.kind.value} run")
    return Node(*key, run.name, kind, run.started_at_ns, figures, page, {"id": run.run_id})


def _artifact_node(key: Key, version: ArtifactVersion | None) -> Node:
    place: dict[str, Any] = {"page": "/artifact", "parameters": {"ref": key[2]}}
    if version is None:
        return Node(*key, key[2], "artifact", known=False, **place)
    figures = {}
    size = getattr(version, "size_bytes", None) or sum(file.size_bytes for file in version.files)
    if version.examples:
        figures["examples"] = fmt.count(version.examples)
    if size:
        figures["size"] = fmt.size(size)
    if version.aliases:
        figures["aliases"] = ", ".join(version.aliases)
    return Node(*key, version.ref, version.type, version.created_ns, figures, **place)


def _registry_node(key: Key, version: RegistryVersion | None) -> Node:
    name = key[2].partition(":")[0]
    place: dict[str, Any] = {"page": "/registry", "parameters": {"name": name}}
    if version is None:
        return Node(*key, key[2], "registered", known=False, **place)
    figures = {"stage": version.stage or "none", "is": version.artifact, "in project": version.project}
    return Node(*key, version.node, "registered", version.created_ns, figures, **place)


def _deployment_node(key: Key, one: Deployment | None) -> Node:
    if one is None:
        return Node(*key, key[2], "deployment", known=False)
    figures = {"serves": "now" if one.ended_ns is None else f"until {fmt.moment(one.ended_ns)}"}
    if one.host:
        figures["host"] = one.host
    return Node(*key, key[2], "deployment", one.started_ns, figures)


def _trace_node(store: Store, key: Key) -> Node:
    found = store.spans.list_traces(SpanQuery(trace_id=key[2], limit=1)).items
    place: dict[str, Any] = {"page": "/trace", "parameters": {"id": key[2]}}
    if not found:
        return Node(*key, key[2][:12], "trace", known=False, **place)
    root = found[0].root
    figures = {"spans": fmt.count(found[0].spans), "latency": fmt.duration(root.duration_ns)}
    return Node(*key, root.name, "trace", root.start_ns, figures, **place)


def _span_node(store: Store, key: Key) -> Node:
    trace_id, _, span_id = key[2].partition(":")
    span = store.spans.find_span(trace_id, span_id)
    place: dict[str, Any] = {"page": "/trace", "parameters": {"id": trace_id, "span": span_id}}
    if span is None:
        return Node(*key, span_id, "span", known=False, **place)
    figures = {"latency": fmt.duration(span.duration_ns)}
    if span.model:
        figures["model"] = span.model
    return Node(*key, span.name, "span", span.start_ns, figures, **place)
