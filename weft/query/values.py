"""Numbers, durations and times as one writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

from weft.query.nodes import Moment
from weft.query.tokens import Token, wrong

SECOND = 1_000_000_000
UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "min": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
}
_LIMIT = 2**63
_DIGITS = 400
_AGO = re.compile(r"([+-])\s*(\d+(?:\.\d+)?)\s*([a-zµ]+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_REMEDY = 'Write "2026-11-20", "2026-11-20T10:30:00Z", "-24h" or now - 24h.'


def number(token: Token, sign: int) -> int | float | Fraction:
    """The number of a token; a Fraction of nanoseconds where it has a unit of time."""
    text = token.text
    if len(text) > _DIGITS or not re.search(r"\d", text):
        raise wrong("this is not a number.", token.column)
    if token.unit:
        return sign * exact(token) * _unit(token)
    if text.isdigit():
        whole = sign * int(text)
        if not -_LIMIT <= whole < _LIMIT:
            raise wrong("the number is too large.", token.column, "Numbers have at most 64 bits.")
        return whole
    value = sign * float(text)
    if value in (float("inf"), float("-inf")):
        raise wrong("the number is too large.", token.column, "Numbers have at most 64 bits.")
    return value


def exact(token: Token) -> Fraction:
    """The digits of a token, exact. Exponents are bounded: 1e999999999 would fill the memory."""
    value = float(token.text)
    if value and not 1e-30 < value < 1e30:
        raise wrong("the number is out of range.", token.column)
    return Fraction(token.text) if value else Fraction(0)


def _unit(token: Token) -> int:
    if token.unit not in UNITS:
        known = ", ".join(UNITS)
        raise wrong(f"there is no unit {token.unit!r}.", token.column + len(token.text), f"Use {known}.")
    return UNITS[token.unit]


def nanoseconds(value: Fraction, column: int) -> int:
    """A duration as whole nanoseconds."""
    if abs(value) >= _LIMIT:
        raise wrong("the time is too long.", column, "Times have at most 64 bits of nanoseconds.")
    return round(value)


def moment(text: str, column: int) -> Moment:
    """The time that a text names: a date, a date and time (UTC unless it says otherwise), or how long ago."""
    text = text.strip()
    ago = _AGO.fullmatch(text)
    if ago and ago[3] in UNITS:
        sign = -1 if ago[1] == "-" else 1
        return Moment(nanoseconds(sign * Fraction(ago[2]) * UNITS[ago[3]], column), relative=True)
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        gone = aware - _EPOCH
    except (ValueError, OverflowError):
        raise wrong(f"{text!r} is not a time.", column, _TIME_REMEDY) from None
    ns = (gone.days * 86_400 + gone.seconds) * SECOND + gone.microseconds * 1000
    if not -_LIMIT <= ns < _LIMIT:
        raise wrong(f"{text!r} is out of range.", column, "Times lie between 1677 and 2262.")
    return Moment(ns)
