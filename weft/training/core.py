"""What the parts of a run share: its identity, where it records, and how.

:class:`weft.training.run.Run` is put together from parts, a file each, that derive from :class:`RunCore`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from weft import clock, wandb_names
from weft.recording import Recorder
from weft.records import RunStatus, RunUpdate
from weft.records.binary import Layout
from weft.settings import Settings
from weft.training.fields import Config
from weft.training.lifecycle import RunOptions

if TYPE_CHECKING:
    from weft.training.definitions import Definitions


class RunCore:
    """A run as its parts see it. ``source`` tells this process's points from those of others that share the run."""

    _definitions: Definitions
    _defined: Definitions | None
    _known: dict[tuple[str, ...], Layout]  # of steps that ``log`` writes at once: of none where metrics are defined

    def __init__(self, recorder: Recorder, options: RunOptions) -> None:
        self.id = options.run_id
        self.project = options.project
        self.kind = options.kind
        self.status = RunStatus.RUNNING
        self.config = Config(lambda changed: self._record(config=changed), allow_val_change=options.allow_val_change)
        self._name = options.name
        self._tags = tuple(options.tags)
        self._notes = options.notes
        self._group = options.group
        self._job_type = options.job_type
        self._recorder = recorder
        self._options = options
        self._primary = options.primary
        self._source = options.source
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._started_ns = self._told_ns = options.started_ns or clock.now_ns()
        self._alerted: dict[str, int] = {}
        self._saved: dict[str, int] = {}  # what was kept of a file, by its name
        self._to_save: dict[str, Path] = {}

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
        self._recorder.record(RunUpdate(run_id=self.id, project=self.project, time_ns=self._later_ns(), **changed))

    def _later_ns(self) -> int:
        """Now, and never before what was told: of two updates the later one stays, and a clock may be set back."""
        self._told_ns = max(clock.now_ns(), self._told_ns)
        return self._told_ns


class _Absent:
    """A name of W&B's runs that these have not: it says what to do instead. No ``__getattr__`` does, since with one
    all that a run has takes twice as long to find."""

    def __init__(self, name: str, instead: str) -> None:
        self._name = name
        self._instead = instead

    def __get__(self, run: object, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}. Instead: {self._instead}.")


for _path, _instead in wandb_names.ABSENT.items():
    _owner, _, _name = _path.rpartition(".")
    if _owner == "run":
        setattr(RunCore, _name, _Absent(_name, _instead))
