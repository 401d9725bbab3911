"""Spans of a trace as they end, for whoever watches it in this process: an evaluation counts its tokens."""

from __future__ import annotations

from collections.abc import Callable

from weft.tracing.span_record import Record

Watcher = Callable[[Record, bytes], None]

watched: dict[str, Watcher] = {}  # by trace id; empty nearly always, and then a span pays one look


def watch(trace_id: str, watcher: Watcher) -> None:
    """Call ``watcher`` with the record of every span of the trace that ends here, and its bytes as journaled."""
    watched[trace_id] = watcher


def unwatch(trace_id: str) -> None:
    """Watch it no more."""
    watched.pop(trace_id, None)
