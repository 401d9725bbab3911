"""The charts of sweeps on a page of their own, over a model made up here: no workbench is needed to try them."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

from weft.review_ui.components import assets, sweep_charts

_HERE = Path(assets.__file__).parent
_THEMES = {
    "light": {"text": "#1b1f24", "background": "#ffffff", "second": "#f4f5f7", "line": "#dfe2e6", "accent": "#1a5fb4"},
    "dark": {"text": "#e4e7eb", "background": "#15181c", "second": "#1f2329", "line": "#343a42", "accent": "#6cb0f5"},
}
_MODEL = """
class FakeModel {
  constructor(given) { Object.assign(this, given, { chosen: new Set(), pointed: null, hears: { choose: [], point: [] } }); }
  hear(what, act) { this.hears[what].push(act); return () => { this.hears[what] = this.hears[what].filter((one) => one !== act); }; }
  onChange() { return () => {}; }
  onChoose(act) { return this.hear("choose", act); }
  onPoint(act) { return this.hear("point", act); }
  choose(numbers) { this.chosen = new Set(numbers); for (const act of this.hears.choose) act(this.chosen); }
  point(number) { if (number === this.pointed) return; this.pointed = number; for (const act of this.hears.point) act(number); }
}
"""  # noqa: E501 - a script
_START = """
const asked_ = JSON.parse(document.getElementById("given").textContent);
window.model = new FakeModel(asked_.model);
window.charts = new SweepCharts(document.querySelector(".root"), window.model, asked_.options);
"""


def html(model: dict[str, Any], *, theme: str = "light", parts: list[str] | None = None) -> str:
    """A page with the charts of this model."""
    names = ("navigate", *sweep_charts.SHARED, *sweep_charts.DRAWING, *sweep_charts.SWEEP_CHARTS)
    scripts = [(_HERE / f"{name}.js").read_text("utf-8") for name in names]
    styles = [path.read_text("utf-8") for name in names if (path := _HERE / f"{name}.css").exists()]
    styles.append((_HERE / "panels.css").read_text("utf-8"))
    look = _THEMES[theme]
    root = (
        f":root{{--st-text-color:{look['text']};--st-background-color:{look['background']};--st-font:system-ui,sans-serif;"
        f"--st-secondary-background-color:{look['second']};--st-border-color:{look['line']};--st-primary-color:"
        f"{look['accent']};--st-link-color:{look['accent']}}}body{{margin:0;padding:12px;background:{look['background']}}}"
    )
    given = json.dumps({"model": model, "options": {"parts": parts} if parts else {}}).replace("<", "\\u003c")
    return (
        f"<!doctype html><meta charset=utf-8><title>charts</title><style>{root}{''.join(styles)}</style>"
        f'<div class="root"></div><script type="application/json" id="given">{given}</script>'
        f"<script>{''.join(scripts)}{_MODEL}{_START}</script>"
    )


def model(n: int, *, objectives: int = 1, seed: int = 3) -> dict[str, Any]:
    """``n`` trials over a rate (log), a depth, a dropout, an optimizer and a momentum that only one optimizer has."""
    rng = random.Random(seed)
    paths = ["optim.lr", "depth", "dropout", "optimizer", "momentum"]
    params: dict[str, list[Any]] = {path: [] for path in paths}
    values: list[list[float | None]] = [[] for _ in range(objectives)]
    status = []
    for at in range(n):
        near = min(1.0, 0.3 + at / max(1, n))
        lr = 10 ** (-3 + near * rng.gauss(0, 0.7) if rng.random() < near * 0.7 else rng.uniform(-5, -1))
        lr = min(0.1, max(1e-5, lr))
        depth, dropout = rng.randint(1, 8), rng.uniform(0, 0.5)
        optimizer = rng.choice(["adam", "sgd", "lion"])
        momentum = rng.uniform(0.5, 0.99) if optimizer == "sgd" else None
        loss = 0.2 + 0.25 * (math.log10(lr) + 3) ** 2 + 0.01 * (depth - 5) ** 2 + (0.1 if optimizer == "sgd" else 0)
        loss += 0.02 * rng.gauss(0, 1)
        kind = (
            "running"
            if n > 20 and at >= n - 3
            else "failed"
            if at % 37 == 11
            else "pruned"
            if loss > 0.8
            else "complete"
        )
        status.append(kind)
        for path, value in zip(paths, (lr, depth, dropout, optimizer, momentum), strict=True):
            params[path].append(value)
        told = [loss, 20 + 9 * depth + 4 * rng.random(), 1 - loss / 3][:objectives]
        for place, value in enumerate(told):
            values[place].append(None if kind in ("running", "failed") else value)
    goals = [("val/loss", "minimize"), ("latency_ms", "minimize"), ("accuracy", "maximize")][:objectives]
    trials = {
        "number": list(range(n)), "status": status, "params": params, "values": values,
        "known": [False] * n, "run_id": [f"run{at}" for at in range(n)],
    }  # fmt: skip
    space = [
        {"path": "optim.lr", "kind": "log", "min": 1e-5, "max": 0.1},
        {"path": "depth", "kind": "integer", "min": 1, "max": 8},
        {"path": "dropout", "kind": "number", "min": 0, "max": 0.5},
        {"path": "optimizer", "kind": "category", "values": ["adam", "sgd", "lion"]},
        {"path": "momentum", "kind": "number", "min": 0.5, "max": 0.99, "when": {"optimizer": ["sgd"]}},
    ]
    return {
        "sweep": {"sweep_id": "s1", "name": "tune"},
        "objectives": [{"name": name, "goal": goal, "target": None} for name, goal in goals],
        "parameters": space,
        "trials": trials,
    }
