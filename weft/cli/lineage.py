"""`weft lineage`: what led to a thing, and what it led to, as a tree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from weft.api import Api
from weft.cli.output import console, print_json
from weft.cli.places import elsewhere
from weft.errors import NotFoundError
from weft.formatting import ago
from weft.registry.graph import Graph, Node, graph_of, start_of, tree_lines

_MOST = 5000


def lineage(
    node: Annotated[
        str, typer.Argument(help="name:v3, run:ID, registry/NAME:production, span:TRACE:SPAN, trace:ID, queue:NAME.")
    ],
    project: Annotated[str | None, typer.Option("--project", "-p", help="The project.")] = None,
    depth: Annotated[int | None, typer.Option("--depth", "-d", min=1, help="At most so many steps away.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what led to an artifact, run, span or deployment, and what it led to."""
    with Api() as api:
        try:
            start = start_of(api.store, api.project(project), node)
        except NotFoundError as error:
            raise (error if project else elsewhere(api, error, node)) from None
        graph = graph_of(api.store, start, depth=depth, most=_MOST)
    if as_json:
        print_json(asdict(graph))
        return
    terminal = console()
    for title, upstream in (("Where it came from", True), ("What it led to", False)):
        terminal.print(_tree(graph, title, upstream=upstream))


def _tree(graph: Graph, title: str, *, upstream: bool) -> Tree:
    root = Tree(Text.assemble(_told(graph.nodes[0]), (f"  {title.lower()}", "dim")))
    lines = tree_lines(graph, upstream=upstream)
    if not lines:
        root.add(Text("nothing is recorded", style="dim"))
    branches = [root]
    for depth, relation, node, again in lines:
        arrow = "←" if upstream else "→"
        told = Text.assemble((f"{arrow} {relation} ", "dim"), _told(node), (" (see above)" if again else "", "dim"))
        del branches[depth:]
        branches.append(branches[-1].add(told))
    return root


def _told(node: Node) -> Text:
    figures = ", ".join(f"{name} {value}" for name, value in node.figures.items())
    more = [node.type, *([ago(node.time_ns)] if node.time_ns else []), *([figures] if figures else [])]
    name = node.title if node.title == node.name else f"{node.title} {node.name}"
    known = "" if node.known else ", not stored"
    return Text.assemble((name, "bold"), (f"  {' · '.join(more)}{known}", ""))
