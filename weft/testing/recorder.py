"""A recorder in memory: what tests activate in place of a session."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from weft import recording, settings
from weft.errors import WeftError
from weft.recording import FlushReport
from weft.records import RecordType, RunUpdate, Span, decode, encode
from weft.records.codec import Observation

if TYPE_CHECKING:
    from weft.repositories import Store


class MemoryRecorder:
    """Implements :class:`weft.recording.Recorder`; ``with MemoryRecorder() as recorder:`` makes it the active one.

    ``observations`` holds all that was recorded, decoded, in order; :attr:`spans` the spans as a store would show them.
    """

    def __init__(
        self,
        project: str = "test",
        run_id: str | None = None,
        *,
        store: Store | None = None,
        given: settings.Settings | None = None,
    ) -> None:
        self.settings = given or settings.load({"project": project, "code": False})
        self.project = project
        self.run_id = run_id
        self.writer = "memory"
        self.observations: list[Observation] = []
        self.payloads: list[tuple[RecordType, bytes]] = []
        self._store = store
        self._lock = threading.Lock()
        self._before: recording.Recorder | None = None

    @property
    def directory(self) -> Path:
        """The folder of the settings; nothing is written there."""
        return self.settings.dir

    @property
    def store(self) -> Store:
        """The store given to the constructor; raises WeftError without one."""
        if self._store is None:
            raise WeftError("This recorder has no store.", remedy="Give one: MemoryRecorder(store=...).", field="store")
        return self._store

    def caught_up(self) -> Store:
        """The same store: nothing is on its way there."""
        return self.store

    def record(self, observation: Observation) -> None:
        """Keep an observation."""
        self.append(*encode(observation))

    def append(self, record_type: RecordType, payload: bytes, checksum: int | None = None) -> None:
        """Keep an encoded observation, decoded."""
        observation = decode(record_type, payload)
        with self._lock:
            self.payloads.append((RecordType(record_type), bytes(payload)))
            self.observations.append(observation)

    def flush(self, timeout_s: float = 30.0) -> FlushReport:
        """Everything is in memory already."""
        return FlushReport(complete=True)

    def passport(self) -> None:
        """Memory is this process's alone."""

    def address(self, path: str) -> str:
        """An address that no server answers at."""
        return f"memory:{path}"

    def of(self, kind: type[Observation]) -> list[Observation]:
        """The observations of one type, in order."""
        with self._lock:
            return [observation for observation in self.observations if isinstance(observation, kind)]

    @property
    def spans(self) -> list[Span]:
        """Each span once, in order of start, its end before its start where both are here."""
        latest: dict[tuple[str, str], Span] = {}
        for span in self.of(Span):
            assert isinstance(span, Span)
            key = (span.trace_id, span.span_id)
            if key not in latest or span.end_ns is not None:
                latest[key] = span
        return list(latest.values())

    @property
    def runs(self) -> list[RunUpdate]:
        """The updates of runs, in order."""
        return [update for update in self.of(RunUpdate) if isinstance(update, RunUpdate)]

    def span(self, name: str) -> Span:
        """The one span of that name. Raises AssertionError where there is none or more than one."""
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{len(found)} spans named {name!r} among {[span.name for span in self.spans]}"
        return found[0]

    def __enter__(self) -> MemoryRecorder:
        self._before = recording.active
        recording.activate(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        recording.activate(self._before)
