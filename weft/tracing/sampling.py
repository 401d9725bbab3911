"""Sampling by root: whether a trace is recorded, and the records of those that are kept back in case they fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from weft.errors import InputError
from weft.journal import fork
from weft.records.codec import RecordType

Append = Callable[[RecordType, bytes], None]

MOST_HELD_BYTES = 64_000_000  # of all traces that are kept back in this process
_RANDOM_BITS = 56  # of a trace id, by the W3C's trace context
_HELD, _KEPT, _DROPPED = "held", "kept", "dropped"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the traces that begin with a span are sampled. None takes the setting of that name."""

    rate: float | None = None
    keep_errors: bool | None = None

    @classmethod
    def of(cls, rate: float | None, keep_errors: bool | None) -> Sampling:
        """Raises InputError where ``rate`` is no share."""
        if rate is None and keep_errors is None:
            return BY_SETTINGS
        if rate is not None and not 0 <= rate <= 1:
            raise InputError(f"sample_rate is {rate}.", remedy="Use a share between 0 and 1.", field="sample_rate")
        return cls(rate, keep_errors)


ALWAYS = Sampling(1.0)
BY_SETTINGS = Sampling()


def is_chosen(trace_id: int, rate: float) -> bool:
    """Whether a trace is among the share ``rate`` that is recorded: the same answer in every process."""
    return rate >= 1 or trace_id & ((1 << _RANDOM_BITS) - 1) < int(rate * (1 << _RANDOM_BITS))


class Hold:
    """The records of one trace that was sampled out, in memory until its root ends: dropped then, unless a span failed.

    From the first failure on its records go into the journal like any other's. So does a trace for which there is no
    room left: what is kept back never grows over :data:`MOST_HELD_BYTES` in a process.
    """

    __slots__ = ("_append", "_records", "_state")

    def __init__(self, append: Append) -> None:
        self._append = append
        self._records: dict[str, tuple[RecordType, bytes]] = {}  # by span (its end replaces its start) or medium
        self._state = _HELD

    def put(self, span_id: str, payload: bytes, *, failed: bool = False) -> None:
        """Take the record of a span; ``failed`` releases all that is kept back."""
        self._put(span_id, (RecordType.SPAN, payload), failed)

    def put_medium(self, digest: str, payload: bytes) -> None:
        """Take the record of an image, a sound or a file that a span of the trace refers to."""
        self._put(digest, (RecordType.MEDIA, payload), False)

    def _put(self, key: str, record: tuple[RecordType, bytes], failed: bool) -> None:
        if self._state is _KEPT:
            self._append(*record)
            return
        released: list[tuple[RecordType, bytes]] = []
        with _lock:
            former = self._records.pop(key, None)
            grown = len(record[1]) - (0 if former is None else len(former[1]))
            if self._state is _DROPPED:  # the root has ended: only what failed since is worth a record
                released = [record] if failed else []
            elif failed or _total.held_bytes + grown > MOST_HELD_BYTES:
                self._records[key] = record
                released = self._emptied(_KEPT, grown)
            else:
                self._records[key] = record
                _total.held_bytes += grown
        for one in released:
            self._append(*one)

    def end(self) -> None:
        """The root has ended: what is still kept back is dropped."""
        if self._state is _HELD:
            with _lock:
                self._emptied(_DROPPED, 0)

    def _emptied(self, state: str, grown: int) -> list[tuple[RecordType, bytes]]:
        records = list(self._records.values())
        _total.held_bytes -= sum(len(payload) for _, payload in records) - grown
        self._records = {}
        self._state = state
        return records


class _Total:
    held_bytes = 0


_total = _Total()
_lock = threading.RLock()  # a signal handler may come in between


def _after_fork() -> None:
    """What the parent keeps back is the parent's to keep."""
    global _lock
    _lock = threading.RLock()
    _total.held_bytes = 0


fork.register(_after_fork)
