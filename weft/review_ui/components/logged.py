"""The component of what runs log besides numbers: media, histograms, tables. It reads from the API by itself."""

from __future__ import annotations

from collections.abc import Sequence

from weft.review_ui import style
from weft.review_ui.components.assets import renderer

PANELS = (
    "media",
    "small_charts",
    "space",
    "logged_values",
    "media_panel",
    "histogram_panel",
    "table_panel",
    "logged_panels",
)
_SHARED = ("values", "whisker", "actions", "colours", "bands", "curves", "plot", "chart_menu", "board", "panels")


def logged_of(run_ids: Sequence[str], project: str) -> None:
    """Show what these runs logged besides numbers: pictures with a slider over steps, histograms, tables."""
    data = {"runs": list(run_ids), "project": project, "palette": list(style.palette())}
    renderer("logged", *_SHARED, *PANELS)(key=f"logged-{'-'.join(run_ids)}", data=data)
