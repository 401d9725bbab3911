"""Why a case should go to people: rules that a review policy is made of.

A rule says of each case how doubtful it is, from 0 to 1. The policy takes the greatest doubt over all its rules and
spends its budget by it, so every case's probability is the maximum over all rules; a rule with a ``p`` of its own gives
the cases that it hits at least that chance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from weft import query
from weft.errors import InputError
from weft.records import Score
from weft.reviews.cases import Case


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """What all rules have: ``weight`` in (0, 1] is the doubt of a plain hit, ``p`` the least chance of a case that it
    hits (1.0: every one of them is sent). Raises InputError where they are not."""

    weight: float = 1.0
    p: float | None = None

    name = "rule"

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise InputError(f"weight is {self.weight}.", remedy="Use a number above 0, at most 1.", field="weight")
        if self.p is not None and not 0 < self.p <= 1:
            raise InputError(f"p is {self.p}.", remedy="Use a probability above 0.", field="p")

    @abstractmethod
    def doubt(self, cases: Sequence[Case]) -> list[float]:
        """How doubtful each case is, from 0 (not at all) to 1."""

    @property
    def scores(self) -> tuple[str, ...] | None:
        """The names of the scores that it reads; None for all."""
        return ()

    @property
    def queries(self) -> tuple[str, ...]:
        """The queries that it asks of spans."""
        return ()

    @property
    def feedback(self) -> tuple[str, ...]:
        """The names of people's feedback that it reads."""
        return ()

    def as_data(self) -> dict[str, Any]:
        """The rule as the queue keeps it."""
        return {"rule": type(self).__name__, **asdict(self)}


class Single(Rule):
    """A rule that looks at each case by itself."""

    def doubt(self, cases: Sequence[Case]) -> list[float]:
        """How doubtful each case is, from 0 (not at all) to 1."""
        return [self.weight * self.of(case) for case in cases]

    @abstractmethod
    def of(self, case: Case) -> float:
        """The doubt about one case, before the weight."""


@dataclass(frozen=True)
class Ambiguous(Single):
    """The nearer a score in [0, 1] is to 0.5, the more doubt."""

    score: str = "judge"

    name = "ambiguous"

    @property
    def scores(self) -> tuple[str, ...]:
        """The score it reads."""
        return (self.score,)

    def of(self, case: Case) -> float:
        """2 min(f, 1 - f); 0 without a value. Raises InputError for a value outside [0, 1]."""
        value = _value(case, self.score)
        if value is None:
            return 0.0
        if not 0 <= value <= 1:
            raise InputError(
                f"A machine value is not in [0, 1]: {self.score} is {value:g}.",
                remedy="Scale the scores, or use the rule Band.",
                field="f",
            )
        return 2 * min(value, 1 - value)


@dataclass(frozen=True)
class Band(Single):
    """A score in [``low``, ``high``]."""

    score: str
    low: float
    high: float

    name = "in the band"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low <= self.high:
            raise InputError(f"The band reaches from {self.low} to {self.high}.", field="low")

    @property
    def scores(self) -> tuple[str, ...]:
        """The score it reads."""
        return (self.score,)

    def of(self, case: Case) -> float:
        """1 in the band."""
        value = _value(case, self.score)
        return float(value is not None and self.low <= value <= self.high)


@dataclass(frozen=True)
class LowConfidence(Single):
    """The confidence that a judge gave with its score is below ``below``; one that gave none is not hit."""

    score: str = "judge"
    below: float = 0.7

    name = "low confidence"

    @property
    def scores(self) -> tuple[str, ...]:
        """The score it reads."""
        return (self.score,)

    def of(self, case: Case) -> float:
        """1 below the limit."""
        score = case.score(self.score)
        return float(score is not None and score.confidence is not None and score.confidence < self.below)


@dataclass(frozen=True)
class JudgesDisagree(Single):
    """Scores of several judges differ by more than ``by``, or in their labels."""

    judges: tuple[str, ...]
    by: float = 0.0

    name = "judges disagree"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.judges) < 2:
            raise InputError("One judge cannot disagree.", remedy="Name two or more.", field="judges")

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores it reads."""
        return tuple(self.judges)

    def of(self, case: Case) -> float:
        """How far the scores are apart, at most 1."""
        return _spread([case.score(name) for name in self.judges], self.by)


@dataclass(frozen=True)
class RepetitionsDisagree(Rule):
    """The repetitions of one example differ in a score by more than ``by``: all of them are hit."""

    score: str = "judge"
    by: float = 0.0

    name = "repetitions disagree"

    @property
    def scores(self) -> tuple[str, ...]:
        """The score it reads."""
        return (self.score,)

    def doubt(self, cases: Sequence[Case]) -> list[float]:
        """How far the example's scores are apart, at most 1."""
        together: dict[tuple[str | None, str | None], list[Score | None]] = {}
        for case in cases:
            together.setdefault((case.run_id, case.example_id), []).append(case.score(self.score))
        return [
            0.0 if case.example_id is None else self.weight * _spread(together[(case.run_id, case.example_id)], self.by)
            for case in cases
        ]


@dataclass(frozen=True)
class ScorerError(Single):
    """A scorer failed: any, or one of those named."""

    named: tuple[str, ...] = ()

    name = "scorer error"

    @property
    def scores(self) -> tuple[str, ...] | None:
        """The scores it reads: all, where none is named."""
        return tuple(self.named) or None

    def of(self, case: Case) -> float:
        """1 where one failed."""
        return float(any(s.failure is not None and (not self.named or s.name in self.named) for s in case.scores))


@dataclass(frozen=True)
class NegativeFeedback(Single):
    """A user gave the answer's trace thumbs down, or feedback of one of these names with a value below ``below``."""

    named: tuple[str, ...] = ("thumbs",)
    below: float = 0.5

    name = "negative feedback"

    @property
    def feedback(self) -> tuple[str, ...]:
        """The feedback it reads."""
        return tuple(self.named)

    def of(self, case: Case) -> float:
        """1 where there is some."""
        return float(any(s.name in self.named and s.value is not None and s.value < self.below for s in case.feedback))


@dataclass(frozen=True)
class Matching(Single):
    """A span of the answer's trace matches an expression of the query language."""

    where: str

    name = "matching"

    def __post_init__(self) -> None:
        super().__post_init__()
        query.parse(self.where)

    @property
    def queries(self) -> tuple[str, ...]:
        """The expression."""
        return (self.where,)

    def of(self, case: Case) -> float:
        """1 where it matches."""
        return float(self.where in case.found)


@dataclass(frozen=True)
class GuardrailHit(Matching):
    """A guardrail stopped something in the answer's trace."""

    where: str = 'kind == "guardrail" and status == "error"'

    name = "guardrail hit"


def _value(case: Case, name: str) -> float | None:
    score = case.score(name)
    return None if score is None else score.value


def _spread(scores: Sequence[Score | None], by: float) -> float:
    values = [score.value for score in scores if score is not None and score.value is not None]
    labels = {score.label for score in scores if score is not None and score.value is None and score.label is not None}
    if len(labels) > 1:
        return 1.0
    apart = max(values) - min(values) if values else 0.0
    return min(1.0, apart) if apart > by else 0.0
