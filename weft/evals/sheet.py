"""The samples of a result as columns, so that they can be sorted, filtered and counted without their texts."""

from __future__ import annotations

import math
import operator
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from weft import formatting
from weft.errors import InputError
from weft.evals import sample_filter
from weft.evals.sample_filter import Condition
from weft.evals.tally import Column
from weft.records import Sample, SampleStatus
from weft.statistics import Aggregate
from weft.statistics.quantiles import quantile

if TYPE_CHECKING:
    from weft.evals.results import EvaluationResult

_BARS = 20
_FEW = 12  # so many different values are counted one by one
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Sheet:
    """One row a sample, in the order of the result: its scores and measures, NaN where one is missing. ``first`` are
    the metrics that come first, in their order."""

    def __init__(self, result: EvaluationResult, first: Sequence[str] = ()) -> None:
        self._result = result
        place = {name: at for at, name in enumerate(first)}
        self.metrics = sorted(result.metrics, key=lambda name: place.get(name, len(place)))
        self.examples: list[str] = []
        self.repetitions = array("l")
        self.failed = bytearray()
        self.measures: dict[str, array[float]] = {name: array("d") for name in ("latency_s", "cost_usd", "tokens")}
        self._words: dict[str, list[Any]] = {name: [] for name in ("status", "error", "cluster", "tag")}
        self.input_tokens = self.output_tokens = 0
        known: dict[Any, Any] = {}  # each word is kept once
        for sample in result.samples:
            self._add(sample, known)
        self.values = {name: self._flat(result.values(name)) for name in self.metrics}

    def _add(self, sample: Sample, known: dict[Any, Any]) -> None:
        self.examples.append(sample.example_id)
        self.repetitions.append(sample.repetition)
        self.failed.append(sample.status != SampleStatus.OK)
        tokens = [n for n in (sample.input_tokens, sample.output_tokens) if n is not None]
        self.input_tokens += sample.input_tokens or 0
        self.output_tokens += sample.output_tokens or 0
        self.measures["latency_s"].append((sample.ended_ns - sample.started_ns) / 1e9)
        self.measures["cost_usd"].append(math.nan if sample.cost_usd is None else sample.cost_usd)
        self.measures["tokens"].append(sum(tokens) if tokens else math.nan)
        words = {
            "status": sample.status.value,
            "error": None if sample.failure is None else sample.failure.type,
            "cluster": sample.cluster,
            "tag": tuple(sample.tags),
        }
        for name, word in words.items():
            self._words[name].append(known.setdefault(word, word))

    def _flat(self, column: Column) -> array[float]:
        rest = {example: iter(values) for example, values in column.items()}
        found = (next(rest[example]) for example in self.examples)
        return array("d", (math.nan if value is None else value for value in found))

    def __len__(self) -> int:
        return len(self.examples)

    def numbers(self, name: str) -> Sequence[float]:
        """The column of a metric or measure. Raises InputError where there is none of this name."""
        if name in self.values:
            return self.values[name]
        if name == "repetition":
            return self.repetitions
        if name not in self.measures:
            known = ", ".join([*self.metrics, *sample_filter.NUMBERS])
            raise InputError(f"There is no column {name!r}.", remedy=f"There are: {known}.", field="order")
        return self.measures[name]

    def find(self, where: str = "", text: str = "", order: str = "") -> list[int]:
        """The places of the samples that a filter finds (see :mod:`weft.evals.sample_filter`) and that hold a text, in
        any case, in their input, output, expected answer or error.

        ``order`` is a metric or measure, with "-" in front from the greatest down; a missing one comes last. Without
        it what failed comes first, then what has the lowest score. Raises InputError for a mistake in either.
        """
        tests = [self._test(condition) for condition in sample_filter.parse(where, self.metrics)]
        places = [place for place in range(len(self)) if all(test(place) for test in tests)]
        if text.strip():
            needle = text.strip().casefold()
            places = [place for place in places if _holds(self._result.samples[place], needle)]
        return sorted(places, key=self._key(order))

    def _key(self, order: str) -> Callable[[int], Any]:
        if order in ("example", "-example"):
            return lambda place: place
        name, sign = order.removeprefix("-"), -1 if order.startswith("-") else 1
        if order:
            column = self.numbers(name)
            return lambda place: (math.isnan(column[place]), sign * column[place], place)
        if not self.metrics:
            return lambda place: (not self.failed[place], place)
        first = self.values[self.metrics[0]]

        def worst(place: int) -> tuple[bool, bool, float, int]:
            value = first[place]
            scored = not math.isnan(value)
            return not self.failed[place], scored, value if scored else 0.0, place

        return worst

    def _test(self, condition: Condition) -> Callable[[int], bool]:
        found = self._plain_test(condition)
        return (lambda place: not found(place)) if condition.negated else found

    def _plain_test(self, condition: Condition) -> Callable[[int], bool]:
        name, value = condition.field, condition.value
        if name == "failed" and name not in self.values:
            return lambda place: bool(self.failed[place])
        compare = _COMPARE.get(condition.operator)
        if name in self.values or name in sample_filter.NUMBERS:
            column = self.numbers(name)
            if compare is None:
                return lambda place: math.isnan(column[place])
            return lambda place: not math.isnan(column[place]) and compare(column[place], value)
        if name == "example":
            equal = condition.operator == "=="
            return lambda place: compare is not None and (self.examples[place] == value) == equal
        words = self._words[name]
        if compare is None:
            return lambda place: not words[place]
        if name == "tag":
            return lambda place: (
                (value in words[place] or (value == "" and not words[place])) == (condition.operator == "==")
            )
        return lambda place: compare(words[place] or "", value)

    def distribution(self, name: str) -> dict[str, Any]:
        """How often which value of a column is: ``bars`` of ``[low, high, count]`` (low = high where there are few
        different ones, else low <= value < high, the last one closed), and how many are ``missing``."""
        column = self.numbers(name)
        present = [value for value in column if math.isfinite(value)]
        counts = Counter(present)
        missing = len(column) - len(present)
        if len(counts) <= _FEW:
            return {"bars": [[value, value, n] for value, n in sorted(counts.items())], "missing": missing}
        low, high = min(present), max(present)
        if low >= 0 and 0.5 <= high <= 1:
            low, high = 0.0, 1.0
        edges = [low + (high - low) * k / _BARS for k in range(_BARS)] + [high]
        found = [0] * _BARS
        for value, n in counts.items():
            place = min(_BARS - 1, int((value - low) / (high - low) * _BARS))
            place -= value < edges[place]  # rounding at an edge
            found[place] += n
        return {"bars": [[edges[k], edges[k + 1], found[k]] for k in range(_BARS)], "missing": missing}

    def quantile(self, name: str, q: float) -> Aggregate:
        """A quantile of a measure over the samples that have an answer, with its interval."""
        column = self.numbers(name)
        present = [column[k] for k in range(len(self)) if not self.failed[k]]
        return quantile([None if math.isnan(value) else value for value in present], q)

    def failures(self) -> list[dict[str, Any]]:
        """What failed, by kind: of the target (``scorer`` None) and of each scorer, with the filter that finds it; the
        most frequent first."""
        kinds = Counter(
            (None, error or status)
            for error, status, failed in zip(self._words["error"], self._words["status"], self.failed, strict=True)
            if failed
        )
        named: Counter[tuple[str | None, str]] = Counter(kinds)
        for score in self._result.scores:
            if score.failure is not None:
                named[score.name, score.failure.type] += 1
        return [{"scorer": scorer, "kind": kind, "count": n} for (scorer, kind), n in named.most_common(50)]

    @property
    def cost_usd(self) -> float | None:
        """What all answers cost; None where none says."""
        known = [value for value in self.measures["cost_usd"] if not math.isnan(value)]
        return math.fsum(known) if known else None

    def groups(self, by: str) -> int:
        """How many tags or clusters there are."""
        if by == "tags":
            return len({tag for tags in self._words["tag"] for tag in tags})
        return len({cluster for cluster in self._words["cluster"] if cluster})


def _holds(sample: Sample, needle: str) -> bool:
    parts = (sample.output, sample.input, sample.expected, sample.failure and sample.failure.message)
    return needle in sample.example_id.casefold() or any(needle in formatting.text(part).casefold() for part in parts)
