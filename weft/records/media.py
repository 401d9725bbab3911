"""Images, sounds and files that spans hold: kept as blobs, named in the span by a reference.

A reference is a JSON object ``{"_weft": "media", "digest", "media_type", "size_bytes"}``, perhaps with ``name``,
``width`` and ``height``. It may stand among other keys, such as in a message part. Here is what finds references in
a value, what puts them in place of bytes that came inline as base64, and what tells a type by the first bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from weft import digests

MARK = "_weft"
MEDIA = "media"
SCHEME = "weft-media:"  # of a part's uri, where OpenTelemetry's messages want one

# What a browser may show in place. SVG is none of them: it can hold script.
SHOWN = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"),
        *("audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/aac", "video/mp4", "video/webm"),
    }
)
UNKNOWN_TYPE = "application/octet-stream"
_DEEPEST = 64
_FORMATS = {"mp3": "audio/mpeg", "wav": "audio/wav", "opus": "audio/ogg", "pcm16": "audio/pcm", "pcm": "audio/pcm"}
_TYPE_KEYS = ("mime_type", "media_type", "mimeType", "mediaType", "format")
_DATA_KEYS = ("data", "content", "b64_json")

Keep = Callable[[bytes, str], Mapping[str, Any]]


PART_BYTES = 8 * 1024 * 1024  # larger media travel in parts of so many bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a large medium it is: ``number`` counts from 0; the one that closes the ``upload`` has no bytes
    but the digest of the ``whole``, and its number is how many parts came before."""

    upload: str
    number: int
    whole: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """The bytes of an image, a sound or a file on their way into the blobs of ``project``, or a ``part`` of them."""

    project: str
    media_type: str
    data: bytes
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class MediaReference:
    """Where the bytes are: blob ``digest`` of the span's project. ``media_type`` is what the sender said."""

    digest: str
    media_type: str
    size_bytes: int
    name: str | None = None
    width: int | None = None
    height: int | None = None

    @property
    def modality(self) -> str:
        """``image``, ``audio``, ``video`` or ``file``."""
        return modality_of(self.media_type)


def modality_of(media_type: str) -> str:
    """``image``, ``audio``, ``video`` or ``file``."""
    head = media_type.partition("/")[0]
    return head if head in ("image", "audio", "video") else "file"


def reference(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """The reference to ``data``; the bytes know their type better than who sent them."""
    return {
        MARK: MEDIA,
        "digest": digests.of_bytes(data),
        "media_type": type_of(data) or media_type,
        "size_bytes": len(data),
        **{key: value for key, value in more.items() if value is not None},
    }


def find_media(value: Any) -> list[MediaReference]:
    """The references in a JSON value, such as a span's output, each digest once, in order."""
    return list({found.digest: found for found in _references(value, 0)}.values())


def _references(value: Any, depth: int) -> Iterator[MediaReference]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        if value.get(MARK) == MEDIA and (found := _read(value)) is not None:
            yield found
        for item in value.values():
            if isinstance(item, Mapping | list):
                yield from _references(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item, depth + 1)


def _read(value: Mapping[str, Any]) -> MediaReference | None:
    """Whatever a stranger wrote under these names; only what is a reference is taken for one."""
    digest, media_type, size = value.get("digest"), value.get("media_type"), value.get("size_bytes")
    if not isinstance(digest, str) or len(digest) != 64 or not digest.isalnum() or not digest.isascii():
        return None
    numbers = (value.get("width"), value.get("height"))
    return MediaReference(
        digest,
        media_type if isinstance(media_type, str) else UNKNOWN_TYPE,
        size if isinstance(size, int) else 0,
        name if isinstance(name := value.get("name"), str) else None,
        *(number if isinstance(number, int) else None for number in numbers),
    )


_HINTS = (";base64,", '"base64"', '"blob"', '"input_audio"', "b64_json")
_BYTE_HINTS = tuple(hint.strip('"').encode() for hint in _HINTS)  # in JSON inside of JSON quotes are escaped


def holds_inline(text: str | bytes) -> bool:
    """Whether JSON text, or a body in any encoding, may hold media inline: a quick look before :func:`extract`."""
    if isinstance(text, str):
        return any(hint in text for hint in _HINTS)
    return any(hint in text for hint in _BYTE_HINTS)


def extract(value: Any, keep: Keep) -> Any:
    """``value`` with references in place of what is base64 in it: data URLs, and the parts of messages that hold
    bytes (OpenTelemetry's blobs, OpenAI's audio and images, Anthropic's and Gemini's sources).

    ``keep(data, media_type)`` gets the bytes and gives the reference. What is not valid base64 stays as it is, and so
    does ``value`` itself.
    """
    return _extract(value, keep, 0)


def _extract(value: Any, keep: Keep, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _from_url(value, keep) if value.startswith("data:") else value
    if depth > _DEEPEST:
        return value
    if kind is list:
        return [_extract(item, keep, depth + 1) for item in value]
    if not isinstance(value, Mapping) or value.get(MARK) == MEDIA:
        return value
    inline = _inline(value)
    if inline is None:
        return {key: _extract(item, keep, depth + 1) for key, item in value.items()}
    key, data, media_type = inline
    kept = keep(data, media_type)
    if value.get("type") == "blob":  # OpenTelemetry's part for bytes that are elsewhere
        rest = {name: item for name, item in value.items() if name not in (key, "type")}
        return {"type": "uri", **rest, "uri": f"{SCHEME}{kept['digest']}", **kept}
    return {**value, key: dict(kept)}


def _inline(value: Mapping[str, Any]) -> tuple[str, bytes, str] | None:
    """The key of a mapping under which bytes stand as base64, the bytes, and their type."""
    for key in _DATA_KEYS:
        text = value.get(key)
        if not isinstance(text, str) or not text:
            continue
        said = next((value[name] for name in _TYPE_KEYS if isinstance(value.get(name), str)), None)
        if said is None and key != "b64_json" and not ("transcript" in value and key == "data"):
            continue
        if key == "content" and value.get("type") != "blob":
            continue
        if text.startswith("data:"):
            continue  # a URL, which the walk over the members finds
        data = _decoded(text)
        if data is not None:
            said = said or ""
            return key, data, said if "/" in said else _FORMATS.get(said, f"audio/{said}" if said else UNKNOWN_TYPE)
    return None


def _from_url(url: str, keep: Keep) -> Any:
    head, comma, body = url[len("data:") :].partition(",")
    if not comma or not head.endswith(";base64"):
        return url
    data = _decoded(body)
    return url if data is None else dict(keep(data, head.partition(";")[0] or UNKNOWN_TYPE))


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_BOXES = {b"avif": "image/avif", b"M4A ": "audio/mp4", b"isom": "video/mp4", b"mp42": "video/mp4"}


def type_of(data: bytes) -> str | None:
    """The media type by the first bytes, as the formats document them; None where they say nothing."""
    for start, media_type in _STARTS:
        if data.startswith(start):
            return media_type
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12])
    if data.startswith(b"BM") and len(data) > 54 and int.from_bytes(data[2:6], "little") == len(data):
        return "image/bmp"
    return _BOXES.get(data[8:12]) if data[4:8] == b"ftyp" else None
