"""An evaluation's figures as one plain dict, in the shape that users of Weave know, and scorers' own summaries."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from weft.records import Sample, SampleStatus, Score
from weft.scorers.base import Scorer

_log = logging.getLogger("weft")


def plain_summary(
    samples: Sequence[Sample], scores: Sequence[Score], summaries: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """``{scorer: {"mean": 0.5, "true_count": 2, "true_fraction": 0.5}, "model_latency": {"mean": 0.1}}``.

    Of a scorer that gives a dict, the parts are nested. Yes-or-no scores have ``true_count`` and ``true_fraction``,
    labels ``counts``. Missing scores count in none of them.
    """
    found: dict[str, Any] = {}
    by_name: dict[str, list[Score]] = {}
    for score in scores:
        by_name.setdefault(score.name, []).append(score)
    for name, group in by_name.items():
        figures = _figures([score for score in group if score.failure is None])
        if not figures and any(other.startswith(f"{name}/") for other in by_name):
            continue  # the failures of a scorer that gives a dict
        place = found
        *path, last = name.split("/")
        for part in path:
            place = place.setdefault(part, {})
        place[last] = figures
    found.update(summaries)
    took = [(sample.ended_ns - sample.started_ns) / 1e9 for sample in samples if sample.status == SampleStatus.OK]
    found["model_latency"] = {"mean": sum(took) / len(took) if took else None}
    return found


def _figures(scores: Sequence[Score]) -> dict[str, Any]:
    values = [score.value for score in scores if score.value is not None]
    if values:
        figures: dict[str, Any] = {"mean": sum(values) / len(values)}
        if all(value in (0.0, 1.0) for value in values):
            figures |= {"true_count": round(sum(values)), "true_fraction": figures["mean"]}
        return figures
    labels = [score.label for score in scores if score.label is not None]
    return {"counts": {label: labels.count(label) for label in sorted(set(labels))}} if labels else {}


def summed_up(scorers: Sequence[Scorer], samples: Sequence[Sample], scores: Sequence[Score]) -> dict[str, Any]:
    """The answer of every scorer that sums up for itself; one that fails says how, and the evaluation goes on."""
    found: dict[str, Any] = {}
    for scorer in scorers:
        if type(scorer).summarize is Scorer.summarize:
            continue
        try:
            answer = scorer.summarize(_rows(scorer.name, samples, scores))
        except Exception as error:  # noqa: BLE001 - the user's code; the scores are in the result all the same
            _log.warning("Weft: the scorer %s could not sum up.", scorer.name, exc_info=error)
            answer = {"failed": f"{type(error).__name__}: {error}"}
        if answer is not None:
            found[scorer.name] = answer
    return found


def _rows(name: str, samples: Sequence[Sample], scores: Sequence[Score]) -> list[Any]:
    """What one scorer gave, a sample each; samples without a score are left out."""
    rows: dict[tuple[str | None, int | None], Any] = {}
    for score in scores:
        if score.failure is not None:
            continue
        shown = score.value if score.value is not None else score.label
        if score.name == name:
            rows[score.example_id, score.repetition] = shown
        elif score.name.startswith(f"{name}/"):
            rows.setdefault((score.example_id, score.repetition), {})[score.name.removeprefix(f"{name}/")] = shown
    ordered = [(sample.example_id, sample.repetition) for sample in samples]
    return [rows[key] for key in ordered if key in rows]
