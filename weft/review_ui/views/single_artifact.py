"""One artifact: where did it come from, who uses it?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from weft import formatting as fmt
from weft.records import ArtifactVersion, LineageEdge, NodeKind, SpanQuery
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table

_PAGES = {
    NodeKind.RUN: ("/run", "id"),
    NodeKind.ARTIFACT: ("/artifact", "ref"),
    NodeKind.TRACE: ("/trace", "id"),
    NodeKind.QUEUE: ("/review", "queue"),
}


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
    ui.head(version.ref, version.type, version.digest[:16])
    ui.facts(
        {
            "Aliases": ", ".join(version.aliases) or None,
            "Created": ui.moment(version.created_ns),
            "Examples": fmt.count(version.examples) if version.examples else None,
            "Size": fmt.size(sum(f.size_bytes for f in version.files)) if version.files else None,
        }
    )
    if version.description:
        ui.note(version.description)
    graph = artifacts.lineage(version.project, NodeKind.ARTIFACT, version.ref)
    names = {
        run.run_id: f"{run.name} ({run.run_id})"
        for edge in [*graph.upstream, *graph.downstream]
        for kind, name in ((edge.source_kind, edge.source), (edge.target_kind, edge.target))
        if kind == NodeKind.RUN and (run := data.store().runs.find_run(name)) is not None
    }
    left, right = st.columns(2)
    with left:
        ui.show(ui.element("div", class_="w-pane"))
        ui.section("Where it came from")
        lineage(graph.upstream, version, names, "upstream")
    with right:
        ui.show(ui.element("div", class_="w-pane"))
        ui.section("Who uses it")
        lineage(graph.downstream, version, names, "downstream")
    if version.type == "model":
        calls(version)
    ui.section("Versions")
    versions(artifacts.list_versions(version.project, version.name), version)
    if version.files:
        ui.section("Files")
        table(
            [Column("Path"), Column("Size", "100px", "r"), Column("Digest", "160px", mono=True)],
            [
                Row([f.path, Cell(fmt.size(f.size_bytes), value=f.size_bytes), Cell(f.digest[:16], hover=f.digest)])
                for f in version.files
            ],
            key="files",
            keys=False,
        )
    if version.examples:
        examples(version)
    if version.metadata:
        ui.section("Metadata")
        ui.pairs(version.metadata)
    ui.keys({"j k": "move in the versions", "enter": "open"}, back=address("/artifacts", project=version.project))
    ui.python(f'run = weft.init("{version.project}")\nartifact = run.use_artifact("{version.ref}")')


def lineage(edges: Sequence[LineageEdge], version: ArtifactVersion, names: dict[str, str], way: str) -> None:
    """The edges of one direction, nearest first."""
    if not edges:
        ui.note("Nothing recorded.")
        return

    def cell(kind: NodeKind, name: str) -> Cell:
        word = f"{kind.value} {names.get(name, name)}"
        if kind not in _PAGES or name == version.ref:
            return Cell(word)
        path, parameter = _PAGES[kind]
        return Cell(word, href=address(path, **{parameter: name}, project=version.project))

    rows = [
        Row([cell(edge.source_kind, edge.source), edge.relation, cell(edge.target_kind, edge.target)]) for edge in edges
    ]
    columns = [Column("From"), Column("Relation", "90px"), Column("To")]
    table(columns, rows, key=f"lineage-{way}", keys=False, csv=False)


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


def versions(found: Sequence[ArtifactVersion], current: ArtifactVersion) -> None:
    """All versions of the artifact, this one marked."""
    rows = [
        Row(
            [
                Cell(f"v{v.version}", href=address("/artifact", ref=v.ref, project=v.project), value=v.version),
                ", ".join(v.aliases),
                Cell(ui.ago(v.created_ns), hover=ui.moment(v.created_ns), value=float(v.created_ns)),
                Cell(v.digest[:16], hover=v.digest),
                v.run_id,
            ],
            href=address("/artifact", ref=v.ref, project=v.project),
            current=v.version == current.version,
        )
        for v in sorted(found, key=lambda v: -v.version)
    ]
    columns = [
        Column("Version", "80px"),
        Column("Aliases"),
        Column("Created", "130px"),
        Column("Digest", "160px", mono=True),
        Column("Made by run", "130px", mono=True),
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
