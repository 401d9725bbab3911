"""One artifact: where did it come from, who uses it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft import formatting as fmt
from weft.records import ArtifactVersion, NodeKind, SpanQuery
from weft.registry.graph import Graph, Start, graph_of
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.components.lineage import lineage_graph
from weft.review_ui.views.artifact_files import against, files


def page() -> None:
    """A version with its files, the other versions, and its lineage both ways."""
    ref = ui.parameter("ref")
    if not ref:
        ui.empty(
            "No artifact is named in this address.",
            "import weft\nfor artifact in weft.Api().artifacts():\n    print(artifact.ref)",
        )
        return
    artifacts = data.store().artifacts
    version = artifacts.get_version(data.project(), ref)
    known = artifacts.list_versions(version.project, version.name)
    ui.head(version.ref, version.type, version.digest[:16])
    ui.facts(
        {
            "Aliases": ", ".join(version.aliases) or None,
            "Tags": ", ".join(version.tags) or None,
            "Created": ui.when(version.created_ns),
            "Expires": None if version.expires_ns is None else ui.when(version.expires_ns),
            "Examples": fmt.count(version.examples) if version.examples else None,
            "Files": fmt.count(version.file_count) if version.file_count else None,
            "Size": fmt.size(version.size_bytes) if version.size_bytes else None,
        }
    )
    if version.description:
        ui.note(version.description)
    registered(version)
    ui.section("Where it came from, and who uses it")
    start = Start(version.project, NodeKind.ARTIFACT, version.ref)
    graph = graph_of(data.store(), start, depth=2, most=60)
    if graph.edges:
        lineage_graph(graph, project=version.project, key=version.ref, height=340)
        node = f"artifact:{version.ref}"
        ui.links({"The graph as a page of its own": address("/lineage", node=node, project=version.project)})
    else:
        ui.note("No run made or used it.")
    neighbours(graph)
    if version.type == "model":
        calls(version)
    ui.section(f"Versions ({fmt.count(len(known))})")
    versions(known, version)
    against(version, known)
    files(version)
    if version.examples:
        examples(version)
    if version.metadata:
        ui.section("Metadata")
        ui.pairs(version.metadata)
    ui.keys({"j k": "move in the versions", "enter": "open"}, back=address("/artifacts", project=version.project))
    project, ref = ui.quoted(version.project), ui.quoted(version.ref)
    ui.python(f"run = weft.init({project})\nartifact = run.use_artifact({ref})")


def registered(version: ArtifactVersion) -> None:
    """What it is in the registry."""
    for link in data.store().registry.list_links(version.project, version.ref):
        stage = f"in {link.stage}, since {ui.ago(link.staged_ns)}" if link.stage else "in no stage"
        href = address("/registry", name=link.name, project=version.project)
        ui.links({f"Registered as {link.name} v{link.version}, {stage}": href})


def neighbours(graph: Graph) -> None:
    """What is linked with it directly, in words."""
    rows = []
    for edge in graph.edges:
        if 0 not in (edge.source, edge.target):
            continue
        other = graph.nodes[edge.target if edge.source == 0 else edge.source]
        href = address(other.page, **other.parameters, project=other.project or data.project()) if other.page else None
        words = f"{edge.relation} →" if edge.source == 0 else f"← {edge.relation}"
        figures = ", ".join(f"{name} {value}" for name, value in other.figures.items())
        when = Cell(ui.ago(other.time_ns), hover=ui.moment(other.time_ns), value=float(other.time_ns or 0))
        rows.append(Row([words, Cell(other.title, href=href), other.type, figures, when], href=href))
    if rows:
        columns = [Column("", "116px"), Column("What", "28%"), Column("Type", "120px"), Column("Figures", low=True)]
        table([*columns, Column("When", "124px")], rows, key="neighbours", keys=False, csv=False)


def calls(version: ArtifactVersion) -> None:
    """The newest calls that this model answered, and how many there are."""
    query = SpanQuery(project=version.project, model_version=version.ref, limit=10)
    total = data.store().spans.totals(query)
    if not total["spans"]:
        return
    ui.section("Calls it answered")
    ui.facts(
        {
            "Calls": fmt.count(total["spans"]),
            "Errors": fmt.count(total["errors"]),
            "Latency p50": fmt.duration(total["latency_p50_ns"]),
            "p95": fmt.duration(total["latency_p95_ns"]),
        }
    )
    rows = []
    for span in data.store().spans.list_spans(query).items:
        href = address("/trace", id=span.trace_id, span=span.span_id)
        rows.append(
            Row(
                [
                    Cell(ui.ago(span.start_ns), hover=ui.moment(span.start_ns), value=float(span.start_ns)),
                    Cell(span.name, href=href),
                    Cell(span.status.value, status=span.status.value),
                    Cell(fmt.duration(span.duration_ns), value=span.duration_ns),
                    fmt.line(span.input),
                    fmt.line(span.output),
                ],
                href=href,
            )
        )
    columns = [Column("Time", "124px"), Column("Name", "18%"), Column("Status", "96px"), Column("Latency", "84px", "r")]
    table([*columns, Column("Input"), Column("Output", low=True)], rows, key="calls", keys=False)


def made_by(version: ArtifactVersion, names: Mapping[str, str]) -> Cell | None:
    """The run that made a version, by its name."""
    if not version.run_id:
        return None
    href = address("/run", id=version.run_id, project=version.project)
    return Cell(names.get(version.run_id, version.run_id), hover=version.run_id, href=href)


def versions(found: Sequence[ArtifactVersion], current: ArtifactVersion) -> None:
    """All versions of the artifact, this one marked."""
    names = data.run_names(version.run_id for version in found)
    rows = [
        Row(
            [
                Cell(f"v{v.version}", href=address("/artifact", ref=v.ref, project=v.project), value=v.version),
                ", ".join(v.aliases) or None,
                made_by(v, names),
                Cell(ui.ago(v.created_ns), hover=ui.moment(v.created_ns), value=float(v.created_ns)),
                Cell(v.digest[:16], hover=v.digest),
            ],
            href=address("/artifact", ref=v.ref, project=v.project),
            current=v.version == current.version,
        )
        for v in sorted(found, key=lambda v: -v.version)
    ]
    columns = [
        Column("Version", "80px"),
        Column("Aliases"),
        Column("Made by run", "22%"),
        Column("Created", "130px"),
        Column("Digest", "160px", mono=True, low=True),
    ]
    table(columns, rows, key="versions")


def examples(version: ArtifactVersion) -> None:
    """The first examples of a dataset."""
    found = data.store().artifacts.list_examples(version.project, version.ref, limit=50).items
    names = list(dict.fromkeys(name for example in found for name in example.data))[:5]
    ui.section(f"Examples (the first {len(found)})")
    table(
        [Column("Id", "110px", mono=True), Column("Split", "70px"), *(Column(name) for name in names)],
        [
            Row([Cell(e.example_id[:12], hover=e.example_id), e.split, *(fmt.line(e.data.get(name)) for name in names)])
            for e in found
        ],
        key="examples",
        keys=False,
    )
