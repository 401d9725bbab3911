"""Which samples go to people: one permanent draw and one recorded probability each, before anyone labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from weft import clock, digests, ids, recording
from weft.errors import InputError
from weft.records import ItemStatus, ReviewItem, ReviewQueue, ReviewTarget, Sample, Score, Span
from weft.repositories import Store
from weft.reviews.cases import Case, cases_of_samples, cases_of_spans, looked_up
from weft.reviews.rules import Ambiguous, Rule
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

    ``new`` counts the items that were not in the queue before, ``raised`` those that were held there and are sent now,
    ``expected`` is the number sent on average.
    """

    queue: ReviewQueue
    sent: int
    held: int
    new: int
    without_answer: int
    expected: float
    raised: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """How doubtful a case is: the greatest doubt of any rule, the least chance that rules give it, and the reason."""

    doubt: float
    least: float
    reason: str


@dataclass(slots=True)
class Memory:
    """The doubts about the last cases of a stream, so that a budget holds over batches of any size: with a batch of one
    alone there is nothing to be more doubtful than. One belongs to one policy of one stream."""

    doubts: deque[Doubt] = field(default_factory=lambda: deque(maxlen=1000))


DEFAULT_CHOICES = (Choice("correct", 1.0, "y"), Choice("incorrect", 0.0, "n"))
_SCALE = 1 << 53
_SAME = 1e-9  # chances nearer than this differ by rounding only


def permanent_uniform(project: str, queue: str, run_id: str, example_id: str, repetition: int, seed: int = 0) -> float:
    """The one number in [0, 1) that belongs to a sample in a queue: 53 bits of the BLAKE3 digest of its names."""
    return _uniform(project, queue, [run_id, example_id, repetition], seed)


def _uniform(project: str, queue: str, names: Sequence[Any], seed: int) -> float:
    digest = digests.of_json(["weft review draw", seed, project, queue, *names])
    return (int(digest[:16], 16) >> 11) / _SCALE


@dataclass(frozen=True)
class ReviewPolicy:
    """Sends cases to a review queue, doubtful ones more often, every one with a chance of at least ``audit_floor``.

    ``judge`` names the machine's score that labels correct, whose values in [0, 1] are read as P(good); None where
    there is none. ``rules`` say which cases are doubtful (see :mod:`weft.reviews.rules`): without them, those about
    which the judge is ambiguous. Each case's probability is the maximum over all rules. ``budget`` is the share of the
    cases to be sent, ``mix`` how much of it is spent evenly. A case whose judge failed is always sent.
    A change of policy for reasons not learned from labels raises the chances of cases in the queue; for one that labels
    led to, take the next ``wave``, which is estimated apart.
    ``choices`` (labels with values in [0, 1]) and ``question`` are what the reviewer sees; a label becomes a human
    score named ``score_name``. ``target`` (``one``, ``mean``, ``adjudicated``) says what completes a case and
    ``reviewers`` how many label it. A queue that exists keeps its settings. Raises InputError for values out of range.
    """

    queue: str
    judge: str | None = "judge"
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
    rules: Sequence[Rule] | None = None
    target: ReviewTarget | str = ReviewTarget.ONE
    reviewers: int = 1

    def __post_init__(self) -> None:
        if not ids.is_name(self.queue):
            raise InputError(
                f"The queue name {self.queue!r} cannot stand in an address.",
                remedy=f"Use {ids.NAME_RULE}.",
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
        if self.target not in set(ReviewTarget):
            raise InputError(
                f"target is {self.target!r}.", remedy=f"Use one of {', '.join(ReviewTarget)}.", field="target"
            )
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
            "rules": [rule.as_data() for rule in self.all_rules],
        }

    @property
    def all_rules(self) -> list[Rule]:
        """The rules in force."""
        if self.rules is not None:
            return list(self.rules)
        return [] if self.judge is None else [Ambiguous(self.judge)]

    def route(self, result: Evaluated) -> RoutingReport:
        """Put the samples of an evaluation's result into the queue, through the current session's store."""
        store = recording.require("ReviewPolicy.route").store
        return self.route_samples(store, result.project, result.samples, result.scores)

    def route_samples(
        self, store: Store, project: str, samples: Sequence[Sample], scores: Iterable[Score]
    ) -> RoutingReport:
        """Put samples into the queue, all of them: those that the draw does not send are held.

        Routing the same samples again changes nothing; with a policy that gives some a greater chance, those are raised
        with their number U as it was. Raises InputError where the judge's values leave [0, 1].
        """
        cases = cases_of_samples(samples, scores, show_expected=self.show_expected)
        return self.route_cases(store, project, cases, without_answer=len(samples) - len(cases))

    def route_spans(
        self,
        store: Store,
        project: str,
        spans: Sequence[Span],
        scores: Iterable[Score],
        *,
        memory: Memory | None = None,
    ) -> RoutingReport:
        """Put spans into the queue, as :meth:`route_samples` does samples; ``scores`` are those of the spans.

        A stream that is routed in small batches keeps one ``memory``.
        """
        return self.route_cases(store, project, cases_of_spans(spans, scores), memory=memory)

    def route_cases(
        self,
        store: Store,
        project: str,
        cases: Sequence[Case],
        *,
        without_answer: int = 0,
        memory: Memory | None = None,
    ) -> RoutingReport:
        """Put cases into the queue, after what the rules ask of the store was looked up."""
        rules = self.all_rules
        queries, names = (
            list(chain.from_iterable(getattr(rule, asked) for rule in rules)) for asked in ("queries", "feedback")
        )
        cases = looked_up(store, project, cases, queries, names)
        queue = store.reviews.create_queue(
            ReviewQueue(
                queue_id=ids.new_id(),
                project=project,
                name=self.queue,
                score_name=self.score_name,
                rubric=self.rubric(),
                policy=self.as_data(),
                created_ns=clock.now_ns(),
                target=ReviewTarget(self.target),
                reviewers=self.reviewers,
            )
        )
        items = self.draw_cases(queue, cases, memory)
        new = store.reviews.add_items(items)
        raised = 0 if new == len(items) else self._raise(store, queue, items)
        sent = sum(item.status == ItemStatus.WAITING for item in items)
        return RoutingReport(
            queue=store.reviews.get_queue(queue.queue_id),
            sent=sent,
            held=len(items) - sent,
            new=new,
            without_answer=without_answer,
            expected=sum(item.p or 0.0 for item in items),
            raised=raised,
        )

    def _raise(self, store: Store, queue: ReviewQueue, items: Sequence[ReviewItem]) -> int:
        """Give cases that are in the queue already their greater chances. Those of another wave keep theirs: what
        labels taught must not change how they were drawn."""
        chances = {item.item_id: item.p for item in items if item.p is not None}
        higher: dict[str, float] = {}
        cursor: str | None = None
        while True:
            page = store.reviews.list_items(queue.queue_id, limit=1000, cursor=cursor)
            for item in page.items:
                p = chances.get(item.item_id)
                if p is not None and item.p is not None and item.wave == self.wave and p > item.p + _SAME:
                    higher[item.item_id] = p
            if (cursor := page.cursor) is None:
                break
        return store.reviews.raise_p(queue.queue_id, higher) if higher else 0

    def draw(self, queue: ReviewQueue, samples: Sequence[Sample], scores: Iterable[Score]) -> list[ReviewItem]:
        """The item of each sample that has an answer, its number and probability drawn; nothing is stored here."""
        return self.draw_cases(queue, cases_of_samples(samples, scores, show_expected=self.show_expected))

    def draw_cases(self, queue: ReviewQueue, cases: Sequence[Case], memory: Memory | None = None) -> list[ReviewItem]:
        """The item of each case, its number and probability drawn; nothing is stored here."""
        doubts = self._doubts(cases)
        earlier = [] if memory is None else list(memory.doubts)
        verdicts = [None if self.judge is None else case.score(self.judge) for case in cases]
        failed = [self.judge is not None and (v is None or v.value is None) for v in verdicts]
        whole = [*earlier, *doubts]
        routing = probabilities(
            [*[0.5] * len(earlier), *(None if lost else 0.5 for lost in failed)],
            self.budget,
            mix=self.mix,
            floor=self.audit_floor,
            uncertainty=[one.doubt for one in whole],
            least=[one.least for one in whole],
        )
        if memory is not None:
            memory.doubts.extend(one for one, lost in zip(doubts, failed, strict=True) if not lost)
        rows = zip(cases, verdicts, doubts, failed, routing.p[len(earlier) :], strict=True)
        return [
            self._item(queue, case, verdict, "the judge failed" if lost else doubt.reason, float(p))
            for case, verdict, doubt, lost, p in rows
        ]

    def _doubts(self, cases: Sequence[Case]) -> list[Doubt]:
        found = [Doubt(0.0, 0.0, "")] * len(cases)
        for rule in self.all_rules:
            for place, value in enumerate(rule.doubt(cases)):
                before = found[place]
                least = max(before.least, rule.p if value > 0 and rule.p is not None else 0.0)
                stronger = value > before.doubt or least > before.least
                found[place] = Doubt(max(before.doubt, value), least, rule.name if stronger else before.reason)
        return found

    def _item(self, queue: ReviewQueue, case: Case, verdict: Score | None, reason: str, p: float) -> ReviewItem:
        u = _uniform(queue.project, queue.name, case.names, self.seed)
        if reason in ("", Ambiguous.name) and u < self.audit_floor:
            reason = "audit"
        return ReviewItem(
            item_id=digests.of_json([queue.queue_id, *case.names])[:20],
            queue_id=queue.queue_id,
            project=queue.project,
            reason=reason or "drawn",
            status=ItemStatus.WAITING if u < p else ItemStatus.HELD,
            u=u,
            p=p,
            wave=self.wave,
            machine=_machine(self.judge, verdict),
            shown=case.shown,
            run_id=case.run_id,
            example_id=case.example_id,
            repetition=case.repetition,
            trace_id=case.trace_id,
            span_id=case.span_id,
            created_ns=clock.now_ns(),
        )


def _machine(name: str | None, verdict: Score | None) -> dict[str, Any]:
    if verdict is None:
        return {} if name is None else {"name": name, "value": None}
    return {
        "name": verdict.name,
        "value": verdict.value,
        "label": verdict.label,
        "explanation": verdict.explanation,
        "confidence": verdict.confidence,
    }
