"""Images: arrays, tensors, PIL images, figures, paths and bytes; with boxes and masks over them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.errors import InputError, MissingExtraError
from weft.records.media import SHOWN, type_of
from weft.tracing.media.base import File, Reference, Value
from weft.tracing.media.overlays import boxes_of, class_names, masks_of

_WEAK = frozenset({"audio/mpeg", "audio/aac"})  # two bytes say so little that other files have them too
_FLAT_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


class Image(File):
    """An image for a span or a run: a path, bytes, a PIL image, a matplotlib figure, an array of shape
    (height, width[, 1, 3 or 4]) or a torch tensor of shape ([1, 3 or 4,] height, width).

    Arrays hold integers from 0 to 255, truth values, or floats from 0 to 1 (or -1 to 1, or where one is above 2 to 255;
    always to 255 without ``normalize``), and become PNG; several of one size, as a tensor of one dimension more, stand
    side by side. PIL images are converted to ``mode``. ``file_type`` changes nothing. ``boxes`` and ``masks`` lie over
    it, by the name of who drew them (``{"predictions": {"box_data": [...], "class_labels":
    {0: "cat"}}}``); ``classes`` names class ids for all of them. Raises InputError for anything else.
    """

    __slots__ = ("_boxes", "_masks", "_mode", "_size", "_whole", "grouping")

    kind = "image"
    _what = "image"
    _argument = "data_or_path"
    _default_type = "image/png"

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | str | None = None,
        classes: Sequence[Mapping[str, Any]] | Mapping[int, str] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
        *,
        media_type: str | None = None,
        name: str | None = None,
    ) -> None:
        self._size: tuple[int, int] | None = None
        self.grouping = grouping
        self._mode = mode
        self._whole = not normalize
        super().__init__(data_or_path, media_type=media_type, name=name, caption=caption)
        if self._size is None and (boxes or masks):
            self._size = _size_of(self._head(), self)
        names = class_names(classes)
        self._boxes = boxes_of(boxes, self._size, names)
        self._masks = masks_of(masks, names, to_array, lambda array: _png(array, whole=True))

    def _made(self, source: Any) -> tuple[bytes, str]:
        if isinstance(source, Image):
            self._size = source.size
            return source.data, source.media_type
        if is_pil(type(source)):
            self._size = source.size
            return _of_pil(source.convert(self._mode) if self._mode else source), "image/png"
        if hasattr(source, "savefig"):  # matplotlib's figure
            out = io.BytesIO()
            source.savefig(out, format="png")
            return out.getvalue(), "image/png"
        array = to_array(source, channels_last=True)
        if array is not None:
            if self._whole and array.dtype.kind == "f":
                array = array.clip(0, 255).round().astype("u1")
            data = _png(array)
            self._size = (int(array.shape[1]), int(array.shape[0]))
            return data, "image/png"
        raise InputError(
            f"A {type(source).__name__} is no image.",
            remedy="Give a path, bytes, a PIL image or an array.",
            field="data_or_path",
        )

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, where they can be told."""
        if self._size is None:
            self._size = _size_of(self._head(), self)
        return self._size

    @property
    def width(self) -> int | None:
        """In pixels."""
        return None if self.size is None else self.size[0]

    @property
    def height(self) -> int | None:
        """In pixels."""
        return None if self.size is None else self.size[1]

    @property
    def image(self) -> Any:
        """The image of PIL. Raises MissingExtraError without Pillow."""
        try:
            from PIL import Image as Pil  # noqa: PLC0415 - optional
        except ImportError:
            raise MissingExtraError("pillow", install="pillow") from None
        return Pil.open(io.BytesIO(self.data))

    def _more(self) -> Iterator[tuple[str, Any]]:
        yield from super()._more()
        if self._size is not None:
            yield from zip(("width", "height"), self._size, strict=True)
        yield "grouping", self.grouping
        yield "boxes", self._boxes or None

    def reference(self) -> Reference:
        """The reference that stands for it in a span, with the boxes and masks over it."""
        found = super().reference()
        if self._masks:
            found["masks"] = {}
            for name, (data, told) in self._masks.items():
                mask = Reference.of(data, "image/png", **told)
                found["masks"][name] = dict(mask)
                found.blobs.append((found["masks"][name], data))
        return found


def is_pil(kind: type[Any]) -> bool:
    """Whether a class is PIL's image or a subclass of it; PIL is not imported for that."""
    return any(cls.__module__ == "PIL.Image" and cls.__name__ == "Image" for cls in kind.__mro__)


def to_array(value: Any, *, channels_last: bool = False) -> Any:
    """A numpy array of an array, or of a torch tensor on whatever device, or one of JAX; None for anything else.

    ``channels_last``: a tensor's (channels, height, width) become (height, width, channels).
    """
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        return None
    if callable(detach := getattr(value, "detach", None)):  # torch
        value = detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        array = value.numpy()
        if channels_last and array.ndim == 4 and array.shape[1] in _COLOURS:  # a batch: side by side
            array = array.transpose(1, 2, 0, 3).reshape(*array.shape[1:3], -1)
        if channels_last and array.ndim == 3 and array.shape[0] in _COLOURS:
            array = array.transpose(1, 2, 0)
        return array
    if hasattr(value, "tobytes") and hasattr(value, "astype") and hasattr(value, "strides"):
        return value
    import numpy  # noqa: PLC0415 - `import weft` stays light

    return numpy.asarray(value)


def convert(value: Any) -> Reference | None:
    """The reference for a value that knows its own JSON, an image, a sound or a file; None for any other."""
    kind = type(value)
    if isinstance(value, Value):
        return value.reference() if isinstance(value, File) else value.logged()
    if is_pil(kind):
        return Reference.of(_of_pil(value), "image/png", width=value.width, height=value.height)
    if isinstance(value, bytes | bytearray | memoryview):
        media_type = type_of(bytes(value[:64]))
        if media_type in SHOWN and media_type not in _WEAK:
            return Reference.of(bytes(value), media_type)
    return None


def _size_of(head: bytes, image: File) -> tuple[int, int] | None:
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    try:
        from PIL import Image as Pil  # noqa: PLC0415 - optional

        with Pil.open(io.BytesIO(image.data)) as opened:
            return int(opened.width), int(opened.height)
    except (ImportError, OSError):
        return None


def _of_pil(image: Any) -> bytes:
    if image.mode not in _FLAT_MODES:
        image = image.convert("RGB")
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)  # the caller waits: a quick file, not the smallest
    return out.getvalue()


_COLOURS = {1: 0, 3: 2, 4: 6}  # PNG's colour types by number of channels


def _png(array: Any, *, whole: bool = False) -> bytes:
    """A PNG (ISO/IEC 15948) of an array: one pass over its rows, none of them filtered.

    ``whole``: its numbers are kept as they are, as the class ids of a mask must be.
    """
    shape = tuple(array.shape)
    channels = 1 if len(shape) == 2 else shape[-1] if len(shape) == 3 else 0
    if channels not in _COLOURS or 0 in shape:
        raise InputError(
            f"An array of shape {shape} is no image.",
            remedy="Give one of shape (height, width), (height, width, 3) or (height, width, 4).",
            field="data_or_path",
        )
    kind = array.dtype.kind
    if kind in "iu" or (kind == "b" and whole):
        array = array.clip(0, 255).astype("u1")
    elif kind in "fb":
        array = _as_bytes(array)
    else:
        raise InputError(
            f"An array of {array.dtype} is no image.",
            remedy="Give integers from 0 to 255 or floats from 0 to 1.",
            field="data_or_path",
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


def _as_bytes(array: Any) -> Any:
    """Floats from 0 to 1, or where some are negative from -1 to 1, as bytes; where one is above 2 they are bytes
    already. What is no number is 0."""
    array = array.astype("f8")
    array[array != array] = 0
    if array.max() > 2:
        array = array / 255
    if array.min() < 0 and array.min() >= -1 and array.max() <= 1:
        array = (array + 1) / 2
    return (array.clip(0, 1) * 255 + 0.5).astype("u1")
