"""The slot that holds where this process records; ``weft.session`` fills it, the rooms below read it.

It lies under the rooms because ``@op`` must find it in nanoseconds, and rooms may not import upward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from weft.errors import WeftError
from weft.records import RecordType
from weft.records.codec import Observation

if TYPE_CHECKING:
    from weft.repositories import Store
    from weft.settings import Settings


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What a flush found. ``complete`` means that all that was recorded before the call is in the store.

    ``lost`` counts records that could not be kept, by reason; ``rejected`` those that the store refused.
    """

    complete: bool
    pending_bytes: int = 0
    rejected: int = 0
    lost: dict[str, int] = field(default_factory=dict)


class Recorder(Protocol):
    """Where observations and decisions of this process go."""

    @property
    def settings(self) -> Settings: ...
    @property
    def project(self) -> str: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def writer(self) -> str: ...
    @property
    def directory(self) -> Path: ...
    @property
    def store(self) -> Store:
        """The database, embedded or over HTTP; opened at first use. Raises StoreError or ServerError."""
        ...

    def caught_up(self) -> Store:
        """The store, for readers: what other processes of this machine recorded in the directory, and are perhaps not
        there any more to store, is stored first. Raises StoreError or ServerError."""
        ...

    def record(self, observation: Observation) -> None:
        """Record an observation; never raises."""
        ...

    def append(self, record_type: RecordType, payload: bytes, checksum: int | None = None, /) -> None:
        """Record an encoded observation (the hot path of spans and metrics), whose CRC-32 the caller may know; never
        raises."""
        ...

    def flush(self, timeout_s: float = 30.0) -> FlushReport:
        """Wait until all that was recorded so far is in the store, or for ``timeout_s``."""
        ...

    def passport(self) -> tuple[Callable[..., None], tuple[object, ...]] | None:
        """What another process calls, and with what, to record into this run; None where it cannot. For pickle."""
        ...

    def address(self, path: str) -> str:
        """The address of an object's page, from its path such as ``/run/abc``."""
        ...


active: Recorder | None = None


def activate(recorder: Recorder | None) -> None:
    """Make ``recorder`` the place where this process records; None records nothing from now on."""
    global active
    active = recorder


def require(what: str) -> Recorder:
    """The active recorder; raises WeftError where ``weft.init`` has not been called."""
    if active is None:
        raise WeftError(f"{what} needs a running session.", remedy="Call weft.init('my-project') first.")
    return active
