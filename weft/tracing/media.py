"""Images, sounds and files in what ops are given and return: their bytes go to the blobs, a reference to the span."""

from __future__ import annotations

import io
import mimetypes
import os
import struct
import threading
import time
import wave
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import trace

from weft import recording
from weft.errors import InputError, NotFoundError
from weft.journal import fork
from weft.records import codec
from weft.records.media import SHOWN, UNKNOWN_TYPE, Media, reference, type_of
from weft.tracing import guard
from weft.tracing.sampling import Hold

LARGEST_BYTES = 128 * 2**20  # what is larger is named in the span and not kept
_AGAIN_S = 1_800.0  # what a program sends over and over is journaled once in this time
_MOST_RECENT = 4_096
_WEAK = frozenset({"audio/mpeg", "audio/aac"})  # two bytes say so little that other files have them too


class Reference(dict[str, Any]):
    """The reference to bytes that are not journaled yet: they are, once it is part of what is recorded."""

    __slots__ = ("data",)

    def __init__(self, data: bytes, media_type: str, **more: Any) -> None:
        super().__init__(reference(data, media_type, **more))
        self.data = data


class File:
    """A file for a span: ``return weft.File("report.pdf")``.

    ``source`` is a path or bytes. The bytes are read now, so that the file may change afterwards. Raises InputError
    for what is neither, NotFoundError where there is no such file.
    """

    __slots__ = ("data", "media_type", "name")

    _what = "file"
    _default_type = UNKNOWN_TYPE

    def __init__(self, source: Any, *, media_type: str | None = None, name: str | None = None) -> None:
        self.name = name
        guessed: str | None = None
        if isinstance(source, bytes | bytearray | memoryview):
            self.data = bytes(source)
        elif isinstance(source, str | os.PathLike):
            path = Path(source)
            try:
                self.data = path.read_bytes()
            except OSError as error:
                raise NotFoundError(
                    f"The {self._what} {str(path)!r} cannot be read: {error.strerror or error}.",
                    remedy="Give the path of a file that exists, or its bytes.",
                    field="source",
                ) from None
            self.name = name or path.name
            guessed = mimetypes.guess_type(path.name)[0]
        else:
            self.data, guessed = self._made(source)
        self.media_type = media_type or type_of(self.data) or guessed or self._default_type

    def _made(self, source: Any) -> tuple[bytes, str]:
        raise InputError(
            f"A {type(source).__name__} is no {self._what}.", remedy="Give a path or bytes.", field="source"
        )

    def reference(self) -> Reference:
        """The reference that stands for it in a span."""
        return Reference(self.data, self.media_type, name=self.name)

    def __repr__(self) -> str:
        return f"weft.{type(self).__name__}({self.name or self.media_type!r}, {len(self.data)} bytes)"


class Image(File):
    """An image for a span: a path, bytes, a PIL image, or an array of shape (height, width[, 1, 3 or 4]).

    Arrays hold integers from 0 to 255, truth values, or floats from 0 to 1, and become PNG. Raises InputError for
    anything else.
    """

    __slots__ = ()

    _what = "image"
    _default_type = "image/png"

    def _made(self, source: Any) -> tuple[bytes, str]:
        if is_pil(type(source)):
            return _of_pil(source), "image/png"
        if hasattr(source, "shape") and hasattr(source, "dtype"):
            return _png(source), "image/png"
        raise InputError(
            f"A {type(source).__name__} is no image.",
            remedy="Give a path, bytes, a PIL image or an array.",
            field="source",
        )


class Audio(File):
    """A sound for a span: a path, bytes, or samples as an array of shape (n,) or (n, channels) with ``sample_rate`` in
    Hz; floats from -1 to 1 or 16-bit integers, which become WAV. Raises InputError for anything else.
    """

    __slots__ = ("_rate",)

    _what = "sound"
    _default_type = "audio/wav"

    def __init__(
        self, source: Any, *, sample_rate: int | None = None, media_type: str | None = None, name: str | None = None
    ) -> None:
        self._rate = sample_rate
        super().__init__(source, media_type=media_type, name=name)

    def _made(self, source: Any) -> tuple[bytes, str]:
        if not (hasattr(source, "shape") and hasattr(source, "dtype")):
            raise InputError(
                f"A {type(source).__name__} is no sound.", remedy="Give a path, bytes or an array.", field="source"
            )
        if self._rate is None or self._rate < 1:
            raise InputError(
                "Samples need their rate.", remedy="Write weft.Audio(samples, sample_rate=16_000).", field="sample_rate"
            )
        return _wav(source, self._rate), "audio/wav"


def is_pil(kind: type[Any]) -> bool:
    """Whether a class is PIL's image or a subclass of it; PIL is not imported for that."""
    return any(cls.__module__ == "PIL.Image" and cls.__name__ == "Image" for cls in kind.__mro__)


def convert(value: Any) -> Reference | None:
    """The reference for a value that is an image, a sound or a file; None for any other."""
    kind = type(value)
    if isinstance(value, File):
        return value.reference()
    if is_pil(kind):
        return Reference(_of_pil(value), "image/png", width=value.width, height=value.height)
    if isinstance(value, bytes | bytearray | memoryview):
        media_type = type_of(bytes(value[:64]))
        if media_type in SHOWN and media_type not in _WEAK:
            return Reference(bytes(value), media_type)
    return None


def keep(data: bytes, media_type: str) -> dict[str, Any]:
    """Journal bytes, unless that was done of late; returns their reference."""
    found = reference(data, media_type)
    journal(found, data)
    return found


def journal(found: dict[str, Any], data: bytes) -> None:
    """Journal the bytes of a reference ahead of the span that holds it. Never raises; what is not kept says so."""
    recorder = recording.active
    try:
        if recorder is None or not recorder.settings.media or len(data) > LARGEST_BYTES:
            found["kept"] = False
            return
        key = (recorder.project, found["digest"])
        if _recent.has(recorder, key):
            return
        record_type, payload = codec.encode(Media(recorder.project, found["media_type"], data))
        hold: Hold | None = getattr(_into, "hold", None) or getattr(trace.get_current_span(), "hold", None)
        if hold is not None:
            hold.put_medium(found["digest"], payload)
            return
        recorder.append(record_type, payload)
        _recent.add(key)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("media", error)


@contextmanager
def kept_back(hold: Hold) -> Iterator[None]:
    """What is journaled in this thread meanwhile belongs to a trace that is kept back: so is it."""
    former = getattr(_into, "hold", None)
    _into.hold = hold
    try:
        yield
    finally:
        _into.hold = former


_into = threading.local()


class _Recent:
    """The digests that this process journaled of late for one recorder."""

    def __init__(self) -> None:
        self._of: weakref.ref[Any] | None = None
        self._when: dict[tuple[str, str], float] = {}

    def has(self, recorder: recording.Recorder, key: tuple[str, str]) -> bool:
        if self._of is None or self._of() is not recorder:
            self._of, self._when = weakref.ref(recorder), {}
        when = self._when.get(key)
        return when is not None and time.monotonic() - when < _AGAIN_S

    def add(self, key: tuple[str, str]) -> None:
        if len(self._when) >= _MOST_RECENT:
            self._when = {}
        self._when[key] = time.monotonic()

    def forget(self) -> None:
        self._of, self._when = None, {}


_recent = _Recent()
fork.register(_recent.forget)  # a child has a journal of its own


def _of_pil(image: Any) -> bytes:
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)  # the caller waits: a quick file, not the smallest
    return out.getvalue()


_COLOURS = {1: 0, 3: 2, 4: 6}  # PNG's colour types by number of channels


def _png(array: Any) -> bytes:
    """A PNG (ISO/IEC 15948) of an array: one pass over its rows, none of them filtered."""
    shape = tuple(array.shape)
    channels = 1 if len(shape) == 2 else shape[-1] if len(shape) == 3 else 0
    if channels not in _COLOURS or 0 in shape:
        raise InputError(
            f"An array of shape {shape} is no image.",
            remedy="Give one of shape (height, width), (height, width, 3) or (height, width, 4).",
            field="source",
        )
    kind = array.dtype.kind
    if kind in "fb":
        array = (array.astype("f8").clip(0, 1) * 255 + 0.5).astype("u1")
    elif kind in "iu":
        array = array.clip(0, 255).astype("u1")
    else:
        raise InputError(
            f"An array of {array.dtype} is no image.",
            remedy="Give integers from 0 to 255 or floats from 0 to 1.",
            field="source",
        )
    height, width = shape[:2]
    flat = array.tobytes()
    row = width * channels
    lines = b"".join(b"\0" + flat[at : at + row] for at in range(0, len(flat), row))
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _wav(array: Any, rate: int) -> bytes:
    if array.ndim not in (1, 2) or array.size == 0:
        raise InputError(
            f"An array of shape {tuple(array.shape)} is no sound.",
            remedy="Give one of shape (samples,) or (samples, channels).",
            field="source",
        )
    if array.dtype.kind == "f":
        array = (array.astype("f8").clip(-1, 1) * 32_767).astype("<i2")
    elif array.dtype != "int16":
        raise InputError(
            f"An array of {array.dtype} is no sound.", remedy="Give 16-bit integers or floats.", field="source"
        )
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if array.ndim == 1 else array.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array.astype("<i2").tobytes())
    return out.getvalue()
