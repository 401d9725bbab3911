"""Sounds."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from typing import Any

from weft.errors import InputError
from weft.tracing.media.base import File
from weft.tracing.media.pictures import to_array


class Audio(File):
    """A sound for a span or a run: a path, bytes, or samples as an array of shape (n,) or (n, channels) with
    ``sample_rate`` in Hz; floats from -1 to 1 or 16-bit integers, which become WAV. Raises InputError for anything
    else.
    """

    __slots__ = ("_rate",)

    kind = "audio"
    _what = "sound"
    _argument = "data_or_path"
    _default_type = "audio/wav"

    def __init__(
        self,
        data_or_path: Any,
        sample_rate: int | None = None,
        caption: str | None = None,
        *,
        media_type: str | None = None,
        name: str | None = None,
    ) -> None:
        self._rate = sample_rate
        super().__init__(data_or_path, media_type=media_type, name=name, caption=caption)

    def _made(self, source: Any) -> tuple[bytes, str]:
        array = to_array(source)
        if array is None and isinstance(source, list | tuple):
            array = _listed(source)
        if array is None:
            raise InputError(
                f"A {type(source).__name__} is no sound.",
                remedy="Give a path, bytes or an array.",
                field="data_or_path",
            )
        if self._rate is None or self._rate < 1:
            raise InputError(
                "Samples need their rate.", remedy="Write weft.Audio(samples, sample_rate=16_000).", field="sample_rate"
            )
        return _wav(array, self._rate), "audio/wav"

    def _more(self) -> Iterator[tuple[str, Any]]:
        yield from super()._more()
        yield "sample_rate", self._rate


def _listed(source: Sequence[Any]) -> Any:
    import numpy  # noqa: PLC0415 - `import weft` stays light

    found = numpy.asarray(source)
    return found.astype("i2") if found.dtype.kind == "i" else found


def _wav(array: Any, rate: int) -> bytes:
    if array.ndim not in (1, 2) or array.size == 0:
        raise InputError(
            f"An array of shape {tuple(array.shape)} is no sound.",
            remedy="Give one of shape (samples,) or (samples, channels).",
            field="data_or_path",
        )
    if array.dtype.kind == "f":
        array = (array.astype("f8").clip(-1, 1) * 32_767).astype("<i2")
    elif array.dtype != "int16":
        raise InputError(
            f"An array of {array.dtype} is no sound.", remedy="Give 16-bit integers or floats.", field="data_or_path"
        )
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if array.ndim == 1 else array.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array.astype("<i2").tobytes())
    return out.getvalue()
