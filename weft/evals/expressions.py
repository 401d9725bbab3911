"""Gate expressions such as ``correct >= 0.8``: parsed here, never evaluated.

gate   := metric (">=" | ">" | "<=" | "<") number ["%"] ["by" ("interval" | "value")]
metric := name | text in double or single quotes
name   := a letter or "_", then letters, digits and any of "_", ".", "/", "-", "@"; for the share of a label
          "=" and the label behind it: verdict=refused
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from weft.errors import InputError

Bound = Literal["interval", "value"]
_LONGEST = 500
_METRIC = re.compile(r"[A-Za-z_][\w./@-]*(?:=[\w./@-]+)?")
_QUOTED = re.compile(r""""([^"]+)"|'([^']+)'""")
_OPERATOR = re.compile(r">=|<=|>|<")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SPACE = re.compile(r"\s*")
_EXAMPLE = 'Write it like "correct >= 0.8" or "cost_usd <= 0.02".'


@dataclass(frozen=True, slots=True)
class Condition:
    """What an expression asks: ``metric`` compared with ``limit`` by ``operator``, over the interval or the value."""

    metric: str
    operator: str
    limit: float
    bound: Bound


def parse(text: str) -> Condition:
    """The condition that an expression states. Raises InputError whose ``column`` (from 1) is where the mistake is."""
    if len(text) > _LONGEST:
        raise _wrong(f"it is longer than {_LONGEST} characters.", _LONGEST + 1)
    at = _past(text, 0)
    quoted = _QUOTED.match(text, at)
    found = quoted or _METRIC.match(text, at)
    if found is None:
        if at == len(text):
            raise _wrong("it is empty.", 1)
        what = "a quote is not closed" if text[at] in "\"'" else f"{text[at]!r} begins no metric"
        raise _wrong(f"{what}.", at + 1)
    metric = (quoted[1] or quoted[2]) if quoted else found[0]
    at = _past(text, found.end())
    operator = _OPERATOR.match(text, at)
    if operator is None:
        raise _wrong(f"{_rest(text, at)} stands where one of >=, >, <= and < is missing.", at + 1)
    at = _past(text, operator.end())
    number = _NUMBER.match(text, at)
    if number is None:
        raise _wrong(f"{_rest(text, at)} stands where a number is missing.", at + 1)
    limit = float(number[0])
    if not math.isfinite(limit):
        raise _wrong(f"{number[0]} is too large.", at + 1)
    at = _past(text, number.end())
    if text.startswith("%", at):
        limit, at = limit / 100, _past(text, at + 1)
    return Condition(metric, operator[0], limit, _bound(text, at))


def written(metric: str) -> str:
    """A metric as an expression names it."""
    if _METRIC.fullmatch(metric):
        return metric
    return f'"{metric}"' if '"' not in metric else f"'{metric}'"


def _bound(text: str, at: int) -> Bound:
    if at == len(text):
        return "interval"
    words = re.match(r"by\s+(\w+)\s*", text[at:])
    if words is None:
        raise _wrong(
            f"{_rest(text, at)} is not expected here.", at + 1, "A gate is one comparison; give several gates."
        )
    if words[1] not in ("interval", "value"):
        raise _wrong(f"{words[1]!r} is neither interval nor value.", at + words.start(1) + 1)
    if at + words.end() < len(text):
        raise _wrong(f"{_rest(text, at + words.end())} is not expected here.", at + words.end() + 1)
    return "value" if words[1] == "value" else "interval"


def _past(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _rest(text: str, at: int) -> str:
    return "the end" if at >= len(text) else repr(text[at : at + 20])


def _wrong(problem: str, column: int, remedy: str = _EXAMPLE) -> InputError:
    return InputError(f"The gate is wrong at column {column}: {problem}", remedy=remedy, field="gate", column=column)
