"""How far an evaluation is: a bar on a terminal, a line now and then in a log; rate, cost, errors, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from weft import formatting
from weft.evals.budgets import Spending
from weft.records import Sample

_LINES = 5  # in a log
_REFRESH_S = 0.1
_FIRST_LINE_S = 1.0  # in a log: what takes less is told once it is done
_FIRST_RATE_S = 0.5  # sooner there is no rate to speak of


class Meter:
    """Tells of the samples done; a context manager. ``quiet`` says nothing, and ``spending`` has the figures."""

    def __init__(self, name: str, total: int, spending: Spending, *, quiet: bool = False) -> None:
        self._name = name
        self._total = total
        self._spending = spending
        self._quiet = quiet
        self._done = 0
        self._told = 0
        self._started_s = time.monotonic()
        self._shown_s = 0.0
        self._bar: Progress | None = None
        if quiet:
            return
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[facts]}"), console=console, transient=True)
            self._task = self._bar.add_task(name, total=total, facts="")

    def __enter__(self) -> Meter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif not self._quiet and self._told < self._done:
            self._line()

    def kept(self, samples: int) -> None:
        """So many samples were done before."""
        self._done = self._told = samples

    def __call__(self, sample: Sample) -> None:
        """One sample is done."""
        self._done += 1
        if self._quiet:
            return
        if self._bar is not None:
            now_s = time.monotonic()
            if now_s - self._shown_s >= _REFRESH_S or self._done >= self._total:
                self._shown_s = now_s
                self._bar.update(self._task, completed=self._done, facts=self._facts())
        elif (
            self._done * _LINES // max(self._total, 1) > self._told * _LINES // max(self._total, 1)
            and time.monotonic() - self._started_s >= _FIRST_LINE_S
        ):
            self._line()

    def _line(self) -> None:
        self._told = self._done
        sys.stderr.write(f"weft: {self._name}: {self._done}/{self._total} samples, {self._facts()}\n")

    def _facts(self) -> str:
        """``3 failed, 41/s, $0.012, 20 s left``"""
        spending = self._spending
        facts = [f"{spending.failed} failed"]
        took_s = time.monotonic() - self._started_s
        if took_s >= _FIRST_RATE_S and spending.done:
            rate = spending.done / took_s
            facts.append(f"{formatting.number(rate, 2)}/s")
        if spending.cost_usd:
            facts.append(f"${spending.cost_usd:.4g}")
        left = self._total - self._done
        if took_s >= _FIRST_RATE_S and spending.done and left > 0:
            facts.append(f"{formatting.duration(left * took_s / spending.done * 1e9)} left")
        return ", ".join(facts)
