"""What wandb keeps as a file in its run folder, as Weft's media."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from weft.errors import WeftError
from weft.training.media import Audio, File, Histogram, Html, Image, Object3D, Table, Text, Video

_MAKERS: Mapping[str, Callable[..., Any]] = {
    "image-file": Image,
    "audio-file": Audio,
    "video-file": Video,
    "html-file": Html,
    "object3D-file": Object3D,
}


def as_value(told: Mapping[str, Any], folder: Path) -> Any:
    """The value, or list of values, that wandb's ``told`` stands for; None where its file is not below ``folder``.

    A kind that is not known is kept as a file.
    """
    kind = str(told["_type"])
    try:
        if kind == "histogram":
            return _histogram(told)
        if kind == "images/separated":
            return _images(told, folder)
        path = _below(folder, told.get("path"))
        if path is None:
            return None
        if kind == "table-file":
            return _table(path, folder)
        caption = told.get("caption")
        more = {"caption": caption} if isinstance(caption, str) else {}
        return _MAKERS[kind](path, **more) if kind in _MAKERS else File(path)
    except (WeftError, OSError, ValueError, KeyError, TypeError) as error:  # a damaged file is no reason to stop
        return Text(f"wandb's {kind} could not be read: {error}")


def _histogram(told: Mapping[str, Any]) -> Any:
    counts = told["values"]
    if "bins" in told:
        return Histogram(np_histogram=(counts, told["bins"]))
    packed = told["packedBins"]
    edges = [packed["min"] + number * packed["size"] for number in range(int(packed["count"]) + 1)]
    return Histogram(np_histogram=(counts, edges))


def _images(told: Mapping[str, Any], folder: Path) -> Any:
    captions = told.get("captions")
    images = []
    for number, name in enumerate(told["filenames"]):
        path = _below(folder, name)
        caption = captions[number] if isinstance(captions, list) and number < len(captions) else None
        if path is not None:
            images.append(Image(path, caption=caption or None))
    return images or None


def _table(path: Path, folder: Path) -> Any:
    content = orjson.loads(path.read_bytes())
    rows = [[_cell(cell, folder) for cell in row] for row in content["data"]]
    return Table(columns=content["columns"], data=rows, allow_mixed_types=True)


def _cell(cell: Any, folder: Path) -> Any:
    return as_value(cell, folder) if isinstance(cell, dict) and "_type" in cell else cell


def _below(folder: Path, inside: Any) -> Path | None:
    """The file of a path from a log, which may be hostile; None where it is not in the folder."""
    if not isinstance(inside, str) or "\0" in inside:
        return None
    path = (folder / inside).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
