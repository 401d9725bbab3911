"""Artifacts: what has been made, in which version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft import formatting as fmt
from weft.records import ArtifactVersion, RegistryVersion
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.views.single_artifact import made_by

_COLUMNS = [
    Column("Name"),
    Column("Type", "84px"),
    Column("Newest", "76px"),
    Column("Aliases and tags", "12%", low=True),
    Column("Registry", "14%"),
    Column("Files", "64px", "r", low=True),
    Column("Size", "86px", "r", low=True),
    Column("Examples", "84px", "r", low=True),
    Column("Created", "118px"),
    Column("Made by run", "14%", low=True),
]
_CODE = """import weft
with weft.init("my-project", kind="train") as run:
    run.log_artifact(weft.Artifact("weights", "model"))"""


def page() -> None:
    """The newest version of each artifact, filtered by type and words."""
    ui.head("Artifacts", data.project())
    every = data.store().artifacts.list_artifacts(data.project())
    if not every:
        ui.empty("No artifacts have been logged in this project yet.", _CODE)
        return
    types = sorted({version.type for version in every})
    with ui.filters():
        words = ui.filter_text("Search", "q", "Search names, aliases, tags", width=320)
        kind = ui.filter_choice("Type", "type", types)
    found = [version for version in every if _matches(version, words, kind)]
    if not found:
        ui.note("No artifact matches.")
        return
    size = sum(version.size_bytes for version in found)
    more = "" if len(found) == len(every) else f" of {fmt.count(len(every))}"
    ui.facts({"Artifacts": f"{fmt.count(len(found))}{more}", "Size of the newest versions": fmt.size(size)})
    linked = _registered(data.project())
    names = data.run_names(version.run_id for version in found)
    table(_COLUMNS, [_row(version, linked.get(version.name, ()), names) for version in found], key="artifacts")
    ui.keys({"j k": "move", "enter": "open"})
    ui.python(f"artifacts = weft.Api().artifacts(project={ui.quoted(data.project())})")


def _matches(version: ArtifactVersion, words: str, kind: str) -> bool:
    told = " ".join([version.name, version.type, *version.aliases, *version.tags, version.description or ""]).lower()
    return (not kind or version.type == kind) and all(word in told for word in words.lower().split())


def _registered(project: str) -> dict[str, list[RegistryVersion]]:
    """What is in a stage, by the name of the artifact."""
    found: dict[str, list[RegistryVersion]] = {}
    for standing in data.store().registry.list_standings():
        version = standing.version
        if version.project == project and standing.stage != "archived":
            found.setdefault(version.artifact.rpartition(":")[0], []).append(version)
    return found


def _row(version: ArtifactVersion, linked: Sequence[RegistryVersion], names: Mapping[str, str]) -> Row:
    href = address("/artifact", ref=version.ref, project=version.project)
    told = ", ".join(f"{one.stage} {one.artifact.rpartition(':')[2]}" for one in linked)
    registry = None
    if linked:
        registry = Cell(told, href=address("/registry", name=linked[0].name, project=version.project))
    return Row(
        [
            Cell(version.name, href=href),
            version.type,
            Cell(f"v{version.version}", value=version.version),
            ", ".join([*version.aliases, *(f"#{tag}" for tag in version.tags)]) or None,
            registry,
            Cell(fmt.count(version.file_count or None), value=version.file_count or None),
            Cell(fmt.size(version.size_bytes or None), value=version.size_bytes or None),
            Cell(fmt.count(version.examples or None), value=version.examples or None),
            Cell(ui.ago(version.created_ns), hover=ui.moment(version.created_ns), value=float(version.created_ns)),
            made_by(version, names),
        ],
        href=href,
    )
