"""OpenAI's messages as OpenTelemetry's: ``{"role", "parts": [{"type": "text", "content": ...}, ...]}``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson


def get(value: Any, *path: str) -> Any:
    """The thing at ``path`` below dicts or objects; None where it ends early."""
    for key in path:
        if value is None:
            return None
        value = value.get(key) if isinstance(value, Mapping) else getattr(value, key, None)
    return value


def text_part(text: Any) -> dict[str, Any]:
    """A part that says ``text``."""
    return {"type": "text", "content": text}


def chat_messages(messages: Any) -> list[dict[str, Any]]:
    """The messages of a chat completions request."""
    if isinstance(messages, str):
        return [{"role": "user", "parts": [text_part(messages)]}]
    return [chat_message(message) for message in messages] if isinstance(messages, Iterable) else []


def chat_message(message: Any) -> dict[str, Any]:
    """One message of a request or an answer."""
    role = get(message, "role") or "user"
    content = get(message, "content")
    if role == "tool":
        return {
            "role": role,
            "parts": [{"type": "tool_call_response", "id": get(message, "tool_call_id"), "response": content}],
        }
    parts: list[dict[str, Any]] = []
    if reasoning := get(message, "reasoning_content"):
        parts.append({"type": "reasoning", "content": reasoning})
    parts.extend(content_parts(content))
    if refusal := get(message, "refusal"):
        parts.append({"type": "refusal", "content": refusal})
    for call in get(message, "tool_calls") or ():
        function = get(call, "function") or get(call, "custom")
        arguments = get(function, "arguments") or get(function, "input")
        parts.append(tool_call(get(call, "id"), get(function, "name"), arguments))
    return {"role": role, "parts": parts}


def tool_call(id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """A part that asks for a tool; arguments that are JSON become their value."""
    return {"type": "tool_call", "id": id, "name": name, "arguments": _value(arguments)}


def _value(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def content_parts(content: Any) -> list[dict[str, Any]]:
    """The parts of a message's content: a text or a list of typed items."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text_part(content)]
    return [_part(item) for item in content] if isinstance(content, Iterable) else [text_part(str(content))]


def _part(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        return text_part(item)
    kind = get(item, "type")
    if kind in ("text", "input_text", "output_text"):
        return text_part(get(item, "text"))
    if kind == "refusal":
        return {"type": "refusal", "content": get(item, "refusal")}
    if kind in ("image_url", "input_image"):
        url = get(item, "image_url")
        return _image(url if isinstance(url, str) else get(url, "url"))
    if kind == "input_audio":
        audio = get(item, "input_audio")
        mime = f"audio/{get(audio, 'format') or 'wav'}"
        return {"type": "blob", "modality": "audio", "mime_type": mime, "content": get(audio, "data")}
    if kind in ("file", "input_file"):
        return {"type": "file", "modality": "file", "file_id": get(item, "file_id") or get(item, "file", "file_id")}
    return dict(item) if isinstance(item, Mapping) else {"type": kind or "unknown", "content": str(item)}


def _image(url: Any) -> dict[str, Any]:
    if isinstance(url, str) and url.startswith("data:"):
        head, _, data = url.partition(",")
        mime = head[len("data:") :].partition(";")[0] or "image/png"
        return {"type": "blob", "modality": "image", "mime_type": mime, "content": data}
    return {"type": "uri", "modality": "image", "uri": url}


def response_input(given: Any) -> list[dict[str, Any]]:
    """The input of the Responses API as messages."""
    if isinstance(given, str):
        return chat_messages(given)
    return [_item(item) for item in given] if isinstance(given, Iterable) else []


def _item(item: Any) -> dict[str, Any]:
    kind = get(item, "type")
    if kind == "function_call_output":
        response = {"type": "tool_call_response", "id": get(item, "call_id"), "response": get(item, "output")}
        return {"role": "tool", "parts": [response]}
    if kind in ("function_call", "reasoning"):
        return {"role": "assistant", "parts": _output_parts(item)}
    return {"role": get(item, "role") or "user", "parts": content_parts(get(item, "content"))}


def response_output(items: Any, finish: str | None) -> list[dict[str, Any]]:
    """The output items of the Responses API as one assistant's message."""
    parts = [part for item in items or () for part in _output_parts(item)]
    return [{"role": "assistant", "parts": parts, "finish_reason": finish}] if parts else []


def _output_parts(item: Any) -> list[dict[str, Any]]:
    kind = get(item, "type")
    if kind == "function_call":
        return [tool_call(get(item, "call_id"), get(item, "name"), get(item, "arguments"))]
    if kind == "reasoning":
        texts = [get(part, "text") for part in get(item, "summary") or ()]
        return [{"type": "reasoning", "content": text} for text in texts if text]
    if kind == "message":
        return content_parts(get(item, "content"))
    return [{"type": str(kind)}]
