"""Texts and messages that remember the prompt they were made from, so that the model call that gets them says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weft.otlp import names

_PARTS = ("messages", "input", "prompt", "instructions")  # of a request to a model


class PromptText(str):
    """A formatted text; ``attributes`` name its prompt. What is made of it by cutting or joining forgets it."""

    __slots__ = ("attributes",)
    attributes: Mapping[str, str]

    def __new__(cls, text: str, attributes: Mapping[str, str]) -> PromptText:
        """``text`` as a text of a prompt."""
        made = super().__new__(cls, text)
        made.attributes = attributes
        return made

    def __getnewargs__(self) -> tuple[str, Mapping[str, str]]:  # type: ignore[override]
        return str(self), self.attributes


class PromptMessages(list[dict[str, Any]]):
    """Formatted messages of a chat; ``attributes`` name their prompt. Messages may be appended."""

    def __init__(self, messages: Iterable[dict[str, Any]], attributes: Mapping[str, str]) -> None:
        super().__init__(messages)
        self.attributes = attributes


def attributes_of(request: Mapping[str, Any]) -> Mapping[str, str]:
    """The attributes that name the prompt of a request to a model; empty where it has none."""
    for part in _PARTS:
        value = request.get(part)
        if isinstance(value, PromptText | PromptMessages):
            return value.attributes
        if isinstance(value, list):
            for message in value:
                content = message.get("content") if isinstance(message, Mapping) else None
                if isinstance(content, PromptText):
                    return content.attributes
    return {}


def told(name: str, digest: str, ref: str | None) -> dict[str, str]:
    """The attributes of a prompt's spans; ``ref`` is its version, ``name:v3``, where it is published."""
    given = {names.PROMPT_NAME: name, names.WEFT_PROMPT_DIGEST: digest}
    return given if ref is None else {**given, names.WEFT_PROMPT: ref}
