"""The graph of lineage: layered from left to right, expanded by a click; it asks the API for what is further away."""

from __future__ import annotations

from dataclasses import asdict

from weft.registry.graph import Graph
from weft.review_ui.components.assets import renderer


def lineage_graph(graph: Graph, *, project: str, key: str, height: int = 420) -> None:
    """Draw a graph, its first node in the middle; ``project`` is where the walk began."""
    data = {**asdict(graph), "project": project, "height": height}
    renderer("lineage")(key=f"lineage-{key}", data=data)
