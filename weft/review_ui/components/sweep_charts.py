"""The charts of a sweep: which scripts they are made of. Their page feeds them with its model."""

from __future__ import annotations

DRAWING = ("scales", "chart", "parallel", "point_chart", "importance_bars", "surface")
SWEEP_CHARTS = (
    "sweep_trials",
    "sweep_parallel",
    "sweep_importance",
    "sweep_slices",
    "sweep_contours",
    "sweep_front",
    "sweep_charts",
)
SHARED = ("values", "whisker", "actions", "colours", "plot", "chart_menu")  # in front of both
