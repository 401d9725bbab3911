"""Where one answer came from: span, model artifact, training run, dataset version."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from rich.tree import Tree

from weft.errors import NotFoundError
from weft.records import LineageEdge, NodeKind, Span
from weft.repositories import Store


def answer_tree(store: Store, project: str, trace_id: str) -> Tree:
    """The lineage of a trace's first model call as a tree. Raises NotFoundError where no model was called in it."""
    calls = [span for span in store.spans.get_trace(trace_id) if span.kind == "llm"]
    if not calls:
        raise NotFoundError(f"No model was called in the trace {trace_id}.")
    answered = calls[0]
    root = Tree(_of_span(answered))
    if answered.model_version is None:
        root.add(Text(f"answered by {answered.model}, a hosted model: nothing here says what it learned from"))
        return root
    graph = store.artifacts.lineage(project, NodeKind.ARTIFACT, answered.model_version)
    into: dict[tuple[NodeKind, str], list[LineageEdge]] = {}
    for edge in graph.upstream:
        into.setdefault((edge.target_kind, edge.target), []).append(edge)
    waiting = [(root, NodeKind.ARTIFACT, answered.model_version, "answered by")]
    seen: set[tuple[NodeKind, str]] = set()
    while waiting:
        parent, kind, name, relation = waiting.pop(0)
        branch = parent.add(_of_node(store, project, kind, name, relation))
        if (kind, name) in seen:
            continue
        seen.add((kind, name))
        waiting.extend(
            (branch, e.source_kind, e.source, _RELATIONS.get(e.relation, e.relation))
            for e in into.get((kind, name), [])
        )
    return root


_RELATIONS = {"produced": "made by", "used": "which used"}


def _of_span(span: Span) -> Text:
    text = Text("span ", style="dim")
    text.append(span.name, style="bold")
    return text.append(f"  {span.span_id}, answered {answer_of(span.output)!r}")


def answer_of(output: Any) -> str:
    """The text of a chat answer as instrumentation records it, or what stands there instead, on one line."""
    message = output[0] if isinstance(output, list) and output else output
    if isinstance(message, dict):
        parts = message.get("parts") or []
        message = message.get("content") or " ".join(str(p.get("content", "")) for p in parts if isinstance(p, dict))
    return " ".join(str(message).split())[:60]


def _of_node(store: Store, project: str, kind: NodeKind, name: str, relation: str) -> Text:
    text = Text(f"{relation} ", style="dim")
    if kind is NodeKind.ARTIFACT:
        version = store.artifacts.get_version(project, name)
        text.append(f"{version.type} {version.ref}", style="bold")
        return text.append(
            f"  {version.digest[:12]}" + (f", {version.examples:,} examples" if version.examples else "")
        )
    run = store.runs.find_run(name)
    text.append(f"{kind} {name}", style="bold")
    return text.append("" if run is None else f"  {run.name} ({run.kind}, {run.status})")
