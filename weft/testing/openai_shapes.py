"""The JSON that OpenAI's and Anthropic's APIs answer with, made from what a responder says."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_WORDS = re.compile(r"\w+|[^\w\s]")


def count_tokens(text: str) -> int:
    """Words and punctuation marks of ``text``: what these servers count as tokens."""
    return len(_WORDS.findall(text))


def pieces_of(content: str | None) -> list[str]:
    """The text in word-sized pieces that join to it again."""
    return re.findall(r"\s*\S+|\s+", content) if content else []


def tool_calls_of(answer: Json) -> list[Json]:
    """The tool calls of an answer in the shape of chat completions."""
    calls: list[Json] = []
    for index, call in enumerate(answer.get("tool_calls") or []):
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": call.get("name", ""), "arguments": text}
        calls.append({"id": call.get("id") or f"call_{index}", "type": "function", "function": function})
    return calls


def _said(value: Any) -> int:
    """Tokens of all that is said in messages: their texts and the arguments of their calls, not their form."""
    if isinstance(value, str):
        return count_tokens(value)
    if isinstance(value, list):
        return sum(_said(item) for item in value)
    if isinstance(value, dict):
        spoken = ("content", "text", "input", "arguments", "function", "tool_calls", "output", "prompt")
        return sum(_said(value[key]) for key in spoken if key in value)
    return 0


def usage_of(answer: Json, prompt: Any) -> Json:
    """Tokens in the shape of chat completions; what the answer says of them comes first."""
    calls = tool_calls_of(answer)
    counted = {
        "prompt_tokens": _said(prompt),
        "completion_tokens": count_tokens(answer.get("content") or "")
        + sum(count_tokens(call["function"]["arguments"]) for call in calls),
    }
    given = {**counted, **(answer.get("usage") or {})}
    given.setdefault("total_tokens", given["prompt_tokens"] + given["completion_tokens"])
    return given


def _message(answer: Json) -> Json:
    message: Json = {"role": "assistant", "content": answer.get("content"), "refusal": answer.get("refusal")}
    if calls := tool_calls_of(answer):
        message["tool_calls"] = calls
    if answer.get("reasoning"):
        message["reasoning_content"] = answer["reasoning"]
    if answer.get("audio"):
        sound = base64.b64encode(answer["audio"]).decode()
        said = {"transcript": answer.get("transcript") or "", "expires_at": 0}
        message["audio"] = {"id": "audio_1", "data": sound, **said}
    return message


def _finish(answer: Json) -> str:
    return str(answer.get("finish_reason") or ("tool_calls" if answer.get("tool_calls") else "stop"))


def chat_body(head: Json, answer: Json, request: Json) -> Json:
    """A whole chat completion, with ``n`` equal choices."""
    choice = {"message": _message(answer), "finish_reason": _finish(answer), "logprobs": None}
    choices = [{"index": index, **choice} for index in range(int(request.get("n") or 1))]
    return {**head, "object": "chat.completion", "choices": choices, "usage": usage_of(answer, request["messages"])}


def chat_chunks(head: Json, answer: Json, request: Json) -> Iterator[Json]:
    """The chunks of a streamed chat completion."""
    with_usage = bool((request.get("stream_options") or {}).get("include_usage"))

    def chunk(delta: Json, reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        made = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        return {**made, "usage": None} if with_usage else made

    content = answer.get("content")
    yield chunk({"role": "assistant", "content": "" if content is not None else None})
    for piece in pieces_of(answer.get("reasoning")):
        yield chunk({"reasoning_content": piece})
    for piece in pieces_of(content):
        yield chunk({"content": piece})
    for piece in pieces_of(answer.get("refusal")):
        yield chunk({"refusal": piece})
    calls = tool_calls_of(answer)
    for index, call in enumerate(calls):
        name = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": name}]})
    # Parallel calls come in turns, as some providers send them.
    halves = [_halves(call["function"]["arguments"]) for call in calls]
    for turn in range(2):
        for index, parts in enumerate(halves):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": parts[turn]}}]})
    if answer.get("audio"):
        for part in _halves(base64.b64encode(answer["audio"]).decode()):
            yield chunk({"audio": {"id": "audio_1", "data": part}})
        yield chunk({"audio": {"transcript": answer.get("transcript") or ""}})
    yield chunk({}, _finish(answer))
    if with_usage:
        used = usage_of(answer, request["messages"])
        yield {**head, "object": "chat.completion.chunk", "choices": [], "usage": used}


def _halves(text: str) -> tuple[str, str]:
    half = len(text) // 2
    return text[:half], text[half:]


def response_body(number: int, model: str, answer: Json, request: Json) -> Json:
    """A whole answer of the Responses API."""
    content = answer.get("content")
    output: list[Json] = []
    if answer.get("reasoning"):
        summary = [{"type": "summary_text", "text": answer["reasoning"]}]
        output.append({"type": "reasoning", "id": f"rs_{number}", "summary": summary})
    if content is not None:
        text = {"type": "output_text", "text": content, "annotations": [], "logprobs": []}
        output.append(
            {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [text]}
        )
    output.extend(
        {
            "type": "function_call",
            "id": f"fc_{number}_{index}",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
            "status": "completed",
        }
        for index, call in enumerate(tool_calls_of(answer))
    )
    if answer.get("images"):
        image = base64.b64encode(answer["images"][0]).decode()
        made = {"id": f"ig_{number}", "status": "completed", "output_format": "png", "result": image}
        output.append({"type": "image_generation_call", **made})
    counted = usage_of(answer, [request.get("instructions"), request["input"]])
    details = {"cached_tokens": 0, "cache_write_tokens": 0, **(counted.get("prompt_tokens_details") or {})}
    incomplete = answer.get("finish_reason")
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if incomplete else "completed",
        "model": model,
        "output": output,
        "usage": {
            "input_tokens": counted["prompt_tokens"],
            "input_tokens_details": details,
            "output_tokens": counted["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0, **(counted.get("completion_tokens_details") or {})},
            "total_tokens": counted["total_tokens"],
        },
        "error": None,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": request.get("temperature"),
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "top_p": request.get("top_p"),
    }


def response_events(body: Json) -> Iterator[Json]:
    """The events of a streamed answer of the Responses API."""
    yield {"type": "response.created", "response": {**body, "status": "in_progress", "output": [], "usage": None}}
    for index, item in enumerate(body["output"]):
        where = {"item_id": item["id"], "output_index": index}
        empty = {key: type(item[key])() for key in ("content", "arguments", "summary") if key in item}
        begun = {**item, **empty, "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}
        if item["type"] == "message":
            text = item["content"][0]["text"]
            whole, part = {**where, "content_index": 0}, item["content"][0]
            yield {"type": "response.content_part.added", **whole, "part": {**part, "text": ""}}
            for piece in pieces_of(text):
                yield {"type": "response.output_text.delta", **whole, "delta": piece, "logprobs": []}
            yield {"type": "response.output_text.done", **whole, "text": text, "logprobs": []}
            yield {"type": "response.content_part.done", **whole, "part": part}
        elif item["type"] == "function_call":
            for part in _halves(item["arguments"]):
                yield {"type": "response.function_call_arguments.delta", **where, "delta": part}
        elif item["type"] == "reasoning":
            for piece in pieces_of(item["summary"][0]["text"]):
                yield {"type": "response.reasoning_summary_text.delta", **where, "summary_index": 0, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": body}


def completion_body(head: Json, answer: Json, request: Json) -> Json:
    """A whole legacy completion."""
    choice = {"index": 0, "text": answer.get("content") or "", "finish_reason": _finish(answer), "logprobs": None}
    return {**head, "object": "text_completion", "choices": [choice], "usage": usage_of(answer, request.get("prompt"))}


def completion_chunks(head: Json, answer: Json) -> Iterator[Json]:
    """The chunks of a streamed legacy completion."""
    pieces = pieces_of(answer.get("content"))
    for number, piece in enumerate(pieces, 1):
        finish = _finish(answer) if number == len(pieces) else None
        choice = {"index": 0, "text": piece, "finish_reason": finish, "logprobs": None}
        yield {**head, "object": "text_completion", "choices": [choice]}


def image_body(answer: Json) -> Json:
    """Made images, as base64; ``images`` of an answer are their bytes."""
    rows = [{"b64_json": base64.b64encode(data).decode()} for data in answer.get("images") or []]
    used = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    return {"created": 0, "data": rows, "output_format": "png", "usage": used}


def moderation_body(answer: Json, model: str) -> Json:
    """What a moderation found: flagged where the answer says so."""
    flagged = bool(answer.get("flagged"))
    found = {"flagged": flagged, "categories": {"violence": flagged}, "category_scores": {"violence": float(flagged)}}
    return {"id": "modr-1", "model": model, "results": [found]}


def anthropic_body(number: int, model: str, answer: Json, request: Json) -> Json:
    """A whole message of Anthropic's API."""
    blocks: list[Json] = []
    if answer.get("reasoning"):
        blocks.append({"type": "thinking", "thinking": answer["reasoning"], "signature": "s"})
    if answer.get("content") is not None:
        blocks.append({"type": "text", "text": answer["content"], "citations": None})
    for call in tool_calls_of(answer):
        function = call["function"]
        given = json.loads(function["arguments"])
        blocks.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": given})
    counted = usage_of(answer, [request.get("system"), request["messages"]])
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": "tool_use" if answer.get("tool_calls") else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": counted["prompt_tokens"],
            "output_tokens": counted["completion_tokens"],
            "cache_read_input_tokens": (counted.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            "cache_creation_input_tokens": 0,
        },
    }


def anthropic_events(body: Json) -> Iterator[Json]:
    """The events of a streamed message of Anthropic's API."""
    used = {**body["usage"], "output_tokens": 1}
    yield {"type": "message_start", "message": {**body, "content": [], "stop_reason": None, "usage": used}}
    for index, block in enumerate(body["content"]):
        empty: dict[str, Json] = {
            "text": {"text": ""},
            "tool_use": {"input": {}},
            "thinking": {"thinking": "", "signature": ""},
        }
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty[block["type"]]}}
        for delta in _anthropic_deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    told = {"stop_reason": body["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": told, "usage": {"output_tokens": body["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


def _anthropic_deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in pieces_of(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces_of(block["thinking"]))
    else:
        yield from ({"type": "input_json_delta", "partial_json": part} for part in _halves(json.dumps(block["input"])))
