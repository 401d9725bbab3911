"""Which samples go to people: one permanent draw and one recorded probability each, before anyone labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from weft import clock, digests, ids, recording
from weft.errors import InputError
from weft.records import ItemStatus, ReviewItem, ReviewQueue, Sample, SampleStatus, Score
from weft.repositories import Store
from weft.statistics import probabilities


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a rubric: its label, the value that it counts with (in [0, 1]), the key that gives it."""

    label: str
    value: float
    key: str = ""


class Evaluated(Protocol):
    """What routing reads of an evaluation's result."""

    @property
    def project(self) -> str:
        """The project of the run."""
        ...

    @property
    def samples(self) -> Sequence[Sample]:
        """All samples of the run."""
        ...

    @property
    def scores(self) -> Iterable[Score]:
        """All scores of the run."""
        ...


@dataclass(frozen=True, slots=True)
class RoutingReport:
    """What routing did: items sent to people and held back by the draw; samples without an answer get no item.

    ``new`` counts the items that were not in the queue before, ``expected`` is the number sent on average.
    """

    queue: ReviewQueue
    sent: int
    held: int
    new: int
    without_answer: int
    expected: float


DEFAULT_CHOICES = (Choice("correct", 1.0, "y"), Choice("incorrect", 0.0, "n"))
_SCALE = 1 << 53


def permanent_uniform(project: str, queue: str, run_id: str, example_id: str, repetition: int, seed: int = 0) -> float:
    """The one number in [0, 1) that belongs to a sample in a queue: 53 bits of the BLAKE3 digest of its names."""
    digest = digests.of_json(["weft review draw", seed, project, queue, run_id, example_id, repetition])
    return (int(digest[:16], 16) >> 11) / _SCALE


@dataclass(frozen=True)
class ReviewPolicy:
    """Sends samples to a review queue, ambiguous ones more often, every one with a chance of at least ``audit_floor``.

    ``judge`` names the machine's score, whose values in [0, 1] are read as P(good); ``budget`` is the share of the
    samples to be sent, ``mix`` how much of it is spent evenly. A sample whose judge failed is always sent.
    ``choices`` (labels with values in [0, 1]) and ``question`` are what the reviewer sees; a label becomes a human
    score named ``score_name``. Raises InputError for values out of range.
    """

    queue: str
    judge: str = "judge"
    budget: float = 0.2
    audit_floor: float = 0.05
    mix: float = 0.5
    question: str = "Is the answer correct?"
    choices: Sequence[Choice] | Mapping[str, float] = DEFAULT_CHOICES
    score_name: str = "correct"
    show_expected: bool = False
    lease_s: float = 600.0
    wave: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not ids.is_name(self.queue):
            raise InputError(
                f"The queue name {self.queue!r} cannot stand in an address.",
                remedy="Use letters, digits, '.', '_', '-' and spaces, beginning with a letter or digit.",
                field="queue",
            )
        if not 0 < self.audit_floor <= self.budget <= 1:
            raise InputError(
                f"audit_floor is {self.audit_floor} and budget {self.budget}.",
                remedy="Use 0 < audit_floor <= budget <= 1; without a floor no valid estimate exists.",
                field="audit_floor",
            )
        if not 0 <= self.mix <= 1:
            raise InputError(f"mix is {self.mix}.", remedy="Use a number in [0, 1].", field="mix")
        if self.lease_s <= 0:
            raise InputError(f"lease_s is {self.lease_s}.", remedy="Use a number of seconds above 0.", field="lease_s")
        self.rubric()

    def rubric(self) -> dict[str, Any]:
        """The question and its choices as data; a choice without a key gets its position as one."""
        given = self.choices
        listed = [Choice(k, v) for k, v in given.items()] if isinstance(given, Mapping) else list(given)
        if len(listed) < 2 or len({choice.label for choice in listed}) < len(listed):
            raise InputError("A rubric needs two or more choices with different labels.", field="choices")
        for choice in listed:
            if not 0 <= choice.value <= 1:
                raise InputError(
                    f"The choice {choice.label!r} counts {choice.value}.",
                    remedy="Scale the values of the choices to [0, 1], as those of the judge are.",
                    field="choices",
                )
        rows = [
            {"label": c.label, "value": float(c.value), "key": c.key or str(position)}
            for position, c in enumerate(listed, start=1)
        ]
        return {"question": self.question, "choices": rows}

    def as_data(self) -> dict[str, Any]:
        """The policy as the queue keeps it."""
        return {
            "judge": self.judge,
            "budget": self.budget,
            "audit_floor": self.audit_floor,
            "mix": self.mix,
            "lease_s": self.lease_s,
            "wave": self.wave,
            "seed": self.seed,
        }

    def route(self, result: Evaluated) -> RoutingReport:
        """Put the samples of an evaluation's result into the queue, through the current session's store."""
        store = recording.require("ReviewPolicy.route").store
        return self.route_samples(store, result.project, result.samples, result.scores)

    def route_samples(
        self, store: Store, project: str, samples: Sequence[Sample], scores: Iterable[Score]
    ) -> RoutingReport:
        """Put samples into the queue, all of them: those that the draw does not send are held.

        Routing the same samples again changes nothing. Raises InputError where the judge's values leave [0, 1].
        """
        queue = store.reviews.create_queue(
            ReviewQueue(
                queue_id=ids.new_id(),
                project=project,
                name=self.queue,
                score_name=self.score_name,
                rubric=self.rubric(),
                policy=self.as_data(),
                created_ns=clock.now_ns(),
            )
        )
        items = self.draw(queue, samples, scores)
        new = store.reviews.add_items(items)
        sent = sum(item.status == ItemStatus.WAITING for item in items)
        return RoutingReport(
            queue=store.reviews.get_queue(queue.queue_id),
            sent=sent,
            held=len(items) - sent,
            new=new,
            without_answer=len(samples) - len(items),
            expected=sum(item.p or 0.0 for item in items),
        )

    def draw(self, queue: ReviewQueue, samples: Sequence[Sample], scores: Iterable[Score]) -> list[ReviewItem]:
        """The item of each sample that has an answer, its number and probability drawn; nothing is stored here."""
        answered = [sample for sample in samples if sample.status == SampleStatus.OK]
        verdicts = {_key(score): score for score in scores if score.name == self.judge}
        judged = [verdicts.get((s.run_id, s.example_id, s.repetition)) for s in answered]
        values = [None if verdict is None else verdict.value for verdict in judged]
        routing = probabilities(values, self.budget, mix=self.mix, floor=self.audit_floor)
        return [
            self._item(queue, sample, verdict, float(p))
            for sample, verdict, p in zip(answered, judged, routing.p, strict=True)
        ]

    def _item(self, queue: ReviewQueue, sample: Sample, verdict: Score | None, p: float) -> ReviewItem:
        u = permanent_uniform(queue.project, queue.name, sample.run_id, sample.example_id, sample.repetition, self.seed)
        failed = verdict is None or verdict.value is None
        shown = {"input": sample.input, "output": sample.output}
        if self.show_expected:
            shown["expected"] = sample.expected
        name = [queue.queue_id, sample.run_id, sample.example_id, sample.repetition]
        return ReviewItem(
            item_id=digests.of_json(name)[:20],
            queue_id=queue.queue_id,
            project=queue.project,
            reason="the judge failed" if failed else "audit" if u < self.audit_floor else "ambiguous",
            status=ItemStatus.WAITING if u < p else ItemStatus.HELD,
            u=u,
            p=p,
            wave=self.wave,
            machine=_machine(self.judge, verdict),
            shown=shown,
            run_id=sample.run_id,
            example_id=sample.example_id,
            repetition=sample.repetition,
            trace_id=sample.trace_id,
            span_id=sample.span_id,
            created_ns=clock.now_ns(),
        )


def _key(score: Score) -> tuple[str | None, str | None, int | None]:
    return score.run_id, score.example_id, score.repetition


def _machine(name: str, verdict: Score | None) -> dict[str, Any]:
    if verdict is None:
        return {"name": name, "value": None}
    return {
        "name": verdict.name,
        "value": verdict.value,
        "label": verdict.label,
        "explanation": verdict.explanation,
        "confidence": verdict.confidence,
    }
