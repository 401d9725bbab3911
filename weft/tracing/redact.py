"""What may be recorded: keys whose values are taken out, and functions of the user over what was captured.

Secrets known by their shape are taken out of records by the drainer; out of texts that are kept by their digest, such
as the cells of a table, here: later their digest would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from weft.errors import InputError
from weft.records import RecordType, dumps, loads
from weft.records.redaction import DEFAULT, Patterns
from weft.tracing import guard
from weft.tracing.capture import REDACTED, capture, is_secret_attribute, secret_keys, set_keys, to_json

Redaction = Callable[[Any], Any] | Collection[str] | None

FAILED = "[redaction failed]"
_LARGEST = 2**63 - 1
_SHORT = 1_000_000  # characters of a text that no limit concerns
_everywhere: Callable[[Any], Any] | None = None  # the function given to weft.init
_asked: tuple[str, ...] = ()  # the keys given to weft.init
_set: tuple[str, ...] = ()  # those of the setting
_patterns: Patterns = DEFAULT


def redact_with(given: Redaction) -> None:
    """Redact everything that is captured in this process by keys or a function, in place of those given before.

    None changes nothing, and an empty collection takes them back. Raises InputError for anything else.
    """
    global _everywhere, _asked
    if given is None:
        return
    is_keys = isinstance(given, Collection) and not isinstance(given, str) and all(isinstance(k, str) for k in given)
    if not is_keys and not callable(given):
        raise InputError(f"redact is {given!r}.", remedy="Give a list of keys, or a function.", field="redact")
    _everywhere = given if callable(given) else None
    _asked = () if callable(given) else tuple(given)
    set_keys([*_set, *_asked])


def use_setting(keys: str) -> None:
    """Take over the setting ``redact_keys``."""
    global _set
    _set = tuple(keys.split(","))
    set_keys([*_set, *_asked])


def use_patterns(patterns: Patterns) -> None:
    """Take these shapes out of texts that are kept by their digest from now on."""
    global _patterns
    _patterns = patterns


def clean_bytes(text: bytes) -> bytes:
    """A text in UTF-8 without the secrets in it."""
    return _patterns.clean(text)


def clean_text(text: str) -> str:
    """A text without the secrets in it."""
    data = text.encode("utf-8", "surrogatepass")
    cleaned = _patterns.clean(data)
    return text if cleaned is data else cleaned.decode("utf-8", "surrogatepass")


def clean_texts(texts: Sequence[str | None]) -> Sequence[str | None]:
    """Many texts without the secrets in them; looked through at once first."""
    whole = "\n".join(filter(None, texts)).encode("utf-8", "surrogatepass")
    if not _patterns.may_find(whole):
        return texts
    return [text if text is None else clean_text(text) for text in texts]


def clean_json(value: Any) -> Any:
    """A JSON value without the secrets in its texts; the same object where there are none."""
    data = dumps(value)
    cleaned = _patterns.scrub(RecordType.LOGGED, data) if _patterns.may_find(data) else data
    return value if cleaned is data else loads(cleaned)


class Redactor:
    """The redaction of one op: keys, or a function over what was captured; that of ``weft.init`` comes behind it."""

    __slots__ = ("_function", "_keys")

    def __init__(self, given: Redaction) -> None:
        self._function = given if callable(given) else None
        self._keys = frozenset() if given is None or callable(given) else secret_keys(given)

    def text(self, value: Any) -> str:
        """``value`` as JSON text without what must not be recorded; where a function fails, nothing of it."""
        if self._function is not None or _everywhere is not None:
            value = self._filtered(capture(value, self._keys))  # a copy: the function may change what it is given
        return to_json(value, self._keys)

    def attributes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Attributes without those under secret keys, each a JSON value; where a function fails, none of them."""
        clean = {key: self._attribute(key, value) for key, value in values.items()}
        if clean and (self._function is not None or _everywhere is not None):
            filtered = self._filtered(clean)
            if not isinstance(filtered, dict):
                return dict.fromkeys(values, FAILED if filtered == FAILED else REDACTED)
            return {str(key): capture(value, self._keys) for key, value in filtered.items()}
        return clean

    def _attribute(self, key: str, value: Any) -> Any:
        kind = type(value)
        if is_secret_attribute(key, self._keys) and value is not None and kind is not bool:
            return REDACTED
        if kind is int and -_LARGEST <= value <= _LARGEST:
            return value
        return value if kind is bool or (kind is str and len(value) < _SHORT) else capture(value, self._keys)

    def _filtered(self, value: Any) -> Any:
        try:
            for function in (self._function, _everywhere):
                if function is not None:
                    value = function(value)
        except Exception as error:  # noqa: BLE001 - what could not be redacted is not recorded
            guard.failed("redact", error)
            return FAILED
        return value


PLAIN = Redactor(None)
