"""What reviewers are asked: the fields of a rubric, which answers they allow, and what an answer counts as.

As data a rubric is ``{"question", "instructions"?, "fields": [field, ...], "counting": name}`` with fields
``{"name", "type", "question"?, "help"?, "required"?, "choices"?, "min"?, "max"?, "step"?, "low"?, "high"?}``. The short
form ``{"question", "choices"}`` is one field of categories named ``answer``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from weft import ids
from weft.errors import InputError

_LONGEST = 1_000_000  # characters of a written answer
_MOST = 100  # fields of a rubric, and choices of a field


class FieldType(StrEnum):
    """How a field is answered: with a label (``binary``, ``categories``, ``pairwise``: ``a``, ``b`` or ``tie`` unless
    it has choices of its own), a list of labels (``multi``), a number (``scale``, ``number``), or text (``text``,
    ``corrected``: the answer as it should have been)."""

    BINARY = "binary"
    CATEGORIES = "categories"
    MULTI = "multi"
    SCALE = "scale"
    NUMBER = "number"
    TEXT = "text"
    PAIRWISE = "pairwise"
    CORRECTED = "corrected"


_OF_ONE = frozenset({FieldType.BINARY, FieldType.CATEGORIES, FieldType.PAIRWISE})
_WRITTEN = frozenset({FieldType.TEXT, FieldType.CORRECTED})
_COUNTS = _OF_ONE | {FieldType.SCALE, FieldType.NUMBER}
_USUAL: dict[FieldType, list[dict[str, Any]]] = {
    FieldType.BINARY: [{"label": "yes", "value": 1.0, "key": "y"}, {"label": "no", "value": 0.0, "key": "n"}],
    FieldType.PAIRWISE: [
        {"label": "a", "value": 1.0, "key": "1"},
        {"label": "b", "value": 0.0, "key": "2"},
        {"label": "tie", "value": 0.5, "key": "3"},
    ],
}
_SHORT = [{"label": "correct", "value": 1.0, "key": "y"}, {"label": "incorrect", "value": 0.0, "key": "n"}]


@dataclass(frozen=True, slots=True)
class RubricChoice:
    """An answer that can be chosen, what it counts as (None: nothing), and the key that gives it."""

    label: str
    value: float | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class RubricField:
    """One thing that is asked. ``low`` and ``high`` are words for the ends of a scale."""

    name: str
    type: FieldType
    question: str = ""
    help: str = ""
    required: bool = True
    choices: list[RubricChoice] = field(default_factory=list)
    min: float | None = None
    max: float | None = None
    step: float | None = None
    low: str = ""
    high: str = ""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The least and the greatest that an answer can count as; None where there are none."""
        if self.type in _OF_ONE:
            values = [choice.value for choice in self.choices if choice.value is not None]
            return (min(values), max(values)) if values else None
        if self.type is FieldType.SCALE:
            return 0.0, 1.0
        if self.type is FieldType.NUMBER and self.min is not None and self.max is not None:
            return self.min, self.max
        return None

    def checked(self, answer: Any) -> Any:
        """The answer as it is kept. Raises InputError where it is none of this field."""
        if self.type in _OF_ONE:
            return self._chosen(answer)
        if self.type is FieldType.MULTI:
            if not isinstance(answer, list | tuple):
                raise self._wrong(answer, "a list of choices")
            picked = {self._chosen(one) for one in answer}
            return [choice.label for choice in self.choices if choice.label in picked]
        if self.type in _WRITTEN:
            if not isinstance(answer, str) or len(answer) > _LONGEST:
                raise self._wrong(answer, f"text of at most {_LONGEST:,} characters")
            return answer
        return self._measured(answer)

    def counts_as(self, answer: Any) -> tuple[str | None, float | None]:
        """The label and the value of a checked answer: a place on a scale counts from 0 to 1, a number as it is."""
        if self.type in _OF_ONE:
            return answer, next((choice.value for choice in self.choices if choice.label == answer), None)
        if self.type is FieldType.MULTI:
            return ", ".join(answer), None
        if self.type in _WRITTEN:
            return None, None
        if self.type is FieldType.SCALE:
            low, high = self.min or 0.0, self.max or 0.0
            return f"{answer:g}", (answer - low) / (high - low)
        return f"{answer:g}", float(answer)

    def _chosen(self, answer: Any) -> str:
        if isinstance(answer, bool) and self.type is FieldType.BINARY:
            return self.choices[0 if answer else 1].label
        for choice in self.choices:
            if choice.label == answer:
                return choice.label
        raise self._wrong(answer, "one of " + ", ".join(choice.label for choice in self.choices))

    def _measured(self, answer: Any) -> float:
        low = -math.inf if self.min is None else self.min
        high = math.inf if self.max is None else self.max
        if isinstance(answer, bool) or not isinstance(answer, int | float) or not math.isfinite(answer):
            raise self._wrong(answer, "a number")
        steps = (answer - low) / self.step if self.step and self.min is not None else 0.0
        if not low <= answer <= high or abs(steps - round(steps)) > 1e-9:
            raise self._wrong(
                answer, f"a number from {low:g} to {high:g}" + (f" in steps of {self.step:g}" if self.step else "")
            )
        return answer

    def _wrong(self, answer: Any, wanted: str) -> InputError:
        shown = repr(answer)
        shown = shown if len(shown) <= 60 else shown[:60] + "..."
        return InputError(
            f"{shown} is no answer to the field {self.name!r}.",
            remedy=f"It takes {wanted}.",
            field=f"answers.{self.name}",
        )


@dataclass(frozen=True, slots=True)
class Rubric:
    """What is asked of one item; ``counting`` names the field whose value is the item's."""

    question: str
    instructions: str
    fields: list[RubricField]
    counting: str

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Rubric:
        """The rubric that ``data`` describes. Raises InputError naming what is wrong with it."""
        rows = data.get("fields")
        if rows is None:
            rows = [{"name": "answer", "type": "categories", "choices": data.get("choices") or _SHORT}]
        if not isinstance(rows, list | tuple) or not 0 < len(rows) <= _MOST:
            raise _bad(f"A rubric has 1 to {_MOST} fields")
        fields = [_field(row) for row in rows]
        names = [one.name for one in fields]
        if len(set(names)) < len(names):
            raise _bad("Two fields have the same name")
        able = [one.name for one in fields if one.type in _COUNTS and one.bounds is not None]
        counting = data.get("counting", able[0] if able else None)
        if counting not in able:
            raise _bad(
                f"The field {counting!r} cannot be the counting one"
                if counting
                else "No field of the rubric can be the counting one",
                "It must be binary, categories or pairwise with values, a scale, or a number with min and max.",
            )
        one = next(one for one in fields if one.name == counting)
        if not one.required or any(choice.value is None for choice in one.choices):
            raise _bad(f"The counting field {counting!r} must be required, and each of its choices have a value")
        return cls(_words(data, "question"), _words(data, "instructions"), fields, counting)

    def field(self, name: str) -> RubricField:
        """The field of this name. Raises InputError."""
        for one in self.fields:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.fields)
        raise InputError(f"The rubric has no field {name!r}.", remedy=f"Its fields: {known}.", field=f"answers.{name}")

    def check(self, answers: Mapping[str, Any], *, whole: bool = True) -> dict[str, Any]:
        """The answers as they are kept, by field; one that is None counts as not given.

        Raises InputError for a field that is not there, an answer that the field does not allow, and, unless
        ``whole`` is false, a required field without an answer.
        """
        if not isinstance(answers, Mapping):
            raise InputError("The answers are no JSON object.", remedy="Give a field's name for each.", field="answers")
        given = {name: self.field(name).checked(answer) for name, answer in answers.items() if answer is not None}
        for one in self.fields:
            if whole and one.required and given.get(one.name) in (None, "", []):
                raise InputError(
                    f"The field {one.name!r} has no answer.", remedy="It is required.", field=f"answers.{one.name}"
                )
        return {one.name: given[one.name] for one in self.fields if one.name in given}

    def counts_as(self, answers: Mapping[str, Any]) -> tuple[str | None, float | None]:
        """The label and the value of checked answers in the counting field."""
        return self.field(self.counting).counts_as(answers[self.counting])

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that an item can have."""
        return self.field(self.counting).bounds or (0.0, 1.0)


def _bad(message: str, remedy: str = "") -> InputError:
    return InputError(f"{message}.", remedy=remedy or "See `Rubrics` in how-to/review.md.", field="rubric")


def _words(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    if not isinstance(value, str):
        raise _bad(f"{name!r} in the rubric is no text")
    return value


def _field(row: Any) -> RubricField:
    if not isinstance(row, Mapping) or not isinstance(row.get("name"), str) or not ids.is_name(row["name"]):
        raise _bad("A field of the rubric has no name", f"Use {ids.NAME_RULE}.")
    name = row["name"]
    try:
        kind = FieldType(row.get("type", "categories"))
    except ValueError:
        raise _bad(f"The field {name!r} is of no known type", f"Use one of {', '.join(FieldType)}.") from None
    choices = [_choice(name, one, at) for at, one in enumerate(row.get("choices") or _USUAL.get(kind, []), start=1)]
    if kind in _OF_ONE or kind is FieldType.MULTI:
        if not 0 < len(choices) <= _MOST or len({choice.label for choice in choices}) < len(choices):
            raise _bad(f"The field {name!r} needs 1 to {_MOST} choices with different labels")
        if kind is FieldType.BINARY and len(choices) != 2:
            raise _bad(f"The binary field {name!r} needs two choices")
    numbers = {end: _number(name, row, end) for end in ("min", "max", "step")}
    if kind is FieldType.SCALE:
        numbers = {**{"min": 1.0, "max": 5.0, "step": 1.0}, **{k: n for k, n in numbers.items() if n is not None}}
    low, high, step = numbers["min"], numbers["max"], numbers["step"]
    if (low is not None and high is not None and not low < high) or (step is not None and step <= 0):
        raise _bad(f"The field {name!r} needs min below max and a step above 0")
    return RubricField(
        name,
        kind,
        _words(row, "question"),
        _words(row, "help"),
        bool(row.get("required", kind not in _WRITTEN and kind is not FieldType.MULTI)),
        choices,
        low,
        high,
        step,
        _words(row, "low"),
        _words(row, "high"),
    )


def _choice(name: str, row: Any, position: int) -> RubricChoice:
    if isinstance(row, str):
        row = {"label": row}
    if not isinstance(row, Mapping) or not isinstance(row.get("label"), str) or not 0 < len(row["label"]) <= 256:
        raise _bad(f"A choice of the field {name!r} has no label of 1 to 256 characters")
    key = row.get("key") or (str(position) if position <= 9 else "")
    if not isinstance(key, str):
        raise _bad(f"A key of the field {name!r} is no text")
    return RubricChoice(row["label"], _number(name, row, "value"), key)


def _number(name: str, row: Mapping[str, Any], end: str) -> float | None:
    value = row.get(end)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _bad(f"{end!r} of the field {name!r} is no finite number")
    return float(value)
