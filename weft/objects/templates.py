"""Templates: texts with ``{name}`` in them, and nothing that could reach further than a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weft.errors import InputError

Template = str | list[dict[str, Any]]

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")
_BRACES = {"{{": "{", "}}": "}"}


def variables_of(template: Template) -> list[str]:
    """The names that a template asks for, each once, in order. Raises InputError for a brace that is no placeholder."""
    found: dict[str, None] = {}
    for text in _texts(template):
        for token in _TOKEN.finditer(text):
            if token[1] is not None:
                found[token[1]] = None
            elif token[0] not in _BRACES:
                raise InputError(
                    f"The template has a {token[0]!r} at character {token.start() + 1} that belongs to no placeholder: "
                    f"{text[token.start() : token.start() + 20]!r}.",
                    remedy="Placeholders are names alone, {question}; write {{ and }} for braces that stay.",
                    field="template",
                )
    return list(found)


def fill(template: Template, values: Mapping[str, Any]) -> Template:
    """The template with its placeholders filled; ``values`` holds them all."""
    if isinstance(template, str):
        return _fill_text(template, values)
    return [{**message, "content": _fill_content(message.get("content"), values)} for message in template]


def _fill_content(content: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(content, str):
        return _fill_text(content, values)
    if isinstance(content, list):
        return [_fill_part(part, values) for part in content]
    return content


def _fill_part(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return {**part, "text": _fill_text(part["text"], values)}
    return part


def _fill_text(text: str, values: Mapping[str, Any]) -> str:
    # One pass: a value that holds braces is put in as it is, never read as a template.
    return _TOKEN.sub(lambda token: str(values[token[1]]) if token[1] is not None else _BRACES[token[0]], text)


def _texts(template: Template) -> list[str]:
    if isinstance(template, str):
        return [template]
    texts: list[str] = []
    for message in template:
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts += [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return texts


def checked(template: Any) -> Template:
    """A copy of a template. Raises InputError for what is neither text nor messages with a role."""
    if isinstance(template, str):
        return template
    if not isinstance(template, list | tuple) or not template:
        raise InputError(
            f"The template is a {type(template).__name__}, neither text nor messages.",
            remedy="Give a text, or a list such as [{'role': 'user', 'content': 'Reply to {question}'}].",
            field="template",
        )
    messages: list[dict[str, Any]] = []
    for number, message in enumerate(template, start=1):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise InputError(
                f"Message {number} of the template has no role.", remedy="Give role and content.", field="template"
            )
        messages.append(dict(message))
    return messages
