"""The components of sweeps: their list, and the page of one. They read from the API by themselves."""

from __future__ import annotations

from weft.review_ui import style
from weft.review_ui.components.assets import renderer
from weft.review_ui.components.sweep_charts import DRAWING, SHARED, SWEEP_CHARTS

_TOLD = ("sweep_marks", "sweep_editor", "sweep_head")
_OWN = (
    "sweep_model",
    *_TOLD,
    "virtual_rows",
    "sweep_table",
    "sweep_best",
    "sweep_progress",
    "sweep_space",
    "sweep_winner",
)


def sweeps_list(project: str) -> None:
    """Show the sweeps of a project."""
    parts = (*SHARED, "run_part", "runs_fields", *_TOLD)
    renderer("sweeps", *parts)(key=f"sweeps-{project}", data={"project": project})


def sweep_page(sweep_id: str) -> None:
    """Show one sweep."""
    parts = (*SHARED, "run_part", "runs_fields", "bands", "curves", "board", "panes", *DRAWING, *_OWN, *SWEEP_CHARTS)
    data = {"sweep": sweep_id, "palette": list(style.palette())}
    renderer("sweep", *parts)(key=f"sweep-{sweep_id}", data=data)
