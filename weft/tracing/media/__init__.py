"""Images, sounds and files in what ops are given and return, and in what runs log: their bytes go to the blobs."""

from weft.tracing.media.base import File, Reference, Value
from weft.tracing.media.journaling import LARGEST_BYTES, journal, journal_all, keep, kept_back, put
from weft.tracing.media.pictures import Image, convert, is_pil, to_array
from weft.tracing.media.sounds import Audio

__all__ = [
    "LARGEST_BYTES",
    "Audio",
    "File",
    "Image",
    "Reference",
    "Value",
    "convert",
    "is_pil",
    "journal",
    "journal_all",
    "keep",
    "kept_back",
    "put",
    "to_array",
]
