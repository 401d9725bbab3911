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
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from weft.records.codec import dumps
from weft.records.media import extract, holds_inline
from weft.tracing import media

REDACTED = "[redacted]"
_DEEPEST = 24
_MOST_NODES = 200_000
_LONGEST_TEXT = 16_000_000  # characters; a prompt of megabytes is kept whole
_LONGEST_REPR = 4_000
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

    Texts are kept whole up to 16 million characters; what is cut says so. Not-a-number and infinities become the
    strings "NaN", "Infinity", "-Infinity"; values under secret keys become "[redacted]". Images, sounds and files
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
    if not _is_simple(value, more):
        walk = _Walk(more)
        value = _captured(value, walk)
        for found in walk.media:
            media.journal(found, found.data)
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
        return value is None or kind is int or kind is bool
    for key, item in value.items():
        kind = type(item)
        if type(key) is not str or is_secret(key, more):
            return False
        if kind is not str and kind is not int and kind is not bool and item is not None:
            return False
        if kind is str and len(item) > _LONGEST_TEXT:
            return False
    return True


class _Walk:
    """One walk over a value: how many nodes it has seen and which containers it is inside of."""

    __slots__ = ("_more", "_nodes", "_path", "media")

    def __init__(self, more: frozenset[str]) -> None:
        self._more = more
        self._nodes = 0
        self._path: set[int] = set()
        self.media: list[media.Reference] = []

    def plain(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return value if len(value) <= _LONGEST_TEXT else _cut(value, _LONGEST_TEXT)
        if value is None or kind is bool or kind is int:
            return value
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

    def _container(self, value: Any, kind: type[Any], depth: int) -> Any:
        if isinstance(value, Mapping):
            if kind is media.Reference:
                self.media.append(value)  # type: ignore[arg-type]
                return value
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            if isinstance(value, tuple) and hasattr(kind, "_fields"):
                return self._mapping(dict(zip(kind._fields, value, strict=False)), depth)
            return self._items(value, depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._mapping({f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}, depth)
        if hasattr(kind, "model_fields") and hasattr(kind, "__pydantic_validator__"):
            fields = {name: getattr(value, name, None) for name in kind.model_fields}
            return self._mapping({**fields, **(value.__pydantic_extra__ or {})}, depth)
        if hasattr(kind, "dtype") and hasattr(kind, "shape") and _library(kind) != "pandas":
            return self._array(value, depth)
        found = media.convert(value)
        if found is not None:
            self.media.append(found)
            return found
        return _leaf(value, kind)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        more = self._more
        for number, (key, item) in enumerate(value.items()):
            name = key if type(key) is str else _key(key)
            kind = type(item)
            if is_secret(name, more) and item is not None and kind is not bool:
                out[name] = REDACTED
            elif kind is str and len(item) <= _LONGEST_TEXT:
                out[name] = item
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


def _leaf(value: Any, kind: type[Any]) -> Any:
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str | int) else value.name
    if isinstance(value, str):
        return _cut(str.__str__(value), _LONGEST_TEXT)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _non_finite(value)
    if isinstance(value, bytes | bytearray | memoryview):
        head = bytes(value[:_HEAD_BYTES])
        return {"type": kind.__name__, "size_bytes": len(value), "base64": base64.b64encode(head).decode("ascii")}
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath):
        return str(value)
    if isinstance(value, BaseException):
        return {"type": kind.__qualname__, "message": _safely(str, value)}
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"<{value.__module__}.{value.__qualname__}>"
    if _library(kind) == "pandas" and hasattr(value, "shape"):
        return {"type": kind.__name__, "shape": list(value.shape), "head": _cut(str(value.head(5)), _LONGEST_REPR)}
    return _cut(_safely(repr, value), _LONGEST_REPR)


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
