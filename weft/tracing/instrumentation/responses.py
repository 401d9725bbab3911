"""The Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.otlp import names
from weft.tracing.instrumentation.api import Accumulator, Attributes, common, known, text_of, tools, usage, wants_json
from weft.tracing.instrumentation.messages import get, response_input, response_output, text_part


class Responses:
    """The Responses API."""

    operation = "chat"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = common(given, self.operation)
        conversation = given.get("conversation")
        conversation = conversation if isinstance(conversation, str) else get(conversation, "id")
        if isinstance(conversation, str) and conversation:
            found[names.CONVERSATION_ID] = conversation
        if wants_json(get(given.get("text"), "format")) or isinstance(given.get("text_format"), type):
            found[names.OUTPUT_TYPE] = "json"
        if content:
            found[names.INPUT_MESSAGES] = text_of(response_input(given.get("input")))
            if isinstance(instructions := given.get("instructions"), str):
                found[names.SYSTEM_INSTRUCTIONS] = text_of([text_part(instructions)])
            found.update(tools(given))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        finish = get(result, "incomplete_details", "reason") or get(result, "status")
        found = {
            names.RESPONSE_ID: get(result, "id"),
            names.RESPONSE_MODEL: get(result, "model"),
            names.RESPONSE_FINISH_REASONS: [str(finish)] if finish else None,
            names.OPENAI_RESPONSE_TIER: get(result, "service_tier"),
            **usage(get(result, "usage")),
        }
        messages = response_output(get(result, "output"), finish)
        if content and messages:
            found[names.OUTPUT_MESSAGES] = text_of(messages)
        return known(found)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _ResponseStream(self)


_DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "arguments",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
}


class _ResponseStream:
    """Events of the Responses API: the last one carries the whole answer, an early end what came until then."""

    def __init__(self, api: Responses) -> None:
        self._api = api
        self._latest: Any = None
        self._items: dict[int, Any] = {}  # as they were announced, and as they are once they are done
        self._deltas: dict[tuple[int, str], list[str]] = {}

    def add(self, chunk: Any) -> None:
        self._latest = get(chunk, "response") or self._latest
        kind, index = get(chunk, "type"), get(chunk, "output_index") or 0
        if kind in ("response.output_item.added", "response.output_item.done"):
            self._items[index] = get(chunk, "item")
            if kind.endswith("done"):
                self._deltas = {key: texts for key, texts in self._deltas.items() if key[0] != index}
        elif kind in _DELTAS:
            self._deltas.setdefault((index, _DELTAS[kind]), []).append(str(get(chunk, "delta") or ""))

    def attributes(self, *, content: bool) -> Attributes:
        whole = {key: get(self._latest, key) for key in ("id", "model", "status", "service_tier", "usage", "output")}
        whole["incomplete_details"] = get(self._latest, "incomplete_details")
        if not whole["output"]:
            whole["output"] = [self._item(index) for index in sorted({*self._items, *(key[0] for key in self._deltas)})]
        return self._api.answer(whole, content=content)

    def _item(self, index: int) -> Any:
        item = self._items.get(index)
        said = {key[1]: "".join(texts) for key, texts in self._deltas.items() if key[0] == index}
        if not said:
            return item
        if "arguments" in said:
            return {**{key: get(item, key) for key in ("type", "call_id", "name")}, "arguments": said["arguments"]}
        if "reasoning" in said:
            return {"type": "reasoning", "summary": [{"text": said["reasoning"]}]}
        parts = [{"type": "output_text", "text": said.get("text", "")}]
        if "refusal" in said:
            parts = [{"type": "refusal", "refusal": said["refusal"]}]
        return {"type": "message", "content": parts}
