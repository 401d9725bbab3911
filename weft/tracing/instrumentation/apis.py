"""What each API of OpenAI's shape says about a call: request, answer and stream as GenAI attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from weft.otlp import names
from weft.tracing.capture import to_json
from weft.tracing.instrumentation.messages import (
    chat_message,
    chat_messages,
    get,
    response_input,
    response_output,
    text_part,
)

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
        """Attributes of a whole answer."""
        ...

    def accumulator(self) -> Accumulator:
        """A new accumulator for a streamed answer."""
        ...


def _common(given: Mapping[str, Any]) -> Attributes:
    """The scalar options; the clients' markers for "not given" are objects and fall out."""
    found: Attributes = {}
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


def _tools(given: Mapping[str, Any]) -> Attributes:
    tools = given.get("tools")
    return {names.TOOL_DEFINITIONS: to_json(tools)} if isinstance(tools, list) and tools else {}


def _known(found: Attributes) -> Attributes:
    return {key: value for key, value in found.items() if value is not None and value != []}


def chat_usage(usage: Any) -> Attributes:
    """Tokens of a chat completion; input includes the cached ones, output the reasoning."""
    return {
        names.INPUT_TOKENS: get(usage, "prompt_tokens"),
        names.OUTPUT_TOKENS: get(usage, "completion_tokens"),
        names.CACHED_TOKENS: get(usage, "prompt_tokens_details", "cached_tokens"),
        names.REASONING_TOKENS: get(usage, "completion_tokens_details", "reasoning_tokens"),
    }


class Chat:
    """Chat completions."""

    operation = "chat"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**_common(given), names.OPERATION: self.operation}
        form = given.get("response_format")
        if get(form, "type") in ("json_object", "json_schema") or isinstance(form, type):
            found[names.OUTPUT_TYPE] = "json"
        if content:
            found[names.INPUT_MESSAGES] = to_json(chat_messages(given.get("messages")))
            found.update(_tools(given))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        choices = list(get(result, "choices") or ())
        messages = [
            {**chat_message(get(choice, "message")), "finish_reason": get(choice, "finish_reason")}
            for choice in choices
        ]
        return _chat_answer(result, messages, get(result, "usage"), content=content)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _ChatStream()


def _chat_answer(head: Any, messages: list[dict[str, Any]], usage: Any, *, content: bool) -> Attributes:
    reasons = [str(message["finish_reason"]) for message in messages if message.get("finish_reason")]
    found = {
        names.RESPONSE_ID: get(head, "id"),
        names.RESPONSE_MODEL: get(head, "model"),
        names.RESPONSE_FINISH_REASONS: reasons,
        names.OPENAI_RESPONSE_TIER: get(head, "service_tier"),
        names.OPENAI_FINGERPRINT: get(head, "system_fingerprint"),
        **chat_usage(usage),
    }
    if content and messages:
        found[names.OUTPUT_MESSAGES] = to_json(messages)
    return _known(found)


class _ChatStream:
    """Deltas of chat completions, by choice."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._usage: Any = None
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Any) -> None:
        for key in ("id", "model", "service_tier", "system_fingerprint"):
            if value := get(chunk, key):
                self._head[key] = value
        self._usage = get(chunk, "usage") or self._usage
        for choice in get(chunk, "choices") or ():
            index = get(choice, "index") or 0
            whole = self._choices.setdefault(index, {"role": "assistant", "text": [], "calls": {}, "reasoning": []})
            delta = get(choice, "delta")
            whole["role"] = get(delta, "role") or whole["role"]
            whole["finish_reason"] = get(choice, "finish_reason") or whole.get("finish_reason")
            if text := get(delta, "content"):
                whole["text"].append(text)
            if text := get(delta, "reasoning_content"):
                whole["reasoning"].append(text)
            for call in get(delta, "tool_calls") or ():
                self._add_call(whole["calls"], call)

    def _add_call(self, calls: dict[int, dict[str, Any]], call: Any) -> None:
        whole = calls.setdefault(get(call, "index") or 0, {"id": None, "name": None, "arguments": []})
        whole["id"] = get(call, "id") or whole["id"]
        whole["name"] = get(call, "function", "name") or whole["name"]
        whole["arguments"].append(get(call, "function", "arguments") or "")

    def attributes(self, *, content: bool) -> Attributes:
        messages = []
        for _, whole in sorted(self._choices.items()):
            calls = [
                {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
                for _, call in sorted(whole["calls"].items())
            ]
            message = {
                "role": whole["role"],
                "content": "".join(whole["text"]),
                "reasoning_content": "".join(whole["reasoning"]),
                "tool_calls": calls,
            }
            messages.append({**chat_message(message), "finish_reason": whole.get("finish_reason")})
        return _chat_answer(self._head, messages, self._usage, content=content)


class Responses:
    """The Responses API."""

    operation = "chat"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**_common(given), names.OPERATION: self.operation}
        conversation = given.get("conversation")
        if conversation := conversation if isinstance(conversation, str) else get(conversation, "id"):
            found[names.CONVERSATION_ID] = str(conversation)
        if content:
            found[names.INPUT_MESSAGES] = to_json(response_input(given.get("input")))
            if isinstance(instructions := given.get("instructions"), str):
                found[names.SYSTEM_INSTRUCTIONS] = to_json([text_part(instructions)])
            found.update(_tools(given))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        usage = get(result, "usage")
        finish = get(result, "incomplete_details", "reason") or get(result, "status")
        found = {
            names.RESPONSE_ID: get(result, "id"),
            names.RESPONSE_MODEL: get(result, "model"),
            names.RESPONSE_FINISH_REASONS: [str(finish)] if finish else None,
            names.OPENAI_RESPONSE_TIER: get(result, "service_tier"),
            names.INPUT_TOKENS: get(usage, "input_tokens"),
            names.OUTPUT_TOKENS: get(usage, "output_tokens"),
            names.CACHED_TOKENS: get(usage, "input_tokens_details", "cached_tokens"),
            names.REASONING_TOKENS: get(usage, "output_tokens_details", "reasoning_tokens"),
        }
        messages = response_output(get(result, "output"), finish)
        if content and messages:
            found[names.OUTPUT_MESSAGES] = to_json(messages)
        return _known(found)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _ResponseStream(self)


class _ResponseStream:
    """Events of the Responses API: the last one carries the whole answer, an early end what came until then."""

    def __init__(self, api: Responses) -> None:
        self._api = api
        self._latest: Any = None
        self._text: list[str] = []

    def add(self, chunk: Any) -> None:
        self._latest = get(chunk, "response") or self._latest
        if get(chunk, "type") == "response.output_text.delta":
            self._text.append(str(get(chunk, "delta") or ""))

    def attributes(self, *, content: bool) -> Attributes:
        found = self._api.answer(self._latest, content=content)
        if content and self._text and names.OUTPUT_MESSAGES not in found:
            parts = [text_part("".join(self._text))]
            found[names.OUTPUT_MESSAGES] = to_json([{"role": "assistant", "parts": parts}])
        return found


class Embeddings:
    """Embeddings: what was embedded and how long the vectors are, not the vectors."""

    operation = "embeddings"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**_common(given), names.OPERATION: self.operation}
        if isinstance(form := given.get("encoding_format"), str):
            found[names.REQUEST_ENCODING_FORMATS] = [form]
        if content:
            found[names.WEFT_INPUT] = to_json(given.get("input"))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        rows = get(result, "data") or ()
        vector = get(rows[0], "embedding") if rows else None
        return _known(
            {
                names.RESPONSE_MODEL: get(result, "model"),
                names.INPUT_TOKENS: get(result, "usage", "prompt_tokens"),
                names.EMBEDDING_DIMENSION: len(vector) if isinstance(vector, list) else None,
            }
        )

    def accumulator(self) -> Accumulator:
        """Embeddings do not stream; what comes is not looked into."""
        return _ChatStream()
