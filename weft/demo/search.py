"""The demo's sweep: a small version of its model is searched for good parameters, here in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from weft.demo.classifier import Classifier
from weft.records.sweeps import Sweep, Trial
from weft.repositories import Store
from weft.sweeps.agent import Agent
from weft.sweeps.inside import FunctionTrials
from weft.training import Run

MODULES, ROWS = 30, 600  # the most frequent modules only, and so many of their rows: a trial takes a tenth of a second
_LIGHT = {"quiet": True, "git": False, "console": False, "system_interval_s": 0.0}
CONFIG: dict[str, Any] = {
    "method": "random",
    "metric": {"name": "held_out/accuracy", "goal": "maximize"},
    "parameters": {
        "learning_rate": {"distribution": "log_uniform_values", "min": 1.0, "max": 300.0},
        "batch": {"values": [8, 16, 32]},
        "buckets": {"distribution": "q_log_uniform_values", "min": 64, "max": 2048, "q": 64},
        "epochs": {"value": 4},
    },
    "early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 2},
    "run_cap": 14,
    "seed": 3,
}


def search(
    store: Store,
    project: str,
    begin: Callable[..., Run],
    train: Sequence[Mapping[str, str]],
    held_out: Sequence[Mapping[str, str]],
) -> tuple[Sweep, Trial]:
    """Run a sweep to its end; ``begin`` is ``weft.init`` as the demo calls it. Returns it with its best trial."""
    frequent = Counter(row["module"] for row in train).most_common(MODULES)
    classes = sorted(module for module, _ in frequent)
    texts, labels = _columns(train, classes)
    questions, expected = _columns(held_out, classes)
    places = np.array([classes.index(module) for module in expected])

    def trial() -> None:
        with begin(settings=_LIGHT) as run:
            chosen = dict(run.config)
            model = Classifier(classes, buckets=chosen.pop("buckets"))
            steps = model.train(texts[:ROWS], labels[:ROWS], **chosen)
            last = -(-ROWS // chosen["batch"]) - 1
            for step in steps:
                if step.step % (last + 1) != last:  # until an epoch ends
                    continue
                right = model.probabilities(questions).argmax(axis=1) == places
                run.log({"loss": step.loss, "held_out/accuracy": float(right.mean())})
                if run.should_stop():
                    break

    sweep_id = store.sweeps.create_sweep(Sweep(project, "small-namer", CONFIG)).sweep_id
    Agent(store, sweep_id, FunctionTrials(trial)).run()
    sweep = store.sweeps.get_sweep(sweep_id)
    return sweep, store.sweeps.get_trial(sweep_id, sweep.best or 0)


def _columns(rows: Sequence[Mapping[str, str]], classes: Sequence[str]) -> tuple[list[str], list[str]]:
    kept = [row for row in rows if row["module"] in classes]
    return [row["description"] for row in kept], [row["module"] for row in kept]
