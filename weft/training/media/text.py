"""Texts, as values of a run."""

from __future__ import annotations

from typing import Any

from weft.errors import InputError
from weft.tracing import redact
from weft.tracing.media import Reference, Value

_INLINE = 4_096  # characters; longer texts are blobs


class Text(Value):
    """A text with a step of its own: ``run.log({"sample": weft.Text(answer)})``. Raises InputError for no text."""

    __slots__ = ("caption", "text")

    kind = "text"

    def __init__(self, text: str, caption: str | None = None) -> None:
        if not isinstance(text, str):
            raise InputError(f"A {type(text).__name__} is no text.", remedy="Give a str.", field="text")
        self.text = text
        self.caption = caption

    def reference(self) -> Reference:
        """What stands for it: the text, or a reference to it where it is long."""
        told: dict[str, Any] = {"caption": self.caption} if self.caption is not None else {}
        text = redact.clean_text(self.text)
        if len(text) <= _INLINE:
            return Reference({"_weft": "text", "text": text, **told})
        return Reference.of(text.encode("utf-8", "surrogatepass"), "text/plain", characters=len(text), **told)

    def __repr__(self) -> str:
        return f"weft.Text({self.text[:40]!r}, {len(self.text)} characters)"
