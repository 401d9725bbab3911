"""What runs log besides numbers."""

import importlib
from typing import TYPE_CHECKING, Any

from weft.tracing.media import Audio, File, Image, Reference, Value
from weft.training.media.logging import keep_bytes, keep_found, kind_of, log_file, summarised, taken, values_of

if TYPE_CHECKING:
    from weft.training.media.figure import Figure
    from weft.training.media.histogram import Histogram
    from weft.training.media.html import Html
    from weft.training.media.object3d import Object3D
    from weft.training.media.table import Table
    from weft.training.media.text import Text
    from weft.training.media.video import Video

_HOMES = {  # loaded with numpy where they are used
    "Figure": "weft.training.media.figure",
    "Html": "weft.training.media.html",
    "Object3D": "weft.training.media.object3d",
    "Video": "weft.training.media.video",
    "Histogram": "weft.training.media.histogram",
    "Table": "weft.training.media.table",
    "Text": "weft.training.media.text",
}

__all__ = [
    "Audio",
    "Figure",
    "File",
    "Histogram",
    "Html",
    "Image",
    "Object3D",
    "Reference",
    "Table",
    "Text",
    "Value",
    "Video",
    "keep_bytes",
    "keep_found",
    "kind_of",
    "log_file",
    "summarised",
    "taken",
    "values_of",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
