"""Any Python value as a JSON value: never raises, bounded, secrets taken out by key."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import functools
import itertools
import math
import pathlib
import re
import time
import uuid
from collections import deque
from collections.abc import Collection, Mapping, MappingView
from typing import Any

import orjson

from weft.records.codec import dumps
from weft.records.media import extract, holds_inline
from weft.tracing import media

REDACTED = "[redacted]"
_DEEPEST = 24
_MOST_NODES = 200_000
_LONGEST_TEXT = 16_000_000  # characters; a prompt of megabytes is kept whole
_MOST_TEXT = 64_000_000  # characters of all texts of a value
_LONGEST_REPR = 4_000
_SLOWEST_S = 0.1  # when the reprs of a value have taken so long, the rest is named by type
_MOST_BITS = 1_024  # of an integer
_HEAD_BYTES = 1_024
_INLINE_TEXT = 2_048  # characters of JSON; in less, no image is worth looking for
_MOST_NUMBERS = 1_000  # of an array; beyond, shape and type say enough

_SECRETS = frozenset(
    {
        *("api_key", "apikey", "x_api_key", "authorization", "proxy_authorization", "cookie", "set_cookie"),
        *("password", "passwd", "passphrase", "pwd", "secret", "client_secret", "secret_key", "secret_access_key"),
        *("token", "access_token", "refresh_token", "id_token", "auth_token", "bearer_token"),
        *("private_key", "credentials"),
    }
)
_SECRET_ENDS = ("_api_key", "_apikey", "_token", "_secret", "_password", "_secret_key", "_access_key", "_private_key")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # what JSON libraries write as integers
_NAMED = re.compile(
    r"""(?<![A-Za-z0-9_-])(?P<name>[A-Za-z_][A-Za-z0-9_-]{0,99})"""
    r"""(?P<between>=|["']: ?)(?P<quote>["'])(?P<value>.{0,2000}?)(?P=quote)"""
)
_NO_KEYS: frozenset[str] = frozenset()
_everywhere = _NO_KEYS  # the keys of the setting redact_keys


def set_keys(keys: Collection[str]) -> None:
    """Never record the values under these keys, in the whole process."""
    global _everywhere
    _everywhere = secret_keys(keys)
    is_secret.cache_clear()
    is_secret_attribute.cache_clear()


@functools.lru_cache(maxsize=4096)
def is_secret(key: str, more: frozenset[str] = _NO_KEYS) -> bool:
    """Whether the value under ``key`` must not be recorded; ``more`` are the user's own keys, in lower case."""
    plain = key.lower().replace("-", "_")
    return plain in _SECRETS or plain.endswith(_SECRET_ENDS) or plain in more or plain in _everywhere


@functools.lru_cache(maxsize=4096)
def is_secret_attribute(key: str, more: frozenset[str] = _NO_KEYS) -> bool:
    """The same for an attribute's dotted name, such as ``http.request.header.authorization``."""
    return is_secret(key, more) or is_secret(key.rpartition(".")[2], more)


def secret_keys(keys: Collection[str]) -> frozenset[str]:
    """The user's own keys as :func:`is_secret` wants them."""
    return frozenset(key.strip().lower().replace("-", "_") for key in keys if key.strip())


def capture(value: Any, more: frozenset[str] = _NO_KEYS) -> Any:
    """``value`` as a JSON value.

    A text is kept whole up to 16 million characters, all of a value's together up to 64 million; 200,000 items, 24
    levels, integers up to 1,024 bits; what is cut says so. Not-a-number and infinities become the strings "NaN",
    "Infinity", "-Infinity"; values under secret keys become "[redacted]", in a ``repr`` too. Images, sounds and files
    become references whose bytes :func:`to_json` journals, once nobody takes them out any more.
    """
    return _captured(value, _Walk(more))


def _captured(value: Any, walk: _Walk) -> Any:
    try:
        return walk.plain(value, 0)
    except Exception as error:  # noqa: BLE001 - the user's classes may raise anything from anywhere
        return f"<{type(value).__name__}: could not be captured, {type(error).__name__}>"


def to_json(value: Any, more: frozenset[str] = _NO_KEYS) -> str:
    """``value`` as JSON text; the media that it holds, as objects or inline, are journaled and referred to."""
    try:
        simple = _is_simple(value, more)
    except RuntimeError:  # another thread changes it
        simple = False
    if not simple:
        walk = _Walk(more)
        value = _captured(value, walk)
        for found in walk.media:
            media.journal_all(found)
    text = _dumped(value)
    if len(text) > _INLINE_TEXT and holds_inline(text):
        text = _dumped(extract(value, media.keep))
    return text


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # lone surrogates and integers over 64 bits
        return dumps(value).decode()


def _is_simple(value: Any, more: frozenset[str]) -> bool:
    """Whether ``value`` is JSON as it stands: a text, or a flat dict of texts and integers without secrets."""
    kind = type(value)
    if kind is str:
        return len(value) <= _LONGEST_TEXT
    if kind is not dict or len(value) > 20:
        return value is None or kind is bool or (kind is int and _SMALLEST <= value <= _LARGEST)
    length = 0
    for key, item in value.items():
        kind = type(item)
        if type(key) is not str or is_secret(key, more):
            return False
        if kind is str:
            length += len(item)
        elif kind is int:
            if not _SMALLEST <= item <= _LARGEST:
                return False
        elif kind is not bool and item is not None:
            return False
    return length <= _LONGEST_TEXT


class _Walk:
    """One walk over a value: how many nodes it has seen and which containers it is inside of."""

    __slots__ = ("_characters", "_more", "_nodes", "_path", "_repr_s", "media")

    def __init__(self, more: frozenset[str]) -> None:
        self._more = more
        self._nodes = 0
        self._characters = 0
        self._repr_s = 0.0
        self._path: set[int] = set()
        self.media: list[media.Reference] = []

    def plain(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if value.bit_length() <= _MOST_BITS else f"<int: {value.bit_length()} bits>"
        if kind is float:
            return value if math.isfinite(value) else _non_finite(value)
        self._nodes += 1
        if depth > _DEEPEST:
            return f"<{kind.__name__}: nested deeper than {_DEEPEST} levels>"
        if id(value) in self._path:
            return f"<{kind.__name__}: contains itself>"
        self._path.add(id(value))
        try:
            return self._container(value, kind, depth + 1)
        except Exception as error:  # noqa: BLE001 - one bad value must not cost its neighbours
            return f"<{kind.__name__}: could not be captured, {type(error).__name__}>"
        finally:
            self._path.discard(id(value))

    def _text(self, text: str) -> str:
        left = _MOST_TEXT - self._characters
        longest = left if left < _LONGEST_TEXT else _LONGEST_TEXT
        if len(text) > longest:
            text = _cut(text, longest)
        self._characters += min(len(text), longest)
        return text

    def _container(self, value: Any, kind: type[Any], depth: int) -> Any:
        if isinstance(value, Mapping):
            if kind is media.Reference:
                self.media.append(value)  # type: ignore[arg-type]
                return value
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset | deque | MappingView):
            if isinstance(value, tuple) and hasattr(kind, "_fields"):
                return self._mapping(dict(zip(kind._fields, value, strict=False)), depth)
            listed: Any = value if isinstance(value, list | tuple) else list(value)  # type: ignore[arg-type]
            return self._items(listed, depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._mapping({f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}, depth)
        if hasattr(kind, "model_fields") and hasattr(kind, "__pydantic_validator__"):
            fields = {name: getattr(value, name, None) for name in kind.model_fields}
            return self._mapping({**fields, **(value.__pydantic_extra__ or {})}, depth)
        if hasattr(kind, "dtype") and hasattr(kind, "shape") and _library(kind) != "pandas":
            return self._array(value, depth)
        if hasattr(kind, "__attrs_attrs__"):
            return self._mapping({f.name: getattr(value, f.name, None) for f in kind.__attrs_attrs__}, depth)
        found = media.convert(value)
        if found is not None:
            self.media.append(found)
            return found
        plain = _leaf(value, kind)
        return self._repr(value, kind) if plain is _NO_LEAF else self.plain(plain, depth)

    def _repr(self, value: Any, kind: type[Any]) -> str:
        if self._repr_s > _SLOWEST_S:
            return f"<{kind.__name__}: not shown, the reprs before it took too long>"
        started = time.perf_counter()
        text = named_secrets(_cut(_safely(repr, value), _LONGEST_REPR), self._more)
        self._repr_s += time.perf_counter() - started
        return text

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        more = self._more
        # Of a dict a copy: another thread may change it.
        for number, (key, item) in enumerate(list(value.items()) if type(value) is dict else value.items()):
            name = key if type(key) is str else _key(key)
            kind = type(item)
            if is_secret(name, more) and item is not None and kind is not bool:
                out[name] = REDACTED
            elif kind is str:
                out[name] = self._text(item)
            else:
                out[name] = self.plain(item, depth)
            self._nodes += 1
            if self._nodes > _MOST_NODES:
                out["…"] = f"[cut: {len(value) - number - 1} more entries]"
                break
        return out

    def _items(self, value: Collection[Any], depth: int) -> list[Any]:
        out: list[Any] = []
        for item in value:
            out.append(self.plain(item, depth))
            self._nodes += 1
            if self._nodes > _MOST_NODES:
                out.append(f"… [cut: {len(value) - len(out)} more items]")
                break
        return out

    def _array(self, value: Any, depth: int) -> Any:
        shape = tuple(value.shape)
        if not shape and hasattr(value, "item"):
            return self.plain(value.item(), depth)
        told: dict[str, Any] = {
            "type": type(value).__name__,
            "dtype": str(value.dtype),
            "shape": [int(n) for n in shape],
        }
        if math.prod(shape) <= _MOST_NUMBERS and hasattr(value, "tolist"):
            told["values"] = self.plain(value.tolist(), depth)
        return told


_NO_LEAF = object()


def _leaf(value: Any, kind: type[Any]) -> Any:
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str | int) else value.name
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bytes | bytearray | memoryview):
        head = bytes(value[:_HEAD_BYTES])
        return {"type": kind.__name__, "size_bytes": len(value), "base64": base64.b64encode(head).decode("ascii")}
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath):
        return str(value)
    if isinstance(value, BaseException):
        return {"type": kind.__qualname__, "message": named_secrets(_safely(str, value))}
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"<{value.__module__}.{value.__qualname__}>"
    if _library(kind) == "pandas" and hasattr(value, "shape"):
        return {"type": kind.__name__, "shape": list(value.shape), "head": _cut(str(value.head(5)), _LONGEST_REPR)}
    return _NO_LEAF


def named_secrets(text: str, more: frozenset[str] = _NO_KEYS) -> str:
    """``text`` without the quoted values that stand under secret names, as in a repr: ``Client(api_key='[redacted]')``.

    A message or stack holds such reprs, too.
    """
    if "=" not in text and ":" not in text:
        return text

    def shown(found: re.Match[str]) -> str:
        value = REDACTED if is_secret(found["name"], more) else found["value"]
        return f"{found['name']}{found['between']}{found['quote']}{value}{found['quote']}"

    return _NAMED.sub(shown, text)


def _library(kind: type[Any]) -> str:
    return kind.__module__.partition(".")[0]


def _safely(how: Any, value: Any) -> str:
    try:
        return str(how(value))
    except Exception as error:  # noqa: BLE001 - a repr may raise anything
        return f"<{type(value).__name__}: {how.__name__} raised {type(error).__name__}>"


def _key(key: Any) -> str:
    return str(key.value) if isinstance(key, enum.Enum) else _cut(_safely(str, key), _LONGEST_REPR)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… [cut: {len(text) - longest} more characters]"


def _non_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def bounded(items: list[Any], limit: int, total: int) -> list[Any]:
    """The first ``limit`` of ``total`` items that a generator gave, with a note where some were not kept."""
    if total <= limit:
        return items
    return [*itertools.islice(items, limit), f"… [cut: {total - limit} more items]"]
