"""The costly part of redaction: secrets recognised by their shape, taken out in the drainer before anything is stored.

Redaction by key happened in the caller. Shapes are those that their makers document: keys of model providers (OpenAI,
Anthropic, Google, Groq, xAI, Perplexity, Replicate, Hugging Face, Databricks), key ids of AWS, tokens of GitHub,
GitLab, Slack, Stripe, SendGrid, npm and PyPI, bearer and basic authorization, JSON web tokens (RFC 7519), PEM
private keys (RFC 7468), passwords in URLs (RFC 3986), and values behind ``password=`` and its kin. E-mail addresses and
card numbers (ISO/IEC 7812, with their check digit) only where asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from weft.records.codec import RecordType, dumps, loads

REDACTED = b"[redacted]"
CREDENTIALS, EMAILS, CARDS = "credentials", "emails", "cards"
NAMES = (CREDENTIALS, EMAILS, CARDS)

# The fixed beginning of each shape, and what follows it. Looking for the beginning first is what makes it quick.
_KEYS: tuple[tuple[str, str], ...] = (
    ("sk-", r"(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}"),
    *((start, r"[0-9A-Z]{16}\b") for start in ("AKIA", "ASIA")),
    *((start, "[A-Za-z0-9]{30,}") for start in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    ("github_pat_", "[A-Za-z0-9_]{22,}"),
    ("glpat-", "[A-Za-z0-9_-]{20,}"),
    ("xox", "[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("xapp-", "[0-9]-[A-Za-z0-9-]{10,}"),
    ("AIza", "[A-Za-z0-9_-]{35}"),
    ("ya29.", "[A-Za-z0-9_-]{20,}"),
    ("GOCSPX-", "[A-Za-z0-9_-]{20,}"),
    *((start, "[A-Za-z0-9]{30,}") for start in ("hf_", "gsk_", "xai-", "pplx-", "r8_")),
    ("dapi", "[0-9a-f]{32}"),
    *((start, "[A-Za-z0-9]{16,}") for start in ("sk_live_", "sk_test_", "rk_live_", "rk_test_")),
    ("whsec_", "[A-Za-z0-9+/=]{24,}"),
    ("SG.", r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    *((f"weft_{kind}_", "[A-Za-z0-9_-]{43}") for kind in ("key", "link", "session")),
    ("npm_", "[A-Za-z0-9]{36}"),
    ("pypi-", "[A-Za-z0-9_-]{50,}"),
    ("eyJ", r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
)
_KEPT: tuple[tuple[str, str], ...] = (  # what stands before these stays
    ("earer ", r"(?:[A-Za-z0-9._~+-]|\\?/){16,}=*"),
    ("uthorization: Basic ", r"(?:[A-Za-z0-9+]|\\?/){8,}=*"),
    ("://", r"[^\s/:@\"\\]{1,64}:[^\s/@\"\\]{3,}(?=@)"),
    ("hooks.slack.com/services/", "[A-Za-z0-9/_-]{20,}"),
)
_PEM = r"[A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\\*\")|\Z)"


class _Shape(NamedTuple):
    """A secret's fixed beginning, where it is in a text and in any bytes, and what stands there then."""

    start: bytes
    in_text: re.Pattern[bytes]
    anywhere: re.Pattern[bytes]
    instead: bytes


def _shape(start: str, rest: str, *, is_word: bool = True) -> _Shape:
    # Texts are looked at as they stand in JSON, maybe in JSON within JSON: there the n of a line's end belongs to no
    # word. In bytes that are no text, such as protobuf, nothing ends a word.
    word = re.escape(start)
    begins = rf"(?:(?<![\\A-Za-z0-9_]{word})|(?<=\\[nrtbf]{word})|(?<=\\u[0-9a-fA-F]{{4}}{word}))" if is_word else ""
    anywhere = re.compile(f"{word}{rest}".encode(), re.DOTALL)
    return _Shape(start.encode(), re.compile(f"{word}{begins}{rest}".encode(), re.DOTALL), anywhere, REDACTED)


_SHAPES = (
    *(_shape(start, rest) for start, rest in _KEYS),
    *(_shape(start, rest, is_word=False)._replace(instead=start.encode() + REDACTED) for start, rest in _KEPT),
    _shape("-----BEGIN ", _PEM, is_word=False),
)
# Begins with the sign, which is quickly found. The words are those of code, command lines, addresses and .env files.
_WORDS = ("password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "access_key", "AccountKey")
_ASSIGNED = re.compile(
    rb"=(?:%s)((?:\\*[\"'])?)(?=[A-Za-z_+/.~%%-]*[0-9])[A-Za-z0-9_+/.~%%-]{6,}=*"
    % b"|".join(b"(?<=%s=)" % form.encode() for word in _WORDS for form in dict.fromkeys((word, word.upper())))
)
_EMAIL = re.compile(
    rb"(?:(?<![\\A-Za-z0-9._%+-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
    rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
)
_EMAIL_ANYWHERE = re.compile(rb"[A-Za-z0-9._%+-]@[A-Za-z0-9-]{1,63}\.[A-Za-z0-9-]")
_DIGITS = re.compile("[0-9](?:[ -]?[0-9]){12,}")
_DIGITS_ANYWHERE = re.compile(rb"[0-9](?:[ -]?[0-9]){12}")
_CARD_LENGTHS = (16, 15, 14, 13, 19, 18, 17)
_LONGEST_NUMBER = 16  # digits of a card that is a number in JSON; longer ones are times and ids

_SCRUBBED = frozenset(
    {
        *(RecordType.SPAN, RecordType.RUN, RecordType.CONSOLE, RecordType.SAMPLE, RecordType.SCORE, RecordType.VERSION),
        *(RecordType.LOGGED, RecordType.ALERT, RecordType.OTLP_TRACES_JSON, RecordType.OTLP_LOGS_JSON),
    }
)
_WITH_HEAD = frozenset({RecordType.OTLP_TRACES_JSON, RecordType.OTLP_LOGS_JSON})  # one JSON line, then the body
# What is never a text of the user: patterns of one's own, and card numbers, may look like ids.
_IDS = frozenset(
    {
        *("project", "trace_id", "span_id", "parent_span_id", "run_id", "writer", "scope", "kind", "status", "id"),
        *("traceId", "spanId", "parentSpanId", "digest"),
    }
)


_LONG = 64 * 1024  # bytes that are worth a look by numpy


def _begins(data: bytes) -> bool:
    """Whether a shape's beginning is in ``data``; in long data by one pass instead of one for each shape."""
    if len(data) < _LONG:
        return any(start in data for start in _STARTS)
    import numpy as np  # noqa: PLC0415 - loads only where whole requests are looked through

    first, second, whole = _tables()
    octets = np.frombuffer(data, dtype=np.uint8)
    pairs = octets[:-1].astype(np.uint16) << 8
    pairs |= octets[1:]
    found = np.flatnonzero(first[pairs[:-2]])
    found = found[second[pairs[found + 2]]]
    fours = pairs[found].astype(np.uint32) << 16 | pairs[found + 2]
    found = found[np.isin(fours, whole) | np.isin(fours | 0xFF, whole)]
    return any(data.startswith(_STARTS, at) for at in found.tolist()) or any(start in data[-32:] for start in _STARTS)


_STARTS = tuple(shape.start for shape in _SHAPES)


@cache
def _tables() -> tuple[Any, Any, Any]:
    """Which pairs of bytes beginnings have first, which follow, and both as a number; a missing fourth byte is 0xFF."""
    import numpy as np  # noqa: PLC0415 - as above

    first, second = np.zeros(1 << 16, dtype=bool), np.zeros((256, 256), dtype=bool)
    for start in _STARTS:
        first[start[0] << 8 | start[1]] = True
        second[start[2], start[3] if len(start) > 3 else slice(None)] = True
    whole = [int.from_bytes((start + b"\xff")[:4], "big") for start in _STARTS]
    return first, second.reshape(-1), np.array(whole, dtype=np.uint32)


class Patterns:
    """Which shapes are taken out: names of :data:`NAMES`, or ``none``, and a regular expression of one's own.

    ``own`` is applied to each text by itself. Raises ValueError for an unknown name or a bad expression.
    """

    def __init__(self, names: Iterable[str] = (CREDENTIALS,), own: str = "") -> None:
        chosen = {name.strip() for name in names} - {"", "none"}
        if unknown := sorted(chosen - set(NAMES)):
            raise ValueError(f"there is no pattern {unknown[0]!r}; there are {', '.join(NAMES)} and none")
        try:
            self._own = re.compile(own) if own else None
        except re.error as error:
            raise ValueError(f"the regular expression {own!r} is not one: {error}") from None
        self._credentials, self._emails, self._cards = (name in chosen for name in NAMES)

    def scrub(self, record_type: int, payload: bytes) -> bytes:
        """``payload`` without the secrets that its texts hold; it stays JSON.

        OTLP in protobuf passes unchanged: its lengths would no longer fit. :mod:`weft.otlp.scrubbing` knows how.
        """
        if record_type not in _SCRUBBED:
            return payload
        payload = self._shapes(payload)
        if not self._cards and self._own is None:
            return payload
        head, newline, body = payload.partition(b"\n") if record_type in _WITH_HEAD else (b"", b"", payload)
        value = loads(body)
        cleaned = self._walk(value)
        return payload if cleaned is value else head + newline + dumps(cleaned)

    def clean(self, text: bytes) -> bytes:
        """A text in UTF-8 without the secrets in it; the same object where there are none."""
        text = self._shapes(text)
        if not self._cards and self._own is None:
            return text
        decoded = text.decode("utf-8", "surrogateescape")
        cleaned = self._text(decoded)
        return text if cleaned is decoded else cleaned.encode("utf-8", "surrogateescape")

    def may_find(self, data: bytes) -> bool:
        """Whether bytes that hold texts, such as OTLP in protobuf, are worth taking apart."""
        if self._credentials:
            if _begins(data) and any(shape.start in data and shape.anywhere.search(data) for shape in _SHAPES):
                return True
            if b"=" in data and _ASSIGNED.search(data):
                return True
        if self._emails and b"@" in data and _EMAIL_ANYWHERE.search(data):
            return True
        return self._own is not None or (self._cards and _DIGITS_ANYWHERE.search(data) is not None)

    def _shapes(self, data: bytes) -> bytes:
        if self._credentials:
            for start, in_text, _, instead in _SHAPES:
                if start in data:
                    data = _without(in_text, instead, data)
            if b"=" in data:
                data = _without(_ASSIGNED, rb"=\1" + REDACTED, data)
        return _without(_EMAIL, REDACTED, data) if self._emails and b"@" in data else data

    def _walk(self, value: Any) -> Any:
        """The value with each text and number cleaned; the same object where nothing was found."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            cleaned = {key: item if key in _IDS else self._walk(item) for key, item in value.items()}
            return cleaned if any(cleaned[key] is not item for key, item in value.items()) else value
        if isinstance(value, list):
            items = [self._walk(item) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if self._cards and type(value) is int and len(str(value)) <= _LONGEST_NUMBER and _is_card(str(value)):
            return REDACTED.decode()
        return value

    def _text(self, text: str) -> str:
        if self._cards:
            text = _substituted(_DIGITS, _without_cards, text)
        return text if self._own is None else _substituted(self._own, lambda found: REDACTED.decode(), text)


def _substituted(pattern: re.Pattern[str], shown: Callable[[re.Match[str]], str], text: str) -> str:
    cleaned = pattern.sub(shown, text)
    return text if cleaned == text else cleaned


def _without_cards(found: re.Match[str]) -> str:
    """A run of digits, perhaps in groups, without the card numbers in it: an expiry date may stand right behind one."""
    run = found[0]
    before, behind = found.string[max(found.start() - 2, 0) : found.start()], found.string[found.end() :][:1]
    inside = behind.isalpha() or (before[-1:].isalnum() and not before.startswith("\\"))  # a line's end is no letter
    places = [place for place, digit in enumerate(run) if digit.isdigit()]
    digits = "".join(run[place] for place in places)
    begins = [n for n, place in enumerate(places) if n == 0 or place - places[n - 1] > 1]
    ends = {n for n in (*begins, len(places)) if n}
    shown, done = [], 0
    for first in begins if not inside else []:
        length = next((n for n in _CARD_LENGTHS if first + n in ends and _is_card(digits[first : first + n])), 0)
        if length and places[first] >= done:
            shown += [run[done : places[first]], REDACTED.decode()]
            done = places[first + length - 1] + 1
    return "".join([*shown, run[done:]])


def _is_card(digits: str) -> bool:
    """Whether this is the number of a card by its length, first digit and check digit (the formula of Luhn)."""
    if len(digits) not in _CARD_LENGTHS or digits[0] not in "23456":
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)  # the sum of its digits
    return total % 10 == 0


def _without(pattern: re.Pattern[bytes], instead: bytes, data: bytes) -> bytes:
    cleaned, found = pattern.subn(instead, data)
    return cleaned if found else data


DEFAULT = Patterns()


def scrub(record_type: int, payload: bytes) -> bytes:
    """``payload`` without the credentials that its texts hold: :meth:`Patterns.scrub` as it is by default."""
    return DEFAULT.scrub(record_type, payload)
