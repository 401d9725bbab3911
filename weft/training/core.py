"""What the parts of a run share: its identity, where it records, and how.

:class:`weft.training.run.Run` is put together from parts, a file each, that derive from :class:`RunCore`.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from weft import clock
from weft.recording import Recorder
from weft.records import RunStatus, RunUpdate
from weft.settings import Settings
from weft.training.lifecycle import RunOptions


class RunCore:
    """A run as its parts see it. ``source`` tells this process's points from those of others that share the run."""

    def __init__(self, recorder: Recorder, options: RunOptions) -> None:
        self.id = options.run_id
        self.project = options.project
        self.kind = options.kind
        self.status = RunStatus.RUNNING
        self._recorder = recorder
        self._options = options
        self._primary = options.primary
        self._source = options.source
        self._pid = os.getpid()
        self._lock = threading.RLock()

    @property
    def source(self) -> str:
        """Where this process's points come from: empty for one process, else the rank or the process."""
        return self._source

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._recorder.settings

    @property
    def recorder(self) -> Recorder:
        """Where the run records."""
        return self._recorder

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded: the mode is ``disabled``."""
        return self._recorder.settings.mode == "disabled"

    @property
    def primary(self) -> bool:
        """Whether this process says when the run began and how it ended."""
        return self._primary

    def _record(self, **changed: Any) -> None:
        """Record fields of the run, those of :class:`weft.records.RunUpdate`."""
        self._recorder.record(RunUpdate(run_id=self.id, project=self.project, time_ns=clock.now_ns(), **changed))
