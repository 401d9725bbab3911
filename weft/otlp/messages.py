"""Messages and documents of all dialects in one shape: OpenTelemetry's ``{"role", "parts"}``, and plain rows.

Flattened ones (``llm.input_messages.0.message.role``) are put together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weft.otlp.readers import first_member, parsed

_MOST = 10_000  # indexes beyond this are noise, not messages
_TEXTS = frozenset({"text", "input_text", "output_text"})
_CALLS = frozenset({"tool-call", "tool_call", "tool_use", "function_call", "function"})
_RESULTS = frozenset({"tool-result", "tool_result", "function_call_output", "tool_call_response"})


def unflatten(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """The list behind ``prefix`` + ``N.rest`` names, rest split at its dots and digits made lists; None without any."""
    rows: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if not key.startswith(prefix):
            continue
        head, _, rest = key[len(prefix) :].partition(".")
        if rest and head.isdecimal() and len(head) < 6 and int(head) < _MOST:
            rows.setdefault(int(head), {})[rest] = value
    if not rows:
        return None
    return [_nested(rows[index]) for index in sorted(rows)]


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        node = tree
        *path, leaf = key.split(".")
        for part in path[:_DEEPEST]:
            below = node.setdefault(part, {})
            if not isinstance(below, dict):  # a value and a folder of the same name: the value stays
                break
            node = below
        else:
            node.setdefault(leaf, value)
    made = _lists(tree)
    return made if isinstance(made, dict) else {"items": made}


_DEEPEST = 16


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=lambda key: (len(key), key))]
    return {key: _lists(value) for key, value in node.items()}


def openinference_messages(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """OpenInference's messages."""
    rows = unflatten(attributes, prefix)
    if rows is None or not any("message" in row for row in rows):
        return None
    return [_openinference_message(row.get("message")) for row in rows]


def _openinference_message(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict):
        return {"role": "unknown", "parts": [] if message is None else [_text(message)]}
    role = message.get("role", "unknown")
    if role == "tool" and "tool_call_id" in message:
        return {"role": role, "parts": [_result(message["tool_call_id"], message.get("content"))]}
    parts: list[dict[str, Any]] = []
    if message.get("content") not in (None, ""):
        parts.append(_text(message["content"]))
    for item in _rows(message.get("contents")):
        parts.extend(_openinference_part(item.get("message_content")))
    if isinstance(message.get("function_call_name"), str):
        parts.append(_call(None, message["function_call_name"], message.get("function_call_arguments_json")))
    for item in _rows(message.get("tool_calls")):
        call = item.get("tool_call")
        if isinstance(call, dict):
            function = call.get("function")
            function = function if isinstance(function, dict) else {}
            parts.append(_call(call.get("id"), function.get("name"), function.get("arguments")))
    named = {"name": message["name"]} if isinstance(message.get("name"), str) else {}
    return {"role": role, "parts": parts, **named}


def _openinference_part(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, dict):
        return []
    if "text" in content:
        kind = "reasoning" if content.get("type") == "reasoning" else "text"
        return [{"type": kind, "content": content["text"]}]
    if "image" in content:
        return [_media("image", _dig(content, "image", "image", "url"))]
    return []


def indexed_messages(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """traceloop's ``gen_ai.prompt.N.role``, ``.content``, ``.tool_calls.M.name`` and their kin."""
    rows = unflatten(attributes, prefix)
    if rows is None:
        return None
    messages = []
    for row in rows:
        role = row.get("role", "user" if prefix == "gen_ai.prompt." else "assistant")
        said = parsed(row.get("content"))
        if not isinstance(said, list):
            said = row.get("content")
        message = {**row, "role": role, "content": said}
        messages.append(content_messages([message])[0])
    return messages


def documents(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """OpenInference's documents as rows of id, content, score, metadata."""
    rows = unflatten(attributes, prefix)
    if rows is None:
        return None
    return [row["document"] if isinstance(row.get("document"), dict) else row for row in rows]


def content_messages(messages: Any) -> Any:
    """Messages of the providers' own shape (``{"role", "content", "tool_calls"}``); what is none stays as it is."""
    if not isinstance(messages, list) or not all(isinstance(item, dict) for item in messages):
        return messages
    return [_content_message(item) for item in messages]


def _content_message(message: dict[str, Any]) -> dict[str, Any]:
    if "parts" in message:
        return message
    role, said = message.get("role", "unknown"), message.get("content")
    if role == "tool" and not isinstance(said, list):
        parts = [_result(message.get("tool_call_id", message.get("id")), said)]
    else:
        parts = [_content_part(item) for item in said] if isinstance(said, list) else []
        if not isinstance(said, list) and said not in (None, ""):
            parts = [_text(said)]
    for call in _rows(message.get("tool_calls")):
        parts.append(_content_part({"type": "function", **call}))
    reason = first_member(message, ("finish_reason", "finishReason"))
    return {"role": role, "parts": parts, **({"finish_reason": reason} if reason else {})}


def _content_part(part: Any) -> Any:
    if not isinstance(part, dict):
        return _text(part)
    kind = str(part.get("type", ""))
    if kind in _TEXTS and "text" in part:
        return _text(part["text"])
    if kind in ("reasoning", "thinking"):
        return {"type": "reasoning", "content": first_member(part, ("text", "thinking", "content"))}
    if kind in _CALLS or ("toolCallId" in part and "result" not in part and "output" not in part):
        function = part.get("function")
        inner = function if isinstance(function, dict) else part
        name = first_member(inner, ("name", "toolName"))
        arguments = first_member(inner, ("arguments", "args", "input"))
        return _call(first_member(part, ("id", "toolCallId", "call_id")), name, arguments)
    if kind in _RESULTS or "toolCallId" in part:
        told = first_member(part, ("result", "output", "content", "response"))
        return _result(first_member(part, ("toolCallId", "tool_use_id", "call_id", "id")), told)
    if kind in ("image_url", "image"):
        url = first_member(part, ("image_url", "image", "url"))
        return _media("image", url.get("url") if isinstance(url, dict) else url)
    return part


def event_messages(events: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What the deprecated events ``gen_ai.{system,user,assistant,tool}.message`` and ``gen_ai.choice`` of a span say.

    Their content stands in the attributes, in ``gen_ai.event.content`` as JSON, or in ``body``.
    """
    found: dict[str, list[dict[str, Any]]] = {"input": [], "output": []}
    for event in events:
        name = event.get("name")
        if not isinstance(name, str) or not name.startswith("gen_ai."):
            continue
        word = name[len("gen_ai.") :]
        said = _event_content(event.get("attributes"))
        if word == "choice":
            message = said.get("message")
            inner = message if isinstance(message, dict) else said if message is None else {"content": message}
            reason = {"finish_reason": said["finish_reason"]} if said.get("finish_reason") else {}
            found["output"].append(_content_message({"role": "assistant", **inner, **reason}))
        elif word.endswith(".message") and word[: -len(".message")] in _ROLES:
            found["input"].append(_content_message({"role": word[: -len(".message")], **said}))
    return {side: messages for side, messages in found.items() if messages}


_ROLES = frozenset({"system", "user", "assistant", "tool"})


def _event_content(attributes: Any) -> dict[str, Any]:
    if not isinstance(attributes, Mapping):
        return {}
    for key in ("gen_ai.event.content", "body"):
        inner = parsed(attributes.get(key))
        if isinstance(inner, dict):
            return inner
    return {key: parsed(value) if key in ("tool_calls", "message") else value for key, value in attributes.items()}


def _text(value: Any) -> dict[str, Any]:
    return {"type": "text", "content": value}


def _call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _result(call_id: Any, response: Any) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": call_id, "response": response}


def _media(modality: str, uri: Any) -> dict[str, Any]:
    return {"type": "uri", "modality": modality, "uri": uri}


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _dig(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
