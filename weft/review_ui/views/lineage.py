"""Lineage: what led to this, and what did it lead to?"""

from __future__ import annotations

from weft.registry.graph import graph_of, start_of
from weft.review_ui import data, ui
from weft.review_ui.components.lineage import lineage_graph

_HEIGHT = 640
_DEPTH = 3


def page() -> None:
    """The graph around the node that the address names."""
    node = ui.parameter("node") or ui.parameter("ref")
    if not node:
        ui.empty(
            "No node is named in this address.",
            'import weft\ngraph = weft.Api().lineage("my-model:v1")\nprint(graph.upstream, graph.downstream)',
        )
        return
    store = data.store()
    start = start_of(store, data.project(), node)
    graph = graph_of(store, start, depth=_DEPTH, most=500)
    first = graph.nodes[0]
    ui.head("Lineage", f"{first.type} {first.title}")
    lineage_graph(graph, project=start.project, key=f"page-{node}", height=_HEIGHT)
    ui.keys({"arrows": "move", "e": "expand", "enter": "open", "0": "fit"})
    ui.python(f'graph = weft.Api().lineage({ui.quoted(start.name)}, {ui.quoted(start.project)}, "{start.kind}")')
