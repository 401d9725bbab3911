"""Scorers of a whole dataset: what each keeps of every sample, and its figures at the end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from weft.errors import InputError
from weft.records import Example, Sample, SampleStatus, Score
from weft.scorers.base import ScoreValue
from weft.scorers.dataset import DatasetScorer, Row, as_figures
from weft.statistics import Aggregate

_log = logging.getLogger("weft")


class WholeScores:
    """Feeds dataset-level scorers with the samples as they come. One that fails has figures without a value."""

    def __init__(self, scorers: Sequence[DatasetScorer]) -> None:
        self._scorers = scorers
        self._kept: list[list[tuple[int, Any]]] = [[] for _ in scorers]
        self._failures: list[Exception | None] = [None] * len(scorers)
        self._failed = 0

    def add(self, position: int, example: Example, sample: Sample, output: Any, scores: Sequence[Score]) -> None:
        """A sample is done."""
        fine = sample.status == SampleStatus.OK
        self._failed += not fine
        row = Row(
            example.data,
            output if fine else None,
            sample.input,
            {s.name: _value(s) for s in scores if s.failure is None},
            sample.example_id,
            sample.repetition,
            sample.cluster,
            sample.failure,
        )
        for at, scorer in enumerate(self._scorers):
            if self._failures[at] is None:
                try:
                    self._kept[at].append((position, scorer.keep(row)))
                except Exception as error:  # noqa: BLE001 - the user's code; its figure is missing, the rest goes on
                    self._fail(at, error)

    def figures(self, level: float) -> tuple[dict[str, Aggregate], dict[str, Any]]:
        """The figures of all scorers by name, and what else each returned, by scorer."""
        figures: dict[str, Aggregate] = {}
        rest: dict[str, Any] = {}
        for at, scorer in enumerate(self._scorers):
            kept = [value for _, value in sorted(self._kept[at], key=lambda pair: pair[0])]
            error = self._failures[at]
            if error is None:
                try:
                    found, beside = self._of(scorer, kept, level)
                    figures |= found
                    if beside:
                        rest[scorer.name] = beside
                    continue
                except Exception as failure:  # noqa: BLE001 - likewise
                    self._fail(at, failure)
                    error = failure
            reason = f"{type(error).__name__}: {error}"
            figures[scorer.name] = Aggregate(0, len(kept), None, level=level, reason=reason)
        return figures, rest

    def _of(self, scorer: DatasetScorer, kept: list[Any], level: float) -> tuple[dict[str, Aggregate], dict[str, Any]]:
        outcome = scorer.score_all(kept, level=level)
        return as_figures(scorer, outcome, n=len(kept) - self._failed, missing=self._failed)

    def _fail(self, at: int, error: Exception) -> None:
        self._failures[at] = error
        known = isinstance(error, InputError)
        _log.warning(
            "Weft: the scorer %s has no figure: %s", self._scorers[at].name, error, exc_info=None if known else error
        )


def _value(score: Score) -> ScoreValue:
    return ScoreValue(score.value, score.label, score.explanation, score.confidence, score.metadata)
