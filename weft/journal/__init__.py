"""The journal: append-only files that keep every observation through the death of its process."""

from weft.journal.blanking import blank
from weft.journal.folder import FORGET, Folder, SegmentFile
from weft.journal.format import SEGMENT_BYTES
from weft.journal.journal import Journal, Position
from weft.journal.losses import read_losses, replace_file
from weft.journal.memory import MEMORY_BYTES, memory_directory
from weft.journal.reader import Damage, Scan, SegmentReader

__all__ = [
    "FORGET",
    "MEMORY_BYTES",
    "SEGMENT_BYTES",
    "Damage",
    "Folder",
    "Journal",
    "Position",
    "Scan",
    "SegmentFile",
    "SegmentReader",
    "blank",
    "memory_directory",
    "read_losses",
    "replace_file",
]
