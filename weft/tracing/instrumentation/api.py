"""What every API of OpenAI's shape says about a call in the same way: its options, its place in GenAI's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from weft.otlp import names
from weft.tracing.instrumentation.messages import get
from weft.tracing.redact import PLAIN

Attributes = dict[str, Any]

_REQUEST = {
    "model": names.REQUEST_MODEL,
    "max_tokens": names.REQUEST_MAX_TOKENS,
    "max_completion_tokens": names.REQUEST_MAX_TOKENS,
    "max_output_tokens": names.REQUEST_MAX_TOKENS,
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "top_k": names.REQUEST_TOP_K,
    "frequency_penalty": names.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": names.REQUEST_PRESENCE_PENALTY,
    "seed": names.REQUEST_SEED,
    "n": names.REQUEST_CHOICES,
    "service_tier": names.OPENAI_REQUEST_TIER,
}


class Accumulator(Protocol):
    """Puts the chunks of a stream together again."""

    def add(self, chunk: Any) -> None:
        """Take the next chunk."""
        ...

    def attributes(self, *, content: bool) -> Attributes:
        """What is known of the answer so far."""
        ...


class Api(Protocol):
    """One API: ``operation`` as GenAI names it."""

    operation: str

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """Attributes of a request's arguments; messages only with ``content``."""
        ...

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """Attributes of a whole answer: the client's object, or the JSON value of its body."""
        ...

    def accumulator(self) -> Accumulator:
        """A new accumulator for a streamed answer."""
        ...


def text_of(value: Any) -> str:
    """JSON text of messages and the like, without what must not be recorded."""
    return PLAIN.text(value)


def common(given: Mapping[str, Any], operation: str) -> Attributes:
    """The scalar options; the clients' markers for "not given" are objects and fall out."""
    found: Attributes = {names.OPERATION: operation}
    for key, name in _REQUEST.items():
        value = given.get(key)
        if isinstance(value, str | int | float):
            found[name] = value
    if found.get(names.REQUEST_CHOICES) == 1:
        del found[names.REQUEST_CHOICES]
    if given.get("stream") is True:
        found[names.REQUEST_STREAM] = True
    stop = given.get("stop")
    if isinstance(stop, str | list):
        found[names.REQUEST_STOP] = [stop] if isinstance(stop, str) else [str(item) for item in stop]
    return found


def tools(given: Mapping[str, Any]) -> Attributes:
    """The tools that a model may ask for."""
    offered = given.get("tools") or given.get("functions")
    return {names.TOOL_DEFINITIONS: text_of(offered)} if isinstance(offered, list) and offered else {}


def known(found: Mapping[str, Any]) -> Attributes:
    """Those attributes that are known, and what they should be: a user's mock may answer with anything."""
    kept: Attributes = {}
    for key, value in found.items():
        words = isinstance(value, list) and value and all(isinstance(item, str) for item in value)
        if words or isinstance(value, str | int | float):
            kept[key] = value
    return kept


def usage(given: Any) -> Attributes:
    """Tokens as chat completions and the Responses API count them; input includes the cached ones, output reasoning."""
    return {
        names.INPUT_TOKENS: _first(get(given, "prompt_tokens"), get(given, "input_tokens")),
        names.OUTPUT_TOKENS: _first(get(given, "completion_tokens"), get(given, "output_tokens")),
        names.CACHED_TOKENS: _first(
            get(given, "prompt_tokens_details", "cached_tokens"), get(given, "input_tokens_details", "cached_tokens")
        ),
        names.REASONING_TOKENS: _first(
            get(given, "completion_tokens_details", "reasoning_tokens"),
            get(given, "output_tokens_details", "reasoning_tokens"),
        ),
    }


def _first(*values: Any) -> Any:
    return next((value for value in values if isinstance(value, int)), None)


def wants_json(form: Any) -> bool:
    """Whether a response format asks for JSON: a dict, or the class that the answer is parsed into."""
    return get(form, "type") in ("json_object", "json_schema") or isinstance(form, type)
