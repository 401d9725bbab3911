"""Two runs that logged a bit of everything, for the pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import review_ui_seeds as seeds

import weft
from weft import clock
from weft.records import Logged, Media, RunKind, RunStatus, RunUpdate
from weft.repositories import Store
from weft.tracing.media import Value

PROJECT = "gallery"
SCRIPT = (
    "<h1 id='hi'>Report</h1><script>parent.document.title = 'stolen'</script>"
    "<img src=x onerror=\"parent.document.title = 'stolen'\">"
)


def fill(store: Store) -> None:
    """Store runs ``one`` and ``two`` of the project ``gallery``."""
    for number, run_id in enumerate(("one", "two")):
        rng = np.random.default_rng(number)
        now = clock.now_ns() - (2 - number) * 10**9
        told: list[Any] = [
            RunUpdate(
                run_id,
                PROJECT,
                now,
                kind=RunKind.TRAIN,
                name=f"run {run_id}",
                status=RunStatus.FINISHED,
                started_at_ns=now,
            )
        ]

        def log(
            name: str, step: int, *values: Value, told: list[Any] = told, run_id: str = run_id, now: int = now
        ) -> None:
            items = []
            for value in values:
                found = value.logged()
                for reference, content in found.blobs:
                    assert isinstance(content, bytes)
                    told.append(Media(PROJECT, reference["media_type"], content))
                items.append(dict(found))
            data: dict[str, Any] = items[0] if len(items) == 1 else {"items": items}
            told.append(Logged(run_id, PROJECT, name, step, now + step, values[0].kind, data))

        for step in (0, 10, 20):
            log("samples/picture", step, picture(rng, step))
            log("samples/batch", step, *[weft.Image(rng.random((24, 24, 3)), caption=f"{n}") for n in range(6)])
        for step in range(0, 200, 5):
            values = rng.normal(step / 100 + number, 1 + step / 200, 2000)
            log("gradients/layer1", step, weft.Histogram(values))
        log("report", 1, weft.Html(SCRIPT))
        log("voice", 1, weft.Audio(np.sin(np.linspace(0, 2000, 16_000)), 16_000))
        log("film", 1, weft.Video(rng.integers(0, 255, (6, 3, 48, 64)), fps=6))
        log("cloud", 1, weft.Object3D(np.c_[rng.normal(size=(3000, 3)), rng.integers(0, 255, (3000, 3))]))
        log("answer", 1, weft.Text("It was <b>not</b> a cat.\n" * 4))
        log("chart", 1, weft.Figure(go.Figure(go.Scatter(x=[1, 2, 3], y=[3, 1, 2]))))
        labels = rng.integers(0, 3, 300)
        likely = rng.dirichlet([1, 1, 1], 300) + np.eye(3)[labels] * 0.4
        names = ["cat", "dog", "cow"]
        log("confusion", 1, weft.plot.confusion_matrix(probs=likely, y_true=labels, class_names=names))
        log("roc", 1, weft.plot.roc_curve(labels, likely, labels=names))
        log("answers", 1, answers(rng, number))
        seeds.ingest(store, told, writer=f"gallery-{run_id}")


def picture(rng: Any, step: int) -> weft.Image:
    """A picture with a box and a mask."""
    pixels = rng.random((120, 160, 3)) * 0.3 + 0.2
    pixels[30:80, 40:110] = (0.9, 0.6 - step / 50, 0.2)
    mask = np.zeros((120, 160), np.uint8)
    mask[60:110, 90:150] = 1
    box = {
        "position": {"minX": 0.25, "maxX": 0.69, "minY": 0.25, "maxY": 0.67},
        "class_id": 0,
        "scores": {"confidence": 0.8},
    }
    boxes = {"predictions": {"box_data": [box], "class_labels": {0: "cat"}}}
    masks = {"truth": {"mask_data": mask, "class_labels": {1: "road"}}}
    return weft.Image(pixels, caption=f"after {step} steps", boxes=boxes, masks=masks)


def answers(rng: Any, number: int) -> weft.Table:
    """A table of 300 examples with media, of which the runs differ in some."""
    table = weft.Table(columns=["id", "question", "answer", "score", "right", "picture"])
    for row in range(300):
        wrong = row % (9 + number * 4) == 0
        text = f"answer {row}" + (" wrong" if wrong else "") + ("<script>alert(1)</script>" if row == 0 else "")
        image = weft.Image(np.full((16, 16, 3), row / 300)) if row < 60 else None
        table.add_data(row, f"what is {row}?", text, float(rng.random() if wrong else 1.0), not wrong, image)
    return table
