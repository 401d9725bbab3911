"""Spans and scores out of Weft and into it as files, and runs of other trackers into it."""

from __future__ import annotations

from weft.exchange.labels import golden_set, label_rows, write_labels
from weft.exchange.transfer import (
    FORMATS,
    SOURCES,
    TRACKERS,
    ExportReport,
    ImportReport,
    RunsReport,
    export,
    load,
    load_runs,
)

__all__ = [
    "FORMATS",
    "SOURCES",
    "TRACKERS",
    "ExportReport",
    "ImportReport",
    "RunsReport",
    "export",
    "golden_set",
    "label_rows",
    "load",
    "load_runs",
    "write_labels",
]
