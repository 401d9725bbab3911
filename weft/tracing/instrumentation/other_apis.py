"""Embeddings, images, speech, transcriptions and moderations."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from weft.otlp import names
from weft.records.media import SCHEME, modality_of
from weft.tracing.instrumentation.api import Accumulator, Attributes, common, known, text_of, usage
from weft.tracing.instrumentation.messages import content_parts, each, get, text_part
from weft.tracing.media import LARGEST_BYTES, Reference


class _Last:
    """Of a stream whose last event says it all."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._latest: Any = None

    def add(self, chunk: Any) -> None:
        self._latest = chunk

    def attributes(self, *, content: bool) -> Attributes:
        found: Attributes = self._api.answer(self._latest, content=content)
        return found


class Embeddings:
    """Embeddings: what was embedded and how long the vectors are, not the vectors."""

    operation = "embeddings"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = common(given, self.operation)
        if isinstance(form := given.get("encoding_format"), str):
            found[names.REQUEST_ENCODING_FORMATS] = [form]
        if content:
            found[names.WEFT_INPUT] = text_of(given.get("input"))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        rows = get(result, "data")
        rows = rows if isinstance(rows, list) else []
        return known(
            {
                names.RESPONSE_MODEL: get(result, "model"),
                names.INPUT_TOKENS: get(result, "usage", "prompt_tokens"),
                names.EMBEDDING_DIMENSION: _dimension(get(rows[0], "embedding")) if rows else None,
            }
        )

    def accumulator(self) -> Accumulator:
        """Embeddings do not stream."""
        return _Last(self)


def _dimension(vector: Any) -> int | None:
    if isinstance(vector, list):
        return len(vector)
    # Base64 of 32-bit floats, where the user asked for it.
    return (len(vector) * 3 // 4 - vector.count("=")) // 4 if isinstance(vector, str) else None


def media_part(data: bytes, media_type: str, name: str | None = None) -> dict[str, Any]:
    """A message part that refers to bytes; they are journaled when it is."""
    found = Reference.of(data, media_type, name=name)
    found.update(
        type="uri",
        modality=modality_of(found["media_type"]),
        mime_type=found["media_type"],
        uri=f"{SCHEME}{found['digest']}",
    )
    return found


def file_part(given: Any, media_type: str) -> dict[str, Any]:
    """A part for a file as the clients take it: bytes, a path, an open file (left where it stands), or a tuple."""
    name: str | None = None
    if isinstance(given, tuple):
        name = given[0] if given and isinstance(given[0], str) else None
        if len(given) > 2 and isinstance(given[2], str):
            media_type = given[2]
        given = given[1] if len(given) > 1 else None
    data = given if isinstance(given, bytes) else _bytes_of(given)
    if name is None:
        path = given if isinstance(given, os.PathLike) else get(given, "name")
        name = os.path.basename(path) if isinstance(path, str | os.PathLike) else None
    if data is None:
        return {"type": "file", "modality": modality_of(media_type), "mime_type": media_type, "file_id": name}
    return media_part(data, media_type, str(name) if name else None)


def _bytes_of(given: Any) -> bytes | None:
    try:
        if isinstance(given, os.PathLike):
            with open(given, "rb") as file:
                return file.read(LARGEST_BYTES)
        number = given.fileno()
        about = os.fstat(number)
        # pread leaves the file where the client will read it from.
        if stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST_BYTES:
            return os.pread(number, about.st_size, given.tell())
    except (OSError, AttributeError, ValueError, TypeError):
        pass
    return None


class Images:
    """Images made or changed by a prompt."""

    operation = "generate_content"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**common(given, self.operation), names.OUTPUT_TYPE: "image"}
        if content:
            parts = content_parts(given.get("prompt"))
            images = given.get("image")
            for image in images if isinstance(images, list) else [images]:
                if isinstance(image, bytes | tuple | os.PathLike) or hasattr(image, "read"):
                    parts.append(file_part(image, "image/png"))
            found[names.INPUT_MESSAGES] = text_of([{"role": "user", "parts": parts}])
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {names.RESPONSE_MODEL: get(result, "model"), **usage(get(result, "usage"))}
        # The last event of a stream is itself the image.
        rows = each(get(result, "data")) or ([result] if get(result, "b64_json") else [])
        parts = [_image_part(row, get(result, "output_format")) for row in rows]
        if content and parts:
            found[names.OUTPUT_MESSAGES] = text_of([{"role": "assistant", "parts": parts}])
        return known(found)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _Last(self)


def _image_part(row: Any, form: Any) -> dict[str, Any]:
    data = get(row, "b64_json")
    mime = f"image/{form}" if isinstance(form, str) else "image/png"
    if data:
        return {"type": "blob", "modality": "image", "mime_type": mime, "content": data}
    return {"type": "uri", "modality": "image", "uri": get(row, "url")}


class Speech:
    """Text made into sound."""

    operation = "generate_content"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**common(given, self.operation), names.OUTPUT_TYPE: "speech"}
        if content:
            found[names.INPUT_MESSAGES] = text_of([{"role": "user", "parts": content_parts(given.get("input"))}])
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        data = result if isinstance(result, bytes) else get(result, "content")
        if not content or not isinstance(data, bytes) or not data:
            return {}
        form = get(result, "response", "headers")
        said = form.get("content-type") if isinstance(form, Mapping) else None
        media_type = said.partition(";")[0] if isinstance(said, str) and "/" in said else "audio/mpeg"
        return {names.OUTPUT_MESSAGES: text_of([{"role": "assistant", "parts": [media_part(data, media_type)]}])}

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _Last(self)


class Transcriptions:
    """Sound made into text."""

    operation = "generate_content"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**common(given, self.operation), names.OUTPUT_TYPE: "text"}
        if content:
            parts = [file_part(given.get("file"), "audio/wav"), *content_parts(given.get("prompt"))]
            found[names.INPUT_MESSAGES] = text_of([{"role": "user", "parts": parts}])
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = usage(get(result, "usage"))
        text = result if isinstance(result, str) else get(result, "text")
        if content and isinstance(text, str):
            found[names.OUTPUT_MESSAGES] = text_of([{"role": "assistant", "parts": [text_part(text)]}])
        return known(found)

    def accumulator(self) -> Accumulator:
        """See :class:`Api`."""
        return _Last(self)


class Moderations:
    """Whether texts and images are harmful: a guardrail, not a model's answer."""

    operation = "moderation"

    def request(self, given: Mapping[str, Any], *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {**common(given, self.operation), names.WEFT_KIND: "guardrail"}
        if content:
            found[names.WEFT_INPUT] = text_of(given.get("input"))
        return found

    def answer(self, result: Any, *, content: bool) -> Attributes:
        """See :class:`Api`."""
        found = {names.RESPONSE_ID: get(result, "id"), names.RESPONSE_MODEL: get(result, "model")}
        rows = get(result, "results")
        if content and isinstance(rows, list):
            found[names.WEFT_OUTPUT] = text_of(rows)
        return known(found)

    def accumulator(self) -> Accumulator:
        """Moderations do not stream."""
        return _Last(self)
