"""TensorBoard's event files: scalars, histograms, images, sounds, texts and hyperparameters.

Source: event.proto, summary.proto, tensor.proto and the plugins' protos of TensorBoard and TensorFlow, in their older
form (a value a kind) and the newer one (tensors with a plugin's name).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from weft.formats.logs import tfrecords
from weft.formats.messages import build, parse

_MESSAGES = build(
    "weft.events",
    """
    Event: double wall_time=1, int64 step=2, string file_version=3, Summary summary=5
    Summary: *Value value=1
    Value: string tag=1, float simple_value=2, Image image=4, Histogram histo=5, Audio audio=6, Tensor tensor=8, Metadata metadata=9
    Image: int32 height=1, int32 width=2, bytes encoded_image_string=4
    Audio: float sample_rate=1, bytes encoded_audio_string=4, string content_type=5
    Histogram: double min=1, double max=2, *double bucket_limit=6, *double bucket=7
    Metadata: Plugin plugin_data=1, string display_name=2, string summary_description=3
    Plugin: string plugin_name=1, bytes content=2
    Tensor: int32 dtype=1, Shape tensor_shape=2, bytes tensor_content=4, *float float_val=5, *double double_val=6, *int32 int_val=7, *bytes string_val=8, *int64 int64_val=10, *bool bool_val=11, *int32 half_val=13, *uint32 uint32_val=16, *uint64 uint64_val=17
    Shape: *Dim dim=2
    Dim: int64 size=1
    HParams: int32 version=1, SessionStart session_start_info=3, SessionEnd session_end_info=4
    SessionStart: *Entry hparams=1, string group_name=4, double start_time_secs=5
    SessionEnd: int32 status=1, double end_time_secs=2
    Entry: string key=1, Any value=2
    Any: double number_value=2, string string_value=3, bool bool_value=4
    """,  # noqa: E501 - a message a line
)
_KINDS: Mapping[int, tuple[str, str]] = {
    1: ("<f4", "float_val"),
    2: ("<f8", "double_val"),
    3: ("<i4", "int_val"),
    4: ("<u1", "int_val"),
    5: ("<i2", "int_val"),
    6: ("<i1", "int_val"),
    9: ("<i8", "int64_val"),
    10: ("?", "bool_val"),
    17: ("<u2", "int_val"),
    22: ("<u4", "uint32_val"),
    23: ("<u8", "uint64_val"),
}
_BFLOAT16, _HALF, _STRING = 14, 19, 7


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an event. ``kind``: scalar (float), histogram (counts (n,), edges (n + 1,)), image and audio (list
    of bytes), text (list of str), hparams (dict), or tensor (array) for what other plugins write."""

    tag: str
    step: int
    time_ns: int
    kind: str
    value: Any


def read_events(file: IO[bytes], where: str) -> Iterator[Item]:
    """Values from where ``file`` stands to its last whole record, which it is left behind.

    Raises InputError for what is no event file.
    """
    plugins: dict[str, tuple[str, bytes]] = {}  # a tag's first event alone may say whose it is
    for record in tfrecords(file, where):
        event = parse(_MESSAGES["Event"], record, where)
        time_ns = int(event.wall_time * 1e9) if 0 < event.wall_time < 9e9 else 0
        for value in event.summary.value:
            if value.HasField("metadata") and value.metadata.plugin_data.plugin_name:
                plugin = value.metadata.plugin_data
                plugins.setdefault(value.tag, (plugin.plugin_name, plugin.content))
            kind, content = _content(value, *plugins.get(value.tag, ("", b"")), where)
            if content is not None:
                yield Item(value.tag, event.step, time_ns, kind, content)


def _content(value: Any, plugin: str, extra: bytes, where: str) -> tuple[str, Any]:
    if plugin == "hparams":
        return "hparams", _hparams(extra, where)
    if value.HasField("tensor"):
        return _of_plugin(plugin, _array(value.tensor))
    if value.HasField("histo"):
        return "histogram", _old_histogram(value.histo)
    if value.HasField("image"):
        return "image", [value.image.encoded_image_string]
    if value.HasField("audio"):
        return "audio", [value.audio.encoded_audio_string]
    return "scalar", float(value.simple_value)


def _of_plugin(plugin: str, array: Any) -> tuple[str, Any]:
    """What a tensor means to the plugin that wrote it."""
    if array is None:
        return "tensor", None
    texts = array.dtype == object
    if plugin == "histograms" and not texts and array.ndim == 2 and array.shape[1] == 3 and len(array):
        return "histogram", (array[:, 2], np.append(array[:, 0], array[-1, 1]))
    if plugin == "images" and texts:
        return "image", [bytes(part) for part in array.ravel()[2:]]  # width and height come first
    if plugin == "audio" and texts:
        sounds = array[:, 0] if array.ndim == 2 else array.ravel()  # beside each its label
        return "audio", [bytes(part) for part in sounds]
    if texts:
        return "text", [bytes(part).decode("utf-8", "replace") for part in array.ravel()]
    if array.size == 1:
        return "scalar", float(array.ravel()[0])
    return "tensor", array


def _old_histogram(histogram: Any) -> tuple[Any, Any] | None:
    limits, counts = np.array(histogram.bucket_limit), np.array(histogram.bucket)
    if not len(limits) or len(limits) != len(counts):
        return None
    lowest = min(histogram.min, limits[0])
    edges = np.clip(np.concatenate([[lowest], limits]), lowest, max(histogram.max, lowest))
    return counts, edges


def _hparams(content: bytes, where: str) -> dict[str, Any] | None:
    start = parse(_MESSAGES["HParams"], content, where).session_start_info
    if not start.hparams:
        return None
    values = {}
    for entry in start.hparams:
        kinds = [field.name for field, _ in entry.value.ListFields()]
        values[entry.key] = getattr(entry.value, kinds[0]) if kinds else None
    return values


def _array(tensor: Any) -> Any:
    """The array of a tensor; strings as an array of objects; None where its type or size is not understood."""
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.dtype == _STRING:
        found = np.empty(len(tensor.string_val), dtype=object)
        found[:] = list(tensor.string_val)
    elif tensor.dtype in (_HALF, _BFLOAT16):
        raw = tensor.tensor_content or struct.pack(f"<{len(tensor.half_val)}H", *(v & 0xFFFF for v in tensor.half_val))
        bits = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2")
        wide = (bits.astype("<u4") << 16).view("<f4")
        found = bits.view("<f2") if tensor.dtype == _HALF else wide
    elif tensor.dtype in _KINDS:
        kind, name = _KINDS[tensor.dtype]
        raw = tensor.tensor_content
        size = np.dtype(kind).itemsize
        values = getattr(tensor, name)
        found = np.frombuffer(raw[: len(raw) // size * size], kind) if raw else np.array(values).astype(kind)
    else:
        return None
    if len(found) == 1 and all(0 <= part <= 1 for part in shape):
        return found.reshape(shape) if np.prod(shape, dtype=int) == 1 else found
    if any(part < 0 for part in shape) or int(np.prod([float(part) for part in shape])) != len(found):
        return None
    return found.reshape(shape)
