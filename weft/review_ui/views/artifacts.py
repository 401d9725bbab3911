"""Artifacts: what has been made, in which version."""

from __future__ import annotations

from weft import formatting as fmt
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table

_COLUMNS = [
    Column("Name"),
    Column("Type", "110px"),
    Column("Newest", "76px"),
    Column("Aliases", "18%"),
    Column("Size", "90px", "r"),
    Column("Examples", "90px", "r"),
    Column("Created", "120px"),
    Column("Made by run", "130px", mono=True, low=True),
]
_CODE = """import weft
with weft.init("my-project", kind="train") as run:
    run.log_artifact(weft.Artifact("weights", "model"))"""


def page() -> None:
    """The newest version of each artifact."""
    ui.head("Artifacts")
    with ui.filters():
        kind = ui.filter_choice("Type", "type", ["dataset", "model", "prompt", "evaluation", "files"])
    found = data.store().artifacts.list_artifacts(data.project(), type=kind or None)
    if not found:
        ui.note("No artifact of this type.") if kind else ui.empty(
            "No artifacts have been logged in this project yet.", _CODE
        )
        return
    rows = []
    for version in found:
        href = address("/artifact", ref=version.ref, project=version.project)
        size = sum(file.size_bytes for file in version.files) if version.files else None
        rows.append(
            Row(
                [
                    Cell(version.name, href=href),
                    version.type,
                    Cell(f"v{version.version}", value=version.version),
                    ", ".join(version.aliases),
                    Cell(fmt.size(size), value=size),
                    Cell(fmt.count(version.examples or None), value=version.examples or None),
                    Cell(
                        ui.ago(version.created_ns),
                        hover=ui.moment(version.created_ns),
                        value=float(version.created_ns),
                    ),
                    version.run_id,
                ],
                href=href,
            )
        )
    table(_COLUMNS, rows, key="artifacts")
    ui.keys({"j k": "move", "enter": "open"})
    ui.python(f'artifacts = weft.Api().artifacts(project="{data.project()}")')
