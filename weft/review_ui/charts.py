"""Curves of runs as plotly figures: axes labelled, one colour a run, the spread of the points behind the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from weft.records import Run, Series
from weft.repositories import Store
from weft.review_ui.style import DASHES

CONFIG: dict[str, Any] = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
_POINTS = 1200  # drawn one by one; of more, so many buckets:
_BUCKETS = 300
_HEIGHT = 240


def by_metric(
    store: Store, runs: Sequence[Run], colours: dict[str, str], *, system: bool = False
) -> dict[str, go.Figure]:
    """A figure for each metric of the runs, by name; the machine's samples apart from the run's own metrics."""
    series: dict[str, list[tuple[Run, Series]]] = {}
    for run in runs:
        names = sorted({row.name for row in store.series.list_series(run.run_id)})
        for name in names:
            if name.startswith("system/") == system:
                for part in store.series.read_series(run.run_id, name):
                    series.setdefault(name, []).append((run, part))
    return {name: figure(name, parts, colours) for name, parts in series.items()}


def figure(name: str, parts: Sequence[tuple[Run, Series]], colours: dict[str, str]) -> go.Figure:
    """One metric of some runs over the step; sources of one run differ by dash.

    Of many points the mean of neighbours is drawn, with the range from their least to their greatest behind it.
    """
    drawn = go.Figure()
    dashes: dict[str, int] = {}
    names = {run.run_id: run.name for run, _ in parts}
    for run, part in parts:
        dash = dashes.setdefault(run.run_id, 0)
        dashes[run.run_id] += 1
        thin = thinned(part)
        colour = colours[run.run_id]
        if len(part.steps) > len(thin.steps):
            drawn.add_trace(_band(thin, colour))
        twin = list(names.values()).count(run.name) > 1
        label = run.name + (f" {run.run_id[:6]}" if twin else "") + (f" {part.source}" if part.source else "")
        drawn.add_trace(
            go.Scatter(
                x=thin.steps,
                y=thin.values,
                name=plain(label),
                mode="lines" if len(thin.steps) > 1 else "markers",
                line={"color": colour, "width": 1.6, "dash": DASHES[dash % len(DASHES)]},
                hovertemplate="%{y:.6g}",
            )
        )
    drawn.update_layout(
        title={"text": plain(name), "font": {"size": 13}, "x": 0, "xanchor": "left", "y": 0.98},
        height=_HEIGHT,
        margin={"l": 56, "r": 12, "t": 30, "b": 36},
        hovermode="x unified",
        showlegend=len(names) > 1,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right", "font": {"size": 11}},
        xaxis={"title": {"text": "step", "font": {"size": 11}, "standoff": 4}, "zeroline": False, "showgrid": False},
        yaxis={"title": None, "zeroline": False, "tickfont": {"size": 11}},
    )
    return drawn


def _band(thin: Thin, colour: str) -> go.Scatter:
    return go.Scatter(
        x=np.concatenate([thin.steps, thin.steps[::-1]]),
        y=np.concatenate([thin.high, thin.low[::-1]]),
        fill="toself",
        fillcolor=colour,
        opacity=0.22,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


@dataclass(frozen=True, slots=True)
class Thin:
    """A series as it is drawn: mean, least and greatest value of each bucket of neighbours, by its first step."""

    steps: Any
    values: Any
    low: Any
    high: Any


def thinned(part: Series) -> Thin:
    """The points as they are, or of many the buckets of about equal length that have a finite value."""
    n = len(part.steps)
    if n <= _POINTS:
        return Thin(part.steps, part.values, part.values, part.values)
    starts = np.linspace(0, n, _BUCKETS, endpoint=False, dtype=np.int64)
    known = np.isfinite(part.values)
    values = np.where(known, part.values, 0.0)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    means = np.add.reduceat(values, starts) / np.maximum(counts, 1)
    low = np.minimum.reduceat(np.where(known, part.values, np.inf), starts)
    high = np.maximum.reduceat(np.where(known, part.values, -np.inf), starts)
    kept = counts > 0
    return Thin(part.steps[starts][kept], means[kept], low[kept], high[kept])


def plain(text: str) -> str:
    """Text for plotly, which reads a few HTML tags and LaTeX between dollars."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
