"""What watches a process while its run goes on: a row of :data:`OBSERVERS` each.

An observer records by itself, in a thread or a hook of its own, and never raises into the program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import orjson

from weft import clock
from weft.records import ConsoleLines, RecordType
from weft.training import apart
from weft.training.capture import Capture
from weft.training.console import ConsoleRedirect, ConsoleTee
from weft.training.core import RunCore
from weft.training.system import SystemSampler
from weft.training.tensorboard import follow_writers


class Observer(Protocol):
    """Something that watches while a run goes on."""

    def start(self) -> None:
        """Begin, as the run does."""
        ...

    def stop(self) -> None:
        """Record what is still to be recorded, and end."""
        ...

    def after_fork(self) -> None:
        """In the child of a fork, where threads are gone and locks are the parent's."""
        ...


def surroundings(run: RunCore) -> Observer | None:
    """Captures what the run is made of, in the process that speaks for it."""
    return Capture(run, dict(run.config)) if run.primary else None


def console(run: RunCore) -> Observer | None:
    """Keeps what the process prints, where the settings say so."""
    how = run.settings.console
    if how == "off" or apart.here.get() is not None:  # what is printed is of the process, not of one of its threads
        return None

    def emit(first: int, stream: str, lines: list[str], time_ns: int) -> None:
        run.recorder.record(ConsoleLines(run.id, run.project, time_ns, first, stream, lines, run.source))

    return ConsoleRedirect(emit) if how == "redirect" else ConsoleTee(emit)


def system(run: RunCore) -> Observer | None:
    """Samples the machine, in the process that speaks for the run."""
    if run.settings.system_interval_s <= 0 or not run.primary:
        return None

    def emit(index: int, sample: dict[str, float]) -> None:
        record = {
            "run_id": run.id,
            "project": run.project,
            "step": index,
            "time_ns": clock.now_ns(),
            "values": sample,
            "source": "system",
        }
        run.recorder.append(RecordType.METRICS, orjson.dumps(record))

    return SystemSampler(run.settings.system_interval_s, emit)


def tensorboard(run: RunCore) -> Observer | None:
    """Follows what TensorBoard's writers write, where the settings say so."""
    return follow_writers(run) if run.settings.sync_tensorboard else None


OBSERVERS: list[Callable[[RunCore], Observer | None]] = [surroundings, console, system, tensorboard]
"""Each makes an observer for a run, or None where the settings want none; they start in this order, and stop in the
opposite one."""


class Observers:
    """The observers of one run."""

    def __init__(self, run: RunCore) -> None:
        self._run = run
        self._started: list[Observer] = []

    def start(self) -> None:
        """Start every observer that the settings want; none where the run is disabled."""
        if self._run.disabled:
            return
        for make in OBSERVERS:
            observer = make(self._run)
            if observer is not None:
                observer.start()
                self._started.append(observer)

    def join(self, observer: Observer) -> None:
        """Start one more, once."""
        if not self._run.disabled and observer not in self._started:
            observer.start()
            self._started.append(observer)

    def stop(self) -> None:
        """Stop them, the last one first."""
        while self._started:
            self._started.pop().stop()

    def after_fork(self) -> None:
        """In the child."""
        for observer in self._started:
            observer.after_fork()
