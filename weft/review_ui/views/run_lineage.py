"""What a run used and made: artifacts, with the graph around it."""

from __future__ import annotations

from weft import formatting as fmt
from weft.errors import NotFoundError
from weft.records import ArtifactVersion, LineageEdge, NodeKind, Run
from weft.registry.graph import Start, graph_of
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.components.lineage import lineage_graph

_COLUMNS = [
    Column("Artifact", "28%"),
    Column("Type", "110px"),
    Column("Aliases", "18%", low=True),
    Column("Files", "80px", "r", low=True),
    Column("Size", "96px", "r"),
    Column("As", "110px"),
    Column("When", "124px"),
]


def lineage(run: Run) -> None:
    """Artifacts that the run used, those that it made, and the graph."""
    found = data.store().artifacts.lineage(run.project, NodeKind.RUN, run.run_id, depth=1)
    used = [e for e in found.upstream if e.target == run.run_id and e.source_kind == NodeKind.ARTIFACT]
    made = [e for e in found.downstream if e.source == run.run_id and e.target_kind == NodeKind.ARTIFACT]
    if not used and not made:
        ui.empty("The run used and made no artifacts.", _CODE)
        return
    listed("Used", used, [e.source for e in used], run)
    listed("Made", made, [e.target for e in made], run)
    graph = graph_of(data.store(), Start(run.project, NodeKind.RUN, run.run_id), depth=2, most=60)
    if graph.edges:
        ui.section("Where it stands")
        lineage_graph(graph, project=run.project, key=f"run-{run.run_id}", height=320)
        href = address("/lineage", node=f"run:{run.run_id}", project=run.project)
        ui.links({"The graph as a page of its own": href})


_CODE = """import weft
with weft.init("my-project") as run:
    folder = run.use_artifact("questions:latest").download()
    model = weft.Artifact("answerer", type="model")
    model.add_file("weights.npz")
    run.log_artifact(model, aliases=["best"])"""


def listed(title: str, edges: list[LineageEdge], refs: list[str], run: Run) -> None:
    """One way of the lineage as a table."""
    ui.section(f"{title} ({fmt.count(len(refs))})")
    if not refs:
        ui.note(f"The run {'used' if title == 'Used' else 'made'} none.")
        return
    rows = []
    for edge, ref in zip(edges, refs, strict=True):
        version = _find(run.project, ref)
        href = address("/artifact", ref=ref, project=run.project)
        cells: list[Cell | str | None] = [Cell(ref, href=href)]
        if version is None:
            cells += [None, None, None, None]
        else:
            cells += [
                version.type,
                ", ".join(version.aliases),
                Cell(fmt.count(version.file_count), value=version.file_count),
                Cell(fmt.size(version.size_bytes), value=version.size_bytes),
            ]
        when = Cell(ui.ago(edge.time_ns), hover=ui.moment(edge.time_ns), value=float(edge.time_ns or 0))
        rows.append(Row([*cells, edge.relation, when], href=href))
    table(_COLUMNS, rows, key=f"artifacts-{title.lower()}", keys=False, csv=False)


def _find(project: str, ref: str) -> ArtifactVersion | None:
    try:
        return data.store().artifacts.get_version(project, ref)
    except NotFoundError:  # deleted since: its name still stands in the lineage
        return None
