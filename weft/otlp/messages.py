"""Flattened messages and documents (``llm.input_messages.0.message.role``) put together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 10_000  # indexes beyond this are noise, not messages


def unflatten(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """The list behind ``prefix.N.rest`` names, rest split at its dots and digits made lists; None without any."""
    start = prefix + "."
    rows: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if not key.startswith(start):
            continue
        head, _, rest = key[len(start) :].partition(".")
        if rest and head.isdecimal() and int(head) < _MOST:
            rows.setdefault(int(head), {})[rest] = value
    if not rows:
        return None
    return [_nested(rows[index]) for index in sorted(rows)]


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        node = tree
        *path, leaf = key.split(".")
        for part in path:
            below = node.setdefault(part, {})
            if not isinstance(below, dict):  # a value and a folder of the same name: the value stays
                break
            node = below
        else:
            node.setdefault(leaf, value)
    made = _lists(tree)
    return made if isinstance(made, dict) else {"items": made}


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(value) for key, value in node.items()}


def indexed_messages(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """OpenInference's messages as ``{"role", "parts"}``, the shape of OpenTelemetry's."""
    if f"{prefix}.0.message.role" not in attributes and f"{prefix}.0.message.content" not in attributes:
        return None
    rows = unflatten(attributes, prefix)
    return None if rows is None else [_message(row.get("message", row)) for row in rows]


def _message(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict):
        return {"role": "unknown", "parts": [{"type": "text", "content": message}]}
    role = message.get("role", "unknown")
    parts: list[dict[str, Any]] = []
    if role == "tool" and "tool_call_id" in message:
        response = {"type": "tool_call_response", "id": message["tool_call_id"], "response": message.get("content")}
        return {"role": role, "parts": [response]}
    if message.get("content") not in (None, ""):
        parts.append({"type": "text", "content": message["content"]})
    for item in _rows(message.get("contents")):
        content = item.get("message_content", {})
        if isinstance(content, dict):
            if "text" in content:
                parts.append({"type": "text", "content": content["text"]})
            elif "image" in content:
                parts.append({"type": "uri", "modality": "image", "uri": _dig(content, "image", "image", "url")})
    for item in _rows(message.get("tool_calls")):
        call = item.get("tool_call", {})
        if isinstance(call, dict):
            function = call.get("function", {})
            function = function if isinstance(function, dict) else {}
            parts.append(
                {
                    "type": "tool_call",
                    "id": call.get("id"),
                    "name": function.get("name"),
                    "arguments": function.get("arguments"),
                }
            )
    return {"role": role, "parts": parts}


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _dig(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def indexed_turns(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """traceloop's ``gen_ai.prompt.N.role`` and ``.content`` as rows."""
    if f"{prefix}.0.role" not in attributes and f"{prefix}.0.content" not in attributes:
        return None
    return unflatten(attributes, prefix)


def indexed_documents(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """OpenInference's retrieved documents as rows of id, content, score, metadata."""
    rows = unflatten(attributes, prefix) if any(key.startswith(f"{prefix}.0.") for key in attributes) else None
    if rows is None:
        return None
    return [row["document"] if isinstance(row.get("document"), dict) else row for row in rows]
