"""Classification: accuracy, precision, recall, F1 and the confusion matrix of a whole dataset."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field

from weft.errors import InputError
from weft.scorers.dataset import DatasetScorer, Row
from weft.scorers.resampling import Counts, resampled
from weft.statistics import Aggregate, aggregate, wilson

OTHER = "(other)"  # what is predicted where the output is none of the labels
_MOST_LABELS = 200


class _Kept(NamedTuple):
    unit: str
    example: str
    cluster: str | None
    expected: str
    predicted: str | None  # None where the sample failed


class Classification(DatasetScorer):
    """How well outputs name the class ``expected``.

    Figures: ``accuracy``; ``precision``, ``recall`` and ``f1`` as ``macro`` (the mean over classes), ``micro`` (over
    all decisions) and ``weighted`` (by how often a class is expected), as ``f1_macro``; for each class
    ``precision/<label>``, ``recall/<label>``, ``f1/<label>``; with ``positive`` also plain ``precision``, ``recall``,
    ``f1`` of that class. Beside them ``confusion``: expected -> predicted -> count, and ``support``. They agree with
    scikit-learn (``zero_division=0`` within averages); a class that is never predicted has no precision of its own.
    Intervals are bootstraps over examples (or clusters); those of accuracy and of the precision and recall of a class
    are Wilson's where decisions are independent.

    ``labels`` are the classes, else all that occur; an output that is none of them is wrong, "(other)". ``column`` is
    the column of the right class. ``by`` names a scorer whose label is the prediction, instead of the output; with
    ``key`` it is that key of an output that is a dict. Samples that failed, or have no such label, are missing.
    """

    labels: list[str] | None = Field(None, min_length=2, max_length=_MOST_LABELS)
    positive: str | None = None
    column: str = "expected"
    key: str | None = None
    by: str | None = None
    ignore_case: bool = False

    def keep(self, row: Row) -> _Kept:
        """Both classes of a sample."""
        expected = self._plain(row.column(self.column))
        predicted = None if row.failure is not None else self._predicted(row)
        return _Kept(row.cluster or row.example_id, row.example_id, row.cluster, expected, predicted)

    def score_all(self, kept: Sequence[_Kept], *, level: float = 0.95) -> Mapping[str, Any]:
        """All figures, and the confusion matrix. Raises InputError for more than 200 classes."""
        done = [(row, row.predicted) for row in kept if row.predicted is not None]
        labels = self._labels([*(row.expected for row, _ in done), *(predicted for _, predicted in done)])
        if self.positive is not None and self._plain(self.positive) not in labels:
            raise InputError(f"The positive class {self.positive!r} does not occur.", field="positive")
        pairs = [(row, predicted if predicted in labels else OTHER) for row, predicted in done]
        counts = [(row.unit, {(row.expected, predicted): 1.0}) for row, predicted in pairs]
        figures: dict[str, Any] = {
            "accuracy": aggregate(
                [None if row.predicted is None else float(row.predicted == row.expected) for row in kept],
                examples=[row.example for row in kept],
                clusters=[row.cluster for row in kept] if any(row.cluster is not None for row in kept) else None,
                level=level,
            )
        }
        missing = len({row.example for row in kept}) - len({row.example for row, _ in done})
        figures |= resampled(counts, lambda sums: self._figures(sums, labels), missing=missing, level=level)
        if len({unit for unit, _ in counts}) == len(counts):  # independent: a share has its own interval
            whole = _Confusion.of(Counter(pair for _, row in counts for pair in row), labels)
            figures |= whole.shares(missing, level)
            if self.positive is not None:
                figures |= {what: figures[f"{what}/{self._plain(self.positive)}"] for what in ("precision", "recall")}
        matrix: dict[str, dict[str, int]] = {label: {} for label in labels}
        for row, predicted in pairs:
            of_row = matrix.setdefault(row.expected, {})
            of_row[predicted] = of_row.get(predicted, 0) + 1
        figures["confusion"] = matrix
        figures["support"] = {label: sum(found.values()) for label, found in matrix.items()}
        return figures

    def _figures(self, sums: Counts, labels: Sequence[str]) -> dict[str, float | None]:
        confusion = _Confusion.of(sums, labels)
        found: dict[str, float | None] = {}
        for what in ("precision", "recall", "f1"):
            each = {label: confusion.of_class(what, label) for label in labels}
            found |= {f"{what}_{how}": confusion.average(what, how, each) for how in ("macro", "micro", "weighted")}
            if self.positive is not None:
                found[what] = each[self._plain(self.positive)]
            found |= {f"{what}/{label}": value for label, value in each.items()}
        return found

    def _labels(self, seen: Sequence[str]) -> list[str]:
        labels = (
            sorted(set(seen) - {OTHER}) if self.labels is None else list(dict.fromkeys(map(self._plain, self.labels)))
        )
        if len(labels) > _MOST_LABELS:
            raise InputError(
                f"There are {len(labels)} different classes.",
                remedy="Say which ones with labels=[...].",
                field="labels",
            )
        return labels

    def _predicted(self, row: Row) -> str | None:
        if self.by is not None:
            found = row.scores.get(self.by)
            return None if found is None or found.label is None else self._plain(found.label)
        if self.key is not None:
            is_there = isinstance(row.output, Mapping) and self.key in row.output
            return self._plain(row.output[self.key]) if is_there else OTHER
        return self._plain(row.output)

    def _plain(self, value: Any) -> str:
        text = str(value).strip()
        return text.casefold() if self.ignore_case else text


class _Confusion(NamedTuple):
    """Counts by class: expected and predicted (hits), predicted, expected; and all decisions."""

    hits: dict[str, float]
    predicted: dict[str, float]
    expected: dict[str, float]

    @classmethod
    def of(cls, sums: Counts, labels: Sequence[str]) -> _Confusion:
        """The counts out of those of pairs (expected, predicted)."""
        hits, predicted, expected = dict.fromkeys(labels, 0.0), dict.fromkeys(labels, 0.0), dict.fromkeys(labels, 0.0)
        for (wanted, given), count in sums.items():
            if wanted in expected:
                expected[wanted] += count
            if given in predicted:
                predicted[given] += count
                if wanted == given:
                    hits[given] += count
        return cls(hits, predicted, expected)

    def of_class(self, what: str, label: str) -> float | None:
        """Precision, recall or F1 of one class; None where it is not defined."""
        return _ratio(what, self.hits[label], self.predicted[label], self.expected[label])

    def shares(self, missing: int, level: float) -> dict[str, Aggregate]:
        """Precision and recall of each class with Wilson's interval, of those that are defined."""
        found: dict[str, Aggregate] = {}
        for what, over in (("precision", self.predicted), ("recall", self.expected)):
            for label, total in over.items():
                if total:
                    n, share = round(total), self.hits[label] / total
                    within = wilson(round(self.hits[label]), n, level)
                    se = math.sqrt(share * (1 - share) / n)
                    found[f"{what}/{label}"] = Aggregate(
                        n, missing, share, se, within.low, within.high, level, within.method
                    )
        return found

    def average(self, what: str, how: str, each: Mapping[str, float | None]) -> float | None:
        """The average of what classes have: macro, micro or weighted; an undefined one of a class counts 0."""
        if how == "micro":
            return _ratio(what, *(sum(part.values()) for part in self))
        if how == "macro":
            return sum(value or 0.0 for value in each.values()) / len(each) if each else None
        total = sum(self.expected.values())
        return sum((value or 0.0) * self.expected[k] for k, value in each.items()) / total if total else None


def _ratio(what: str, hits: float, predicted: float, expected: float) -> float | None:
    over = {"precision": predicted, "recall": expected, "f1": (predicted + expected) / 2}[what]
    return hits / over if over else None
