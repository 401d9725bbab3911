"""Filters over the samples of an evaluation, such as ``judge < 0.5 and not failed``: parsed here, never evaluated.

filter    := condition ("and" condition)*
condition := ["not"] ("failed" | field "is" ["not"] "missing" | numbers operator number | texts ("=="|"!=") text)
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from weft.errors import InputError

NUMBERS = ("latency_s", "cost_usd", "tokens", "repetition")
TEXTS = ("status", "error", "tag", "cluster", "example")
_LONGEST = 2000
_MOST = 40
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<operator>>=|<=|==|!=|>|<)"""
    r"""|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"""
    r"""|(?P<word>[^\W\d][\w./@:^-]*(?:=[\w./@-]+)?))"""
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: ``field`` compared with ``value`` by ``operator``. Without an operator it asks whether the value
    is missing, and of the field ``failed`` whether there is no answer. ``negated`` turns it round."""

    field: str
    operator: str = ""
    value: float | str | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse(text: str, metrics: Collection[str]) -> list[Condition]:
    """The conditions that must all hold; none for an empty text. Raises InputError whose ``column`` (from 1) is where
    the mistake is, and for a field that is neither one of ``metrics`` nor known of every sample."""
    if len(text) > _LONGEST:
        raise _wrong(f"it is longer than {_LONGEST} characters.", _LONGEST + 1)
    tokens = _tokens(text)
    if not tokens:
        return []
    found, at = [], 0
    while True:
        condition, at = _condition(tokens, at, metrics, len(text) + 1)
        found.append(condition)
        if at == len(tokens):
            break
        if tokens[at].text.lower() != "and" or tokens[at].kind != "word":
            raise _wrong(f"{tokens[at].text!r} is not expected here.", tokens[at].column, "Join conditions with and.")
        at += 1
    if len(found) > _MOST:
        raise _wrong(f"it has more than {_MOST} conditions.", tokens[-1].column)
    return found


def _condition(tokens: list[_Token], at: int, metrics: Collection[str], end: int) -> tuple[Condition, int]:
    negated = at < len(tokens) and tokens[at].kind == "word" and tokens[at].text.lower() == "not"
    at += negated
    if at == len(tokens):
        raise _wrong("it ends where a field is missing.", end)
    token = tokens[at]
    if token.kind not in ("word", "quoted"):
        raise _wrong(f"{token.text!r} stands where a field is missing.", token.column)
    field, at = token.text, at + 1
    if token.kind == "word" and field == "failed" and field not in metrics:
        return Condition(field, negated=negated), at
    if field not in metrics and field not in (*NUMBERS, *TEXTS):
        known = ", ".join([*metrics, "failed", *NUMBERS, *TEXTS])
        raise _wrong(f"there is no field {field!r}.", token.column, f"There are: {known}.")
    follows = tokens[at] if at < len(tokens) else _Token("end", "the end", end)
    if follows.kind == "word" and follows.text.lower() == "is":
        other, at = _missing(tokens, at + 1, end)
        return Condition(field, negated=negated != other), at
    if follows.kind != "operator":
        raise _wrong(f"{follows.text!r} stands where a comparison is missing.", follows.column)
    value = tokens[at + 1] if at + 1 < len(tokens) else _Token("end", "the end", end)
    if field in metrics or field in NUMBERS:
        if value.kind != "number" or not math.isfinite(float(value.text)):
            raise _wrong(f"{value.text!r} stands where a number is missing.", value.column)
        return Condition(field, follows.text, float(value.text), negated), at + 2
    if follows.text not in ("==", "!="):
        raise _wrong(f"{field} is a text: it is compared by == and !=.", follows.column)
    if value.kind in ("end", "operator"):
        raise _wrong(f"{value.text!r} stands where a text is missing.", value.column)
    return Condition(field, follows.text, value.text, negated), at + 2


def _missing(tokens: list[_Token], at: int, end: int) -> tuple[bool, int]:
    """Whether ``is`` is followed by ``not`` before ``missing``, and the place behind it."""
    words = [token.text.lower() for token in tokens[at : at + 2]]
    if words[:1] == ["missing"]:
        return False, at + 1
    if words == ["not", "missing"]:
        return True, at + 2
    raise _wrong("'is' is followed by missing, or by not missing.", tokens[at].column if at < len(tokens) else end)


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip())
            what = "a quote is not closed" if text[column] in "\"'" else f"{text[column]!r} begins nothing known"
            raise _wrong(f"{what}.", column + 1)
        kind = str(match.lastgroup)
        written = match[kind][1:-1] if kind == "quoted" else match[kind]
        found.append(_Token(kind, written, match.start(kind) + 1))
        at = match.end()
    return found


def _wrong(problem: str, column: int, remedy: str = 'Write it like "judge < 0.5 and not failed".') -> InputError:
    return InputError(f"The filter is wrong at column {column}: {problem}", remedy=remedy, field="where", column=column)
