"""Evaluations side by side: is it better than the baseline, and on which examples did they differ?"""

from __future__ import annotations

from weft.errors import InputError
from weft.records import Run, RunKind
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import side_by_side


def page() -> None:
    """Who is compared; the differences and the flips come through the API."""
    names = list(dict.fromkeys(name for name in ui.parameter("runs").split(",") if name))
    if len(names) < 2:
        raise InputError(
            "This address names only one evaluation." if names else "This address names no evaluations.",
            remedy="Choose two or more on the page Evaluations.",
            field="runs",
        )
    runs = [data.store().runs.get_run(name) for name in names]
    stranger = next((run for run in runs if run.kind != RunKind.EVAL), None)
    if stranger is not None:
        raise InputError(f"The run {stranger.run_id} is of kind {stranger.kind}, not an evaluation.", field="runs")
    data.adopt(runs[0].project)
    first, *others = runs
    ui.head(f"{' and '.join(named(run) for run in others)} against {named(first)}")
    labels = ["Candidate"] if len(others) == 1 else [f"Candidate {at}" for at in range(1, len(runs))]
    sides = dict(zip(["Baseline", *labels], runs, strict=True))
    ui.facts({label: about(run) for label, run in sides.items()})
    links = {label: address("/evaluation", id=run.run_id) for label, run in sides.items()}
    if len(runs) == 2:
        links["The other way round"] = address("/compare", runs=f"{names[1]},{names[0]}")
    ui.links(links)
    side_by_side(names, first.project)
    ui.keys({"j k": "move", "enter": "open the trace"}, back=address("/evaluations", project=first.project))
    asked = ", ".join(f'"{name}"' for name in names)
    ui.python(f"from weft.evals import compare\nprint(compare({asked}, store=weft.Api().store))")


def named(run: Run) -> str:
    """A run by its target, else by its name."""
    return str(run.config.get("target") or run.name)


def about(run: Run) -> str:
    """A run in a few words."""
    dataset = run.config.get("dataset")
    parts = [named(run), str(run.config.get("evaluation", run.name)), str(dataset) if dataset else ""]
    return ", ".join(part for part in [*parts, run.run_id, ui.ago(run.started_at_ns)] if part)
