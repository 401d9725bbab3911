"""What runs log besides numbers."""

import importlib
from typing import TYPE_CHECKING, Any

from weft.tracing.media import Audio, File, Image, Reference, Value
from weft.training.media.logging import keep_bytes, kind_of, log_file, summarised, taken, values_of

if TYPE_CHECKING:
    from weft.training.media.histogram import Histogram
    from weft.training.media.table import Table
    from weft.training.media.text import Text

_HOMES = {  # loaded with numpy where they are used
    "Histogram": "weft.training.media.histogram",
    "Table": "weft.training.media.table",
    "Text": "weft.training.media.text",
}

__all__ = [
    "Audio",
    "File",
    "Histogram",
    "Image",
    "Reference",
    "Table",
    "Text",
    "Value",
    "keep_bytes",
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
