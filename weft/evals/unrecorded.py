"""Where an evaluation records that has no session around it: nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

from weft import recording, settings
from weft.errors import WeftError
from weft.recording import FlushReport, Recorder
from weft.records import RecordType
from weft.records.codec import Observation
from weft.repositories import Store


class Unrecorded:
    """Implements :class:`weft.recording.Recorder` and keeps nothing, as ``@weft.op`` does without ``weft.init``."""

    def __init__(self) -> None:
        self.settings = settings.load()
        self.project = self.settings.project
        self.run_id = None
        self.writer = ""

    @property
    def directory(self) -> Path:
        """The folder of the settings; nothing is written there."""
        return self.settings.dir

    @property
    def store(self) -> Store:
        """There is none: raises WeftError."""
        raise WeftError("There is no store: nothing is recorded.", remedy="Call weft.init('my-project') first.")

    def caught_up(self) -> Store:
        """The same: raises WeftError."""
        return self.store

    def record(self, observation: Observation) -> None:
        """Keep nothing."""

    def append(self, record_type: RecordType, payload: bytes, checksum: int | None = None) -> None:
        """Keep nothing."""

    def flush(self, timeout_s: float = 30.0) -> FlushReport:
        """Nothing is pending."""
        return FlushReport(complete=True)

    def address(self, path: str) -> str:
        """No page shows it."""
        return ""

    def passport(self) -> None:
        """A child process has nothing to join."""


def active_recorder(name: str) -> Recorder:
    """The recorder of the session; without one the user is told once for each evaluation that nothing is kept."""
    if recording.active is not None:
        return recording.active
    nowhere = Unrecorded()
    if not nowhere.settings.quiet and nowhere.settings.mode != "disabled":
        sys.stderr.write(f"weft: {name} is not recorded: no session is running (weft.init starts one)\n")
    return nowhere
