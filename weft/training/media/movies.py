"""Frames as mp4 or WebM, which browsers play; ffmpeg's libraries come with PyAV."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from weft.errors import InputError, MissingExtraError


@dataclass(frozen=True, slots=True)
class Movie:
    """A container, a codec and its options."""

    container: str
    codec: str
    media_type: str
    options: Mapping[str, str]


# No browser plays Theora any more, which is what wandb's "ogg" holds: WebM is its heir.
_WEBM = Movie("webm", "libvpx-vp9", "video/webm", {"crf": "30", "b": "0", "cpu-used": "5", "row-mt": "1"})
MOVIES = {
    "mp4": Movie("mp4", "libx264", "video/mp4", {"crf": "20", "preset": "veryfast"}),
    "webm": _WEBM,
    "ogg": _WEBM,
}


def encoded(frames: Any, movie: Movie, fps: float) -> bytes:
    """Frames of ``uint8``, shape (n, height, width[, 3 or 4]), as a movie; transparency is dropped.

    Pictures of an odd width or height get a last column or row again: 4:2:0 halves both. Raises MissingExtraError
    without PyAV, InputError where its build has no such codec or the codec refuses the frames.
    """
    try:
        import av  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("av", "video") from None
    out, rate = io.BytesIO(), Fraction(fps).limit_denominator(1001)
    try:
        with av.open(out, "w", format=movie.container) as container:
            stream = container.add_stream(movie.codec, rate=rate, options=dict(movie.options))
            assert isinstance(stream, av.VideoStream)
            stream.pix_fmt = "yuv420p"
            for number, pixels in enumerate(frames):
                picture = av.VideoFrame.from_ndarray(_even(pixels), format="rgb24")
                if not number:
                    stream.width, stream.height = picture.width, picture.height
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
    except av.FFmpegError as error:
        raise InputError(
            f"{len(frames)} frames of {frames.shape[2]} x {frames.shape[1]} cannot be written as {movie.container}: "
            f"{error.strerror or error}.",
            remedy="Use gif or webp, or write the file yourself and give its path.",
            field="format",
        ) from None
    return out.getvalue()


def _even(pixels: Any) -> Any:
    """One frame as RGB of even width and height."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    height, width = pixels.shape[:2]
    return np.pad(pixels[..., :3], ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
