"""How far an evaluation is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from weft.records import Sample, SampleStatus

_LINES = 5


class Meter:
    """Counts samples; a context manager. ``quiet`` says nothing."""

    def __init__(self, name: str, total: int, *, quiet: bool = False) -> None:
        self._name = name
        self._total = total
        self._quiet = quiet
        self._done = 0
        self._failed = 0
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[failed]} failed"), console=console, transient=True)
            self._task = self._bar.add_task(name, total=total, failed=0)

    def __enter__(self) -> Meter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, sample: Sample) -> None:
        """One sample is done."""
        self._done += 1
        self._failed += sample.status != SampleStatus.OK
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, failed=self._failed)
        elif not self._quiet and self._done * _LINES // self._total > (self._done - 1) * _LINES // self._total:
            sys.stderr.write(f"weft: {self._name}: {self._done}/{self._total} samples, {self._failed} failed\n")
