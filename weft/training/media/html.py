"""HTML as data: shown only in a frame that may neither run script nor reach anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from weft.errors import InputError, NotFoundError
from weft.tracing import redact
from weft.tracing.media import Reference, Value


class Html(Value):
    """HTML for a run: text, a path to a file that ends in ``.html``, or what has ``read()``.

    It is kept as it is and shown in a sandboxed frame without script; ``data_is_not_path`` says that a text which looks
    like a path is none, ``inject`` changes nothing. Raises InputError for anything else,
    NotFoundError where the file is not there.
    """

    __slots__ = ("caption", "html")

    kind = "html"

    def __init__(
        self, data: Any, inject: bool = True, data_is_not_path: bool = False, *, caption: str | None = None
    ) -> None:
        self.caption = caption
        if isinstance(data, os.PathLike) or (not data_is_not_path and _is_path(data)):
            path = Path(data)
            try:
                data = path.read_text("utf-8", "replace")
            except OSError as error:
                raise NotFoundError(
                    f"The page {str(path)!r} cannot be read: {error.strerror or error}.",
                    remedy="Give the path of a file that exists, or the HTML itself.",
                    field="data",
                ) from None
        elif callable(read := getattr(data, "read", None)):
            data = read()
        if isinstance(data, bytes):
            data = data.decode("utf-8", "replace")
        if not isinstance(data, str):
            raise InputError(f"A {type(data).__name__} is no HTML.", remedy="Give text or a path.", field="data")
        self.html: str = data

    def reference(self) -> Reference:
        """The reference that stands for it."""
        more: dict[str, Any] = {} if self.caption is None else {"caption": self.caption}
        found = Reference.of(redact.clean_text(self.html).encode("utf-8", "surrogatepass"), "text/html", **more)
        found["media_type"] = "text/html"  # whatever its first bytes look like
        return found

    def __repr__(self) -> str:
        return f"weft.Html({len(self.html)} characters)"


def _is_path(data: Any) -> bool:
    return isinstance(data, str) and data.endswith((".html", ".htm")) and "\n" not in data and "<" not in data
