"""OpenAI's messages as OpenTelemetry's: ``{"role", "parts": [{"type": "text", "content": ...}, ...]}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson


def get(value: Any, *path: str) -> Any:
    """The thing at ``path`` below dicts or objects; None where it ends early."""
    for key in path:
        if value is None:
            return None
        value = value.get(key) if isinstance(value, Mapping) else getattr(value, key, None)
    return value


def each(value: Any) -> Sequence[Any]:
    """The items of a list; nothing for what is none, whatever a mock answers with."""
    return value if isinstance(value, list | tuple) else ()


def text_part(text: Any) -> dict[str, Any]:
    """A part that says ``text``."""
    return {"type": "text", "content": text}


def chat_messages(messages: Any) -> list[dict[str, Any]]:
    """The messages of a chat completions request."""
    if isinstance(messages, str):
        return [{"role": "user", "parts": [text_part(messages)]}]
    # What can be read only once is the client's.
    return [chat_message(message) for message in messages] if isinstance(messages, list | tuple) else []


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
    if reasoning := get(message, "reasoning_content") or get(message, "reasoning"):
        parts.append({"type": "reasoning", "content": reasoning})
    parts.extend(content_parts(content))
    parts.extend(_spoken(get(message, "audio")))
    if refusal := get(message, "refusal"):
        parts.append({"type": "refusal", "content": refusal})
    if (function := get(message, "function_call")) is not None:
        parts.append(tool_call(None, get(function, "name"), get(function, "arguments")))
    for call in each(get(message, "tool_calls")):
        function = get(call, "function") or get(call, "custom")
        arguments = get(function, "arguments") or get(function, "input")
        parts.append(tool_call(get(call, "id"), get(function, "name"), arguments))
    return {"role": role, "parts": parts}


def _spoken(audio: Any) -> list[dict[str, Any]]:
    """The parts of an answer in sound: its bytes, and what it says."""
    if not isinstance(data := get(audio, "data"), str):  # of an earlier turn only its id
        return []
    sound = {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": data}
    said = get(audio, "transcript")
    return [sound, text_part(said)] if said else [sound]


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
    return [_part(item) for item in content] if isinstance(content, list | tuple) else [text_part(str(content))]


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
        return _file(item if kind == "input_file" else get(item, "file"))
    return dict(item) if isinstance(item, Mapping) else {"type": kind or "unknown", "content": str(item)}


def _image(url: Any) -> dict[str, Any]:
    if isinstance(url, str) and url.startswith("data:"):
        head, _, data = url.partition(",")
        mime = head[len("data:") :].partition(";")[0] or "image/png"
        return {"type": "blob", "modality": "image", "mime_type": mime, "content": data}
    return {"type": "uri", "modality": "image", "uri": url}


def _file(file: Any) -> dict[str, Any]:
    data = get(file, "file_data")
    if isinstance(data, str) and data.startswith("data:"):
        mime, _, body = data[len("data:") :].partition(";base64,")
        return {"type": "blob", "modality": "file", "mime_type": mime, "content": body, "name": get(file, "filename")}
    if url := get(file, "file_url"):
        return {"type": "uri", "modality": "file", "uri": url}
    return {"type": "file", "modality": "file", "file_id": get(file, "file_id") or get(file, "filename")}


def response_input(given: Any) -> list[dict[str, Any]]:
    """The input of the Responses API as messages."""
    if isinstance(given, str):
        return chat_messages(given)
    return [_item(item) for item in given] if isinstance(given, list | tuple) else []


def _item(item: Any) -> dict[str, Any]:
    kind = get(item, "type")
    if isinstance(kind, str) and kind.endswith("_call_output"):
        response = {"type": "tool_call_response", "id": get(item, "call_id"), "response": get(item, "output")}
        return {"role": "tool", "parts": [response]}
    if kind not in (None, "message"):
        return {"role": "assistant", "parts": _output_parts(item)}
    return {"role": get(item, "role") or "user", "parts": content_parts(get(item, "content"))}


def response_output(items: Any, finish: str | None) -> list[dict[str, Any]]:
    """The output items of the Responses API as one assistant's message."""
    parts = [part for item in each(items) for part in _output_parts(item)]
    return [{"role": "assistant", "parts": parts, "finish_reason": finish}] if parts else []


def _output_parts(item: Any) -> list[dict[str, Any]]:
    kind = get(item, "type")
    if kind in ("function_call", "custom_tool_call", "mcp_call"):
        return [tool_call(get(item, "call_id") or get(item, "id"), get(item, "name"), _first(item, _ARGUMENTS))]
    if kind == "reasoning":
        texts = [get(part, "text") for part in (*each(get(item, "summary")), *each(get(item, "content")))]
        return [{"type": "reasoning", "content": text} for text in texts if text]
    if kind == "message":
        return content_parts(get(item, "content"))
    if kind == "image_generation_call" and isinstance(data := get(item, "result"), str):
        mime = f"image/{get(item, 'output_format') or 'png'}"
        return [{"type": "blob", "modality": "image", "mime_type": mime, "content": data}]
    # A tool that the provider runs itself: web search, files, code and those to come.
    asked = _first(item, ("action", "queries", "code", "tools"))
    return [tool_call(get(item, "id"), str(kind), asked)]


_ARGUMENTS = ("arguments", "input")


def _first(item: Any, keys: tuple[str, ...]) -> Any:
    return next((found for key in keys if (found := get(item, key)) is not None), None)
