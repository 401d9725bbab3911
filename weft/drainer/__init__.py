"""The drainer: moves what the journal holds into the store or to a server, each record once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from weft.drainer.deliver import Scrub
from weft.drainer.drain import Drainer, DrainReport, drain, live_writers
from weft.drainer.forgetting import forget
from weft.drainer.leader import is_led
from weft.drainer.loop import DrainThread, Loop
from weft.drainer.process import drain_all, ensure_running, open_sink, start_thread
from weft.drainer.refused import forget_traces
from weft.drainer.retry import retry_rejected
from weft.drainer.sinks import Sink, StoreSink
from weft.drainer.status import Status, read_status
from weft.drainer.waiting import pending_bytes, wait_until_stored

if TYPE_CHECKING:
    from weft.drainer.server import RefusedError, ServerSink

__all__ = [
    "DrainReport",
    "DrainThread",
    "Drainer",
    "Loop",
    "RefusedError",
    "Scrub",
    "ServerSink",
    "Sink",
    "Status",
    "StoreSink",
    "drain",
    "drain_all",
    "ensure_running",
    "forget",
    "forget_traces",
    "is_led",
    "live_writers",
    "open_sink",
    "pending_bytes",
    "read_status",
    "retry_rejected",
    "start_thread",
    "wait_until_stored",
]


def __getattr__(name: str) -> Any:
    """What needs httpx is imported when it is used: every program that records imports this package."""
    if name in {"RefusedError", "ServerSink"}:
        return getattr(import_module("weft.drainer.server"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
