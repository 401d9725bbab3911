"""The scores of an evaluation as columns of numbers: all that aggregates need, in a few bytes a sample."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

from weft.records import Sample, SampleStatus, Score

Column = dict[str, list[float | None]]  # by example, a value a repetition


class _Scores:
    """One score name: where it is, its value, the code of its label, -1 for none, -2 for a failure."""

    __slots__ = ("codes", "rows", "values")

    def __init__(self) -> None:
        self.rows = array("q")
        self.values = array("d")
        self.codes = array("l")


class Tally:
    """What was scored of which sample, without texts; :meth:`column` gives the values of a metric by example."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # of examples, in the order of their coming
        self._examples = array("q")
        self._repetitions = array("l")
        self._positions = array("q")
        self._fine = bytearray()
        self._latency_s = array("d")
        self._clusters: dict[int, str] = {}
        self._tags: dict[int, tuple[str, ...]] = {}
        self._known_tags: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._labels: dict[str, int] = {}
        self._scores: dict[str, _Scores] = {}
        self._order: list[int] | None = None

    @classmethod
    def of(cls, samples: Iterable[Sample], scores: Iterable[Score]) -> Tally:
        """The tally of samples in their order, and of their scores; those of other samples are passed over."""
        tally = cls()
        rows: dict[tuple[str | None, int | None], int] = {}
        for position, sample in enumerate(samples):
            rows[sample.example_id, sample.repetition] = tally.add_sample(sample, position)
        for score in scores:
            row = rows.get((score.example_id, score.repetition))
            if row is not None:
                tally.add_score(score, row)
        return tally

    def add_sample(self, sample: Sample, position: int) -> int:
        """Count a sample; ``position`` is its place in the result. Returns its row, for its scores."""
        number = self._numbers.setdefault(sample.example_id, len(self._numbers))
        if sample.cluster is not None:
            self._clusters[number] = sample.cluster
        if sample.tags:
            tags = tuple(sample.tags)
            self._tags[number] = self._known_tags.setdefault(tags, tags)
        self._examples.append(number)
        self._repetitions.append(sample.repetition)
        self._positions.append(position)
        self._fine.append(sample.status == SampleStatus.OK)
        self._latency_s.append((sample.ended_ns - sample.started_ns) / 1e9)
        self._order = None
        return len(self._examples) - 1

    def add_score(self, score: Score, row: int) -> None:
        """Count a score of the sample in ``row``; of two of one name the later counts."""
        column = self._scores.get(score.name)
        if column is None:
            column = self._scores[score.name] = _Scores()
        if score.failure is not None:
            code = -2
        elif score.value is None and score.label is not None:
            code = self._labels.setdefault(score.label, len(self._labels))
        else:
            code = -1
        column.rows.append(row)
        column.values.append(math.nan if score.value is None else score.value)
        column.codes.append(code)

    def __len__(self) -> int:
        return len(self._examples)

    @property
    def failed(self) -> int:
        """How many samples have no answer."""
        return len(self._fine) - sum(self._fine)

    @property
    def order(self) -> list[int]:
        """The rows by position."""
        if self._order is None:
            self._order = sorted(range(len(self._positions)), key=self._positions.__getitem__)
        return self._order

    @property
    def examples(self) -> list[str]:
        """The examples, in the order of their samples."""
        names = list(self._numbers)
        return [names[number] for number in dict.fromkeys(self._examples[row] for row in self.order)]

    @property
    def clusters(self) -> dict[str, str | None]:
        """The source of every example; None where it has none."""
        return {example: self._clusters.get(number) for example, number in self._numbers.items()}

    @property
    def clustered(self) -> bool:
        """Whether any example has a source that it may share."""
        return bool(self._clusters)

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of every example."""
        return {example: self._tags.get(number, ()) for example, number in self._numbers.items()}

    def latencies(self) -> list[float]:
        """Seconds that each answer took, of the samples that have one."""
        return [self._latency_s[row] for row in self.order if self._fine[row]]

    def metrics(self, scorers: Collection[str] = ()) -> Iterator[tuple[str, str, str | None]]:
        """Every metric: its name, the score it comes from, and the label whose share it is.

        A scorer whose scores failed everywhere still has its (empty) metric, and so have all ``scorers`` where no
        sample got an answer: which metrics a scorer gives is known from its scores; there its name has to do.
        """
        if not self._scores:
            yield from ((name, name, None) for name in scorers)
        multiple = {name.partition("/")[0] for name in self._scores if "/" in name}
        words = list(self._labels)
        for name, column in self._scores.items():
            current = set(self._latest(column).values())
            if name in multiple and all(column.codes[at] == -2 for at in current):
                continue  # the failures of a scorer that gives a dict are missing values of its parts
            codes = {column.codes[at] for at in current}
            labels = sorted(words[code] for code in codes if code >= 0)
            yield from ((f"{name}={label}", name, label) for label in labels)
            if not labels:
                yield name, name, None

    def column(self, name: str, label: str | None = None) -> Column:
        """The values of the scores ``name``, or how often they are ``label``, by example and in the order of the
        samples; None where one is missing."""
        scores = self._scores.get(name, _Scores())
        latest = self._latest(scores)
        wanted = None if label is None else self._labels.get(label, -3)
        names = list(self._numbers)
        column: Column = {}
        for row in self.order:
            at = latest.get(row)
            value: float | None = None
            if at is not None and scores.codes[at] != -2:
                if wanted is not None:
                    value = float(scores.codes[at] == wanted)
                elif not math.isnan(scores.values[at]):
                    value = scores.values[at]
            column.setdefault(names[self._examples[row]], []).append(value)
        return column

    def _latest(self, column: _Scores) -> dict[int, int]:
        return {row: at for at, row in enumerate(column.rows)}


def flat(column: Column) -> tuple[list[float | None], list[str]]:
    """The values of a column one after the other, and the example of each."""
    pairs: Sequence[tuple[float | None, str]] = [(value, name) for name, values in column.items() for value in values]
    return [value for value, _ in pairs], [name for _, name in pairs]
