"""Curves of runs as plotly figures: axes labelled, one colour a run, the spread of the points behind the line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from weft.records import Run, Series
from weft.repositories import Store
from weft.review_ui.style import DASHES

CONFIG: dict[str, Any] = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
_POINTS = 600
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
    """One metric of some runs over the step; sources of one run differ by dash."""
    drawn = go.Figure()
    dashes: dict[str, int] = {}
    several = len({run.run_id for run, _ in parts}) > 1
    for run, part in parts:
        dash = dashes.setdefault(run.run_id, 0)
        dashes[run.run_id] += 1
        steps, values = thinned(part)
        label = run.name + (f" {part.source}" if part.source else "")
        drawn.add_trace(
            go.Scatter(
                x=steps,
                y=values,
                name=plain(label),
                mode="lines" if len(steps) > 1 else "markers",
                line={"color": colours[run.run_id], "width": 1.6, "dash": DASHES[dash % len(DASHES)]},
                hovertemplate="%{y:.6g}",
            )
        )
    drawn.update_layout(
        title={"text": plain(name), "font": {"size": 13}, "x": 0, "xanchor": "left", "y": 0.98},
        height=_HEIGHT,
        margin={"l": 56, "r": 12, "t": 30, "b": 36},
        hovermode="x unified",
        showlegend=several,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right", "font": {"size": 11}},
        xaxis={"title": {"text": "step", "font": {"size": 11}, "standoff": 4}, "zeroline": False, "showgrid": False},
        yaxis={"title": None, "zeroline": False, "tickfont": {"size": 11}},
    )
    return drawn


def thinned(part: Series) -> tuple[Any, Any]:
    """Steps and values of at most about 1,200 points: of each bucket its least and its greatest."""
    n = len(part.steps)
    if n <= 2 * _POINTS:
        return part.steps, part.values
    edges = np.linspace(0, n, _POINTS + 1, dtype=np.int64)
    kept: set[int] = {0, n - 1}
    for start, stop in itertools.pairwise(edges):
        window = part.values[start:stop]
        if np.isfinite(window).any():
            kept |= {int(start + np.nanargmin(window)), int(start + np.nanargmax(window))}
    index = np.array(sorted(kept))
    return part.steps[index], part.values[index]


def plain(text: str) -> str:
    """Text for plotly, which reads a few HTML tags and LaTeX between dollars."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
