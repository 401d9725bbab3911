"""Videos: files and bytes as they are, arrays of frames as an animated picture or a movie."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from weft.errors import InputError, MissingExtraError
from weft.tracing.media import File, to_array
from weft.training.media.movies import MOVIES, encoded

_ENCODED = {"gif": "GIF", "webp": "WEBP"}


class Video(File):
    """A video for a run: a path, bytes or a binary stream (mp4, webm, gif, webp), or frames as an array of shape
    (frames, channels, height, width) or (frames, height, width[, channels]) of 0 to 255; several of the former, side by
    side, have a first dimension more.

    Arrays become an animated ``gif`` or ``webp`` of ``fps`` frames a second, which needs Pillow, or an ``mp4``
    (H.264) or ``webm`` (VP9), which needs the extra ``weft[video]``; ``ogg`` becomes ``webm``. Raises InputError for
    anything else, MissingExtraError without what writes it.
    """

    __slots__ = ("_format", "fps")

    kind = "video"
    _what = "video"
    _argument = "data_or_path"
    _default_type = "video/mp4"

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: str | None = None,
        *,
        media_type: str | None = None,
        name: str | None = None,
    ) -> None:
        self.fps = None if fps is None else float(fps) if fps % 1 else int(fps)
        self._format = format
        if fps is not None and not 0 < fps <= 1000:
            raise InputError(f"A video cannot have {fps} frames a second.", remedy="Use 1 to 1000.", field="fps")
        super().__init__(data_or_path, media_type=media_type, name=name, caption=caption)

    def _made(self, source: Any) -> tuple[bytes, str]:
        if callable(getattr(source, "read", None)) and isinstance(data := source.read(), bytes):
            return data, self._default_type
        array = to_array(source)
        if array is None:
            raise InputError(
                f"A {type(source).__name__} is no video.",
                remedy="Give a path, bytes or an array.",
                field="data_or_path",
            )
        chosen = self._format or "gif"
        if movie := MOVIES.get(chosen):
            return encoded(_frames(array), movie, self.fps or 4), movie.media_type
        if chosen not in _ENCODED:
            raise InputError(
                f"Frames cannot be written as {chosen}.",
                remedy="Use gif, webp, mp4 or webm, or write the file yourself and give its path.",
                field="format",
            )
        return _animated(_frames(array), _ENCODED[chosen], self.fps or 4), f"image/{chosen}"

    def _more(self) -> Iterator[tuple[str, Any]]:
        yield from super()._more()
        yield "fps", self.fps


def _frames(array: Any) -> Any:
    if array.ndim == 5:  # several of (frames, channels, height, width), side by side
        array = np.concatenate(list(array), axis=-1)
    if array.ndim == 4 and array.shape[1] in (1, 3, 4):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    fits = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (3, 4))
    if not fits or 0 in array.shape or array.dtype.kind not in "iuf":
        raise InputError(
            f"An array of {array.dtype} of shape {tuple(array.shape)} is no video.",
            remedy="Give one of shape (frames, 3, height, width), of 0 to 255.",
            field="data_or_path",
        )
    if array.dtype.kind == "f" and float(np.nanmax(array)) <= 1.0:
        array = array * 255.0
    return np.nan_to_num(array).clip(0, 255).astype("u1")


def _animated(frames: Any, how: str, fps: float) -> bytes:
    try:
        from PIL import Image as Pil  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("pillow", install="pillow") from None
    pictures = [Pil.fromarray(frame) for frame in frames]
    out = io.BytesIO()
    pictures[0].save(out, how, save_all=True, append_images=pictures[1:], duration=max(1, round(1000 / fps)), loop=0)
    return out.getvalue()
