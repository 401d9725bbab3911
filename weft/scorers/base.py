"""What a scorer is: a name, a configuration, and a ``score`` method whose parameters are bound by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, overload

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from weft import digests
from weft.errors import InputError
from weft.records import ScoreSource
from weft.tracing.source import source_of


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """One judgement: a finite ``value``, a ``label``, or both. Raises InputError where it is neither or not finite.

    ``metadata`` is what else is worth keeping with the score, as JSON: the votes of a panel, the digest of a prompt.
    """

    value: float | None = None
    label: str | None = None
    explanation: str | None = None
    confidence: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.value is None and self.label is None:
            raise InputError("A score needs a value or a label.", field="value")
        for name, number in (("value", self.value), ("confidence", self.confidence)):
            if number is not None and not math.isfinite(number):
                raise InputError(f"The {name} of a score is {number}; it must be finite.", field=name)
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InputError(f"The confidence is {self.confidence}; it must lie in [0, 1].", field="confidence")


class Configured(BaseModel):
    """What every scorer is: a name, settings as Pydantic fields, and a digest of code and settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    name: str = ""

    source: ClassVar[ScoreSource] = ScoreSource.CODE

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        return {**data, "name": data.get("name") or snake_case(cls.__name__)} if isinstance(data, dict) else data

    def config(self) -> dict[str, Any]:
        """The settings as JSON, without secrets."""
        return self.model_dump(mode="json", by_alias=True)

    def digest(self) -> str:
        """The digest of code (of the class and what it inherits) and settings: with equal digests two judge alike."""
        code = [source_of(kind) for kind in type(self).__mro__ if issubclass(kind, Configured)]
        return digests.of_json({"code": code, "config": self.config()})

    def renamed(self, name: str) -> Self:
        """The same scorer under another name."""
        return self.model_copy(update={"name": name})


class Scorer(Configured):
    """Judges an answer. Subclass it, declare the settings as fields, and write ``score``.

    ``score`` may ask for ``output`` (what the target returned), ``expected``, ``input`` (what the target was given),
    ``example`` (the whole row), ``trace`` (a :class:`weft.scorers.SampleTrace`: the spans of the call) and every column
    of the row, by parameter name; it may be a coroutine. It returns a bool, a number, a label (str), a
    :class:`ScoreValue`, or a dict of those, each then a score named ``name/key``.
    What it raises becomes the record of a failed score: missing, never zero.
    """

    quick: ClassVar[bool] = False
    """Whether ``score`` never waits and takes microseconds; it is then called without a thread of its own."""

    def score(self, *args: Any, **kwargs: Any) -> Any:
        """Judge one answer."""
        raise InputError(f"The scorer {type(self).__name__} has no method 'score'.", field=self.name)

    def columns(self) -> dict[str, str]:
        """Parameters of ``score`` that take a column of another name: a field ``column_map`` of a subclass."""
        return dict(getattr(self, "column_map", None) or {})

    def summarize(self, score_rows: list[Any]) -> Any:
        """Sum up what ``score`` gave, one value or dict a sample. A subclass that does is asked at the end of an
        evaluation, and its answer stands in the result beside the aggregates; None is no answer."""
        return None

    async def aclose(self) -> None:
        """Let go of connections; the evaluation calls it at its end."""

    @property
    def function(self) -> Callable[..., Any]:
        """What is called to score."""
        return self.score


class FunctionScorer(Scorer):
    """A function as a scorer; made by :func:`scorer`. Calling it calls the function."""

    _function: Callable[..., Any] = PrivateAttr()

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        super().__init__(name=name or str(getattr(function, "__name__", type(function).__name__)))
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(*args, **kwargs)

    def score(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(*args, **kwargs)

    @property
    def function(self) -> Callable[..., Any]:
        """The function, whose parameters say what it needs."""
        return self._function

    def digest(self) -> str:
        """The digest of the function's source and name."""
        return digests.of_json({"code": source_of(self._function), "config": self.config()})


@overload
def scorer(function: Callable[..., Any], /) -> FunctionScorer: ...
@overload
def scorer(*, name: str) -> Callable[[Callable[..., Any]], FunctionScorer]: ...
def scorer(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None
) -> FunctionScorer | Callable[[Callable[..., Any]], FunctionScorer]:
    """Make a scorer of a function or coroutine: ``@weft.scorer`` or ``@weft.scorer(name="short")``."""
    if function is None:
        return lambda given: FunctionScorer(given, name)
    return FunctionScorer(function, name)


def as_scorer(given: Any) -> Scorer:
    """The scorer that ``given`` is, or that a plain function becomes. Raises InputError for anything else."""
    if isinstance(given, Scorer):
        return given
    if isinstance(given, Configured):
        raise InputError(f"{given.name} judges a whole dataset, not one answer.", field="scorers")
    if isinstance(given, type):
        raise InputError(
            f"{given.__name__} is a class, not a scorer.", remedy=f"Write {given.__name__}().", field="scorers"
        )
    if callable(given):
        return FunctionScorer(given)
    raise InputError(
        f"{given!r} is not a scorer.", remedy="Give a weft.Scorer, or a function of the output.", field="scorers"
    )


def as_values(name: str, outcome: Any) -> dict[str, ScoreValue]:
    """What a scorer returned as scores by name. Raises InputError for what is no score or not finite."""
    if isinstance(outcome, Mapping):
        if not outcome:
            raise InputError(f"The scorer {name} returned an empty dict.", field=name)
        found: dict[str, ScoreValue] = {}
        for key, value in outcome.items():
            if value is not None:  # missing, as where a part does not apply
                found.update(as_values(f"{name}/{key}", value))
        return found
    return {name: as_value(name, outcome)}


def as_value(name: str, outcome: Any) -> ScoreValue:
    """One returned thing as a score: bools count 1 and 0, numpy scalars as numbers, text as a label."""
    if isinstance(outcome, ScoreValue):
        return outcome
    if isinstance(outcome, str):
        return ScoreValue(label=outcome)
    if hasattr(outcome, "item") and getattr(outcome, "size", 1) == 1:
        outcome = outcome.item()
    if isinstance(outcome, bool | int | float):
        return ScoreValue(value=float(outcome))
    raise InputError(
        f"The scorer {name} returned a {type(outcome).__name__}.",
        remedy="Return a bool, a number, a label, a ScoreValue, or a dict of those.",
        field=name,
    )


def snake_case(name: str) -> str:
    """``JsonValid`` as ``json_valid``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
