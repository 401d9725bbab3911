"""Identifiers: random, short, safe in an address; tests replace the source."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 12  # 62 bits: a million ids collide with probability 1e-7
NAME_RULE = (
    "letters and digits of any script, '.', '_', '-' and spaces, at most 128, beginning with a letter, a digit or '_'"
)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,127}")
_LONGEST, _MOST_BYTES = 128, 200  # a file is called so, with an ending: 255 bytes at most
_SIGNS = frozenset("._- +=,@()&!")
_FIRST, _INSIDE = ("L", "N"), ("L", "N", "M")  # general categories of Unicode: letters, numbers, marks on them
_PICTURE = "So"
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


def is_plain(text: str) -> bool:
    """Whether ``text`` may be the id of a run or a person's name: a name in ASCII, which headers can hold."""
    return _PLAIN.fullmatch(text) is not None and not text.endswith((".", " "))


def is_name(text: str) -> bool:
    """Whether ``text`` may name a project, artifact or queue: it stands in addresses and paths.

    Letters, digits and pictures of any script in their composed form (NFC), so that what looks the same is the same,
    and some signs; nothing that leads elsewhere or is not seen: no slash, colon or quote, no control or format
    character.
    """
    if text.isascii() and _PLAIN.fullmatch(text) is not None:  # nearly all of them
        return not text.endswith((".", " "))
    return (
        0 < len(text) <= _LONGEST
        and len(text.encode("utf-8", "replace")) <= _MOST_BYTES
        and _is_sign(text[0], _FIRST, frozenset("_"))
        and all(_is_sign(sign, _INSIDE, _SIGNS) for sign in text)
        and not text.endswith((".", " "))
        and unicodedata.is_normalized("NFC", text)
    )


def _is_sign(sign: str, categories: tuple[str, ...], others: frozenset[str]) -> bool:
    category = unicodedata.category(sign)
    return category[0] in categories or category == _PICTURE or sign in others


def composed(text: str) -> str:
    """``text`` in the form that names are kept in (NFC): keyboards and file systems give an accent apart."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def as_project(text: str) -> str:
    """The project of a name that may have an owner before a slash, as other trackers write it: ``acme/shop`` is
    ``acme.shop``, so that two owners' projects of one name stay apart."""
    return composed(text.strip("/").replace("/", ".")) if isinstance(text, str) else text


def is_trace_id(text: str) -> bool:
    """Whether ``text`` is a W3C trace id: 32 lowercase hex digits, not all zero."""
    return _TRACE_ID.fullmatch(text) is not None and text != "0" * 32


def is_span_id(text: str) -> bool:
    """Whether ``text`` is a W3C span id: 16 lowercase hex digits, not all zero."""
    return _SPAN_ID.fullmatch(text) is not None and text != "0" * 16
