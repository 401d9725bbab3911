"""What a training run of the demo logs: curves, how the weights spread, and how the held-out answers fall out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import weft
from weft.demo.classifier import Classifier, Step
from weft.training import Run

CONFUSED = 12  # modules of the confusion matrix: the most frequent among the held-out ones
SHOWN = 200  # rows of the table of answers
WEIGHTS_SKIPPED = 8  # of so many rows of weights one is in the histogram


def log_training(run: Run, model: Classifier, held_out: Sequence[Mapping[str, str]], steps: Iterator[Step]) -> None:
    """Train to the end: loss and accuracy at every step, at the end of each epoch what the held-out rows say."""
    run.define_metric("held_out/accuracy", summary="max", goal="maximize")
    run.define_metric("held_out/loss", summary="min", goal="minimize")
    last = None
    for step in steps:
        if last is not None and step.epoch > last.epoch:
            _log_epoch(run, model, held_out, last)
        run.log({"loss": step.loss, "accuracy": step.accuracy, "epoch": step.epoch}, step=step.step)
        last = step
    if last is not None:
        _log_epoch(run, model, held_out, last)


def _log_epoch(run: Run, model: Classifier, held_out: Sequence[Mapping[str, str]], step: Step) -> None:
    likely = model.probabilities([row["description"] for row in held_out])
    places = {name: place for place, name in enumerate(model.classes)}
    truth = np.array([places[row["module"]] for row in held_out])
    loss = float(-np.log(likely[np.arange(len(truth)), truth] + 1e-12).mean())
    accuracy = float((likely.argmax(axis=1) == truth).mean())
    run.log(
        {
            "held_out/loss": loss,
            "held_out/accuracy": accuracy,
            "weights": weft.Histogram(model.weights[::WEIGHTS_SKIPPED]),
        },
        step=step.step,
    )


def log_answers(run: Run, model: Classifier, held_out: Sequence[Mapping[str, str]]) -> float:
    """The share of held-out rows that the model names rightly; logs a table of answers, the surest mistakes first, and
    which of the most frequent modules it takes for which."""
    likely = model.probabilities([row["description"] for row in held_out])
    best = likely.argmax(axis=1)
    table = weft.Table(columns=["description", "module", "answer", "right", "confidence"])
    answers = [model.classes[place] for place in best]
    sure = likely[np.arange(len(best)), best]
    right = [bool(answer == row["module"]) for answer, row in zip(answers, held_out, strict=True)]
    for place in sorted(range(len(best)), key=lambda at: (right[at], -sure[at]))[:SHOWN]:
        row = held_out[place]
        table.add_data(row["description"], row["module"], answers[place], right[place], round(float(sure[place]), 4))
    common = _most_frequent([row["module"] for row in held_out])
    pairs = [(row["module"], answer) for row, answer in zip(held_out, answers, strict=True)]
    among = [(common.index(true), common.index(said)) for true, said in pairs if true in common and said in common]
    figures: dict[str, Any] = {"answers": table}
    if among:
        true, said = zip(*among, strict=True)
        figures["confusion"] = weft.plot.confusion_matrix(y_true=list(true), preds=list(said), class_names=common)
    run.log(figures)
    share = float(sum(right)) / len(right)
    run.summary["held_out_accuracy"] = share
    return share


def _most_frequent(names: Sequence[str]) -> list[str]:
    known = sorted(set(names))
    return sorted(sorted(known, key=lambda name: -names.count(name))[:CONFUSED])
