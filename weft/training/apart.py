"""Runs of threads: a trial that runs in a thread of its own has a current run of its own, too."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.training.run import Run
    from weft.training.trials import Link


@dataclass(eq=False, slots=True)
class Apart:
    """The trial of a thread, and its run once it has begun."""

    link: Link
    run: Run | None = None


here: ContextVar[Apart | None] = ContextVar("weft_apart", default=None)
"""What this thread, or a task that it began, has apart from the process; None where it has nothing."""
