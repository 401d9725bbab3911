"""Spans and scores out of Weft and into it: files of OTLP, Parquet and JSON lines, and exports of other tools."""

from __future__ import annotations

from weft.exchange.labels import golden_set, label_rows, write_labels
from weft.exchange.transfer import FORMATS, SOURCES, ExportReport, ImportReport, export, load

__all__ = [
    "FORMATS",
    "SOURCES",
    "ExportReport",
    "ImportReport",
    "export",
    "golden_set",
    "label_rows",
    "load",
    "write_labels",
]
