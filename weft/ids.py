"""Identifiers: random, short, safe in an address; tests replace the source."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 12  # 62 bits: a million ids collide with probability 1e-7
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,127}")
_TRACE_ID = re.compile("[0-9a-f]{32}")
_SPAN_ID = re.compile("[0-9a-f]{16}")


def _random(length: int) -> str:
    number = secrets.randbits(8 * length)
    out = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        out.append(_ALPHABET[digit])
    return "".join(out)


_source: Callable[[int], str] = _random


def new_id() -> str:
    """A new identifier of a run, item, score or writer: 12 characters of ``[0-9a-z]``."""
    return _source(_LENGTH)


def replace(source: Callable[[int], str] | None) -> None:
    """Draw identifiers from ``source(length)`` from now on; ``None`` brings the random ones back."""
    global _source
    _source = source or _random


def is_name(text: str) -> bool:
    """Whether ``text`` may name a project, artifact or queue: it stands in addresses and paths."""
    return _NAME.fullmatch(text) is not None and not text.endswith((".", " "))


def as_project(text: str) -> str:
    """The project of a name that may have an owner before a slash, as other trackers write it: ``acme/shop`` is
    ``acme.shop``, so that two owners' projects of one name stay apart."""
    return text.strip("/").replace("/", ".") if isinstance(text, str) else text


def is_trace_id(text: str) -> bool:
    """Whether ``text`` is a W3C trace id: 32 lowercase hex digits, not all zero."""
    return _TRACE_ID.fullmatch(text) is not None and text != "0" * 32


def is_span_id(text: str) -> bool:
    """Whether ``text`` is a W3C span id: 16 lowercase hex digits, not all zero."""
    return _SPAN_ID.fullmatch(text) is not None and text != "0" * 16
