"""The judge against people as plotly figures: whether its values mean what they say, and whether it keeps to that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from weft.review_ui import style
from weft.reviews.quality import Period
from weft.statistics import Aggregate, Calibration

CONFIG: dict[str, Any] = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
_HEIGHT = 280


def calibration(found: Calibration, low: float, high: float) -> go.Figure:
    """What the judge said on average in each bin of its values against what people said, with its interval; on the
    dashed line both would be equal. The size of a point grows with its cases."""
    bins = found.bins
    drawn = _empty("Calibration", "what the judge said", "what people said")
    drawn.add_trace(_line([low, high], [low, high]))
    most = max((one.labelled.n for one in bins), default=1)
    sizes = [6 + 10 * (one.labelled.n / most) ** 0.5 for one in bins]
    drawn.add_trace(_points([one.judged for one in bins], [one.labelled for one in bins], sizes))
    drawn.update_xaxes(range=[low - 0.02, high + 0.02])
    drawn.update_yaxes(range=[low - 0.04, high + 0.04])
    return drawn


def over_time(periods: Sequence[Period]) -> go.Figure:
    """The share of equal verdicts by day."""
    drawn = _empty("Agreement of judge and people", "day (UTC)", "share of cases")
    drawn.add_trace(_points([one.day for one in periods], [one.agreement for one in periods], 8))
    drawn.update_yaxes(range=[-0.04, 1.04])
    drawn.update_xaxes(type="category")
    return drawn


def _points(x: Sequence[Any], figures: Sequence[Aggregate], size: Any) -> go.Scatter:
    values = [figure.value for figure in figures]
    up = [0.0 if f.high is None or f.value is None else f.high - f.value for f in figures]
    down = [0.0 if f.low is None or f.value is None else f.value - f.low for f in figures]
    return go.Scatter(
        x=list(x),
        y=values,
        mode="markers",
        marker={"size": size, "color": _colour()},
        error_y={"type": "data", "array": up, "arrayminus": down, "thickness": 1.2, "width": 3, "color": _colour()},
        customdata=[[figure.n, figure.low, figure.high] for figure in figures],
        hovertemplate="%{x}: %{y:.3g} [%{customdata[1]:.3g}, %{customdata[2]:.3g}], n=%{customdata[0]}<extra></extra>",
        showlegend=False,
    )


def _line(x: Sequence[float], y: Sequence[float]) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, mode="lines", line={"dash": "dash", "width": 1, "color": _soft()}, hoverinfo="skip", showlegend=False
    )


def _empty(title: str, x: str, y: str) -> go.Figure:
    drawn = go.Figure()
    drawn.update_layout(
        title={"text": title, "font": {"size": 13}, "x": 0, "xanchor": "left", "y": 0.98},
        height=_HEIGHT,
        margin={"l": 56, "r": 12, "t": 30, "b": 40},
        xaxis={"title": {"text": x, "font": {"size": 11}, "standoff": 4}, "zeroline": False, "showgrid": False},
        yaxis={"title": {"text": y, "font": {"size": 11}, "standoff": 4}, "zeroline": False},
    )
    return drawn


def _colour() -> str:
    return style.SERIES[style.theme()][0]


def _soft() -> str:
    return style.SERIES[style.theme()][7]
