"""The components of runs: their table with charts, and charts alone. They read from the API by themselves; the address
says what they show."""

from __future__ import annotations

from collections.abc import Sequence

from weft.review_ui import style
from weft.review_ui.components.assets import renderer
from weft.review_ui.components.logged import PANELS

CHARTS = (
    *("values", "whisker", "actions", "colours", "bands", "curves", "plot", "chart_menu", "board"),
    *("metric_names", "moments", "panels"),
)
DRAWN = ("scales", "chart", "parallel", "importance_bars")


def charts_of(run_ids: Sequence[str], *, system: bool = False) -> None:
    """Show a panel for each metric of these runs; with ``system`` for each sample of the machines they ran on."""
    data = {"runs": list(run_ids), "palette": list(style.palette()), "system": system}
    key = "system" if system else "charts"
    renderer("charts", *CHARTS, "chart_tools")(key=f"{key}-{'-'.join(run_ids)}", data=data)


def runs_page(project: str) -> None:
    """Show the runs of a project."""
    parts = (
        *CHARTS,
        *PANELS,
        *DRAWN,
        "chart_tools",
        "runs_fields",
        "panes",
        "virtual_rows",
        "runs_table",
        "runs_tools",
        "configs",
        "relations",
    )
    renderer("runs", *parts)(key=f"runs-{project}", data={"project": project, "palette": list(style.palette())})
