"""Chat completions, and the legacy completions of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.otlp import names
from weft.tracing.instrumentation.api import Accumulator, Attributes, common, known, text_of, tools, usage, wants_json
from weft.tracing.instrumentation.messages import chat_message, chat_messages, each, get, text_part


class Chat:
    """Chat completions."""

    operation = "chat"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = common(given, self.operation)
        if wants_json(given.get("response_format")):
            found[names.OUTPUT_TYPE] = "json"
        if content:
            found[names.INPUT_MESSAGES] = text_of(chat_messages(given.get("messages")))
            found.update(tools(given))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        messages = [
            {**chat_message(get(choice, "message")), "finish_reason": get(choice, "finish_reason")}
            for choice in each(get(result, "choices"))
        ]
        return _answer(result, messages, get(result, "usage"), content=content)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _ChatStream()


def _answer(head: Any, messages: list[dict[str, Any]], used: Any, *, content: bool) -> Attributes:
    reasons = [str(message["finish_reason"]) for message in messages if message.get("finish_reason")]
    found = {
        names.RESPONSE_ID: get(head, "id"),
        names.RESPONSE_MODEL: get(head, "model"),
        names.RESPONSE_FINISH_REASONS: reasons,
        names.OPENAI_RESPONSE_TIER: get(head, "service_tier"),
        names.OPENAI_FINGERPRINT: get(head, "system_fingerprint"),
        **usage(used),
    }
    if content and messages:
        found[names.OUTPUT_MESSAGES] = text_of(messages)
    return known(found)


class _Choice:
    """One choice of a streamed answer as far as it has come."""

    def __init__(self) -> None:
        self.role = "assistant"
        self.finish_reason: str | None = None
        self.texts: dict[str, list[str]] = {}
        self.calls: dict[Any, dict[str, Any]] = {}
        self.audio: dict[str, Any] = {}

    def add(self, delta: Any) -> None:
        self.role = get(delta, "role") or self.role
        for key in ("content", "reasoning_content", "reasoning", "refusal"):
            if isinstance(text := get(delta, key), str):
                self.texts.setdefault(key, []).append(text)
        for call in each(get(delta, "tool_calls")):
            self._add_call(get(call, "index") or 0, get(call, "id"), get(call, "function") or get(call, "custom"))
        if (function := get(delta, "function_call")) is not None:
            self._add_call("function", None, function)
        if (audio := get(delta, "audio")) is not None:
            self.audio["id"] = get(audio, "id") or self.audio.get("id")
            for key in ("data", "transcript"):
                self.audio[key] = self.audio.get(key, "") + (get(audio, key) or "")

    def _add_call(self, index: Any, id: Any, function: Any) -> None:
        whole = self.calls.setdefault(index, {"id": None, "name": None, "arguments": []})
        whole["id"] = id or whole["id"]
        whole["name"] = get(function, "name") or whole["name"]
        whole["arguments"].append(get(function, "arguments") or get(function, "input") or "")

    def message(self) -> dict[str, Any]:
        said = {key: "".join(texts) for key, texts in self.texts.items()}
        calls = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
            for call in self.calls.values()
        ]
        whole = {"role": self.role, "tool_calls": calls, "audio": self.audio or None, **said}
        return {**chat_message(whole), "finish_reason": self.finish_reason}


class _ChatStream:
    """Deltas of chat completions, by choice."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._usage: Any = None
        self._choices: dict[int, _Choice] = {}

    def add(self, chunk: Any) -> None:
        for key in ("id", "model", "service_tier", "system_fingerprint"):
            if value := get(chunk, key):
                self._head[key] = value
        self._usage = get(chunk, "usage") or self._usage
        for choice in each(get(chunk, "choices")):
            whole = self._choices.setdefault(get(choice, "index") or 0, _Choice())
            whole.finish_reason = get(choice, "finish_reason") or whole.finish_reason
            whole.add(get(choice, "delta"))

    def attributes(self, *, content: bool) -> Attributes:
        messages = [whole.message() for _, whole in sorted(self._choices.items())]
        return _answer(self._head, messages, self._usage, content=content)


class Completions:
    """Legacy completions: prompts as users' messages, a text a choice as the assistant's."""

    operation = "text_completion"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = common(given, self.operation)
        if content:
            prompt = given.get("prompt")
            prompts = prompt if isinstance(prompt, list) else [prompt]
            if prompts and isinstance(prompts[0], int):  # one prompt as tokens
                prompts = [prompts]
            found[names.INPUT_MESSAGES] = text_of([{"role": "user", "parts": [text_part(one)]} for one in prompts])
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        messages = [
            {
                "role": "assistant",
                "parts": [text_part(get(choice, "text"))],
                "finish_reason": get(choice, "finish_reason"),
            }
            for choice in each(get(result, "choices"))
        ]
        return _answer(result, messages, get(result, "usage"), content=content)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _CompletionStream(self)


class _CompletionStream:
    def __init__(self, api: Completions) -> None:
        self._api = api
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Any) -> None:
        for key in ("id", "model", "system_fingerprint", "usage"):
            if value := get(chunk, key):
                self._head[key] = value
        for choice in each(get(chunk, "choices")):
            whole = self._choices.setdefault(get(choice, "index") or 0, {"text": "", "finish_reason": None})
            whole["text"] += get(choice, "text") or ""
            whole["finish_reason"] = get(choice, "finish_reason") or whole["finish_reason"]

    def attributes(self, *, content: bool) -> Attributes:
        choices = [choice for _, choice in sorted(self._choices.items())]
        return self._api.answer({**self._head, "choices": choices}, content=content)
