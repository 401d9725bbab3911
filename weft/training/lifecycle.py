"""How a run begins and ends: its options, what is recorded of its surroundings, its failure."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.records import Failure, RunKind
from weft.records import Run as StoredRun
from weft.settings import Settings
from weft.training.environment import describe


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run begins with. ``source`` tells this process's points from those of others that share the run; only
    the ``primary`` process says when the run began and how it ended, and the last values of one that is ``apart`` are
    not the run's. ``stored`` is the run as it was until now, where this process goes on from it (``resumed``) or from a
    part of another's history; it goes on with ``next_step``."""

    run_id: str
    project: str
    kind: RunKind
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    source: str = ""
    primary: bool = True
    apart: bool = False
    entity: str | None = None
    allow_val_change: bool = False
    save_code: bool = False
    stored: StoredRun | None = None
    resumed: bool = False
    next_step: int = 0

    @property
    def started_ns(self) -> int | None:
        """When the run began that this one goes on from."""
        return self.stored.started_at_ns if self.resumed and self.stored is not None else None


def surroundings(settings: Settings) -> dict[str, Any]:
    """What is captured as a run begins, by field of :class:`weft.records.RunUpdate`. What takes longer an observer
    captures: :mod:`weft.training.capture`."""
    return {"environment": describe(allow=settings.env_allow)}


def failure_of(error: BaseException) -> Failure:
    """An exception as a record."""
    stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return Failure(type=type(error).__qualname__, message=str(error), stack=stack)


def failure_fields(failure: Failure) -> dict[str, str]:
    """A failure as a run's record holds it."""
    return {"type": failure.type, "message": failure.message, "stack": failure.stack}


def default_name(run_id: str) -> str:
    """A name for a run that has none: the program's and the beginning of the id."""
    path = Path(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-", "-c", "-m") else Path("run")
    program = path.parent.name if path.stem == "__main__" else path.stem  # of `python -m pytest`
    return f"{program or 'run'}-{run_id[:4]}"
