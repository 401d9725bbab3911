"""A plain training loop that reports: what the loops for PyTorch and JAX share."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from weft.errors import InputError
from weft.integrations.reporting import Reporter
from weft.training import Run

T = TypeVar("T")


class Loop:
    """Counts steps and epochs of a loop you write yourself, measures it, and logs with them.

    ``batches`` logs, every ``log_every`` batches, ``time/data_s`` (the wait for the loader) and ``time/step_s`` (your
    code), both means over those batches in seconds. The step begins at 0, or at ``first_step`` after a resume. Other
    arguments are those of :func:`weft.init`. Nothing here raises because Weft failed.
    """

    def __init__(self, *, run: Run | None = None, log_every: int = 1, first_step: int = 0, **options: Any) -> None:
        if log_every < 1:
            raise InputError(f"log_every is {log_every}.", remedy="Use 1 or more.", field="log_every")
        self.step = first_step
        self.epoch = 0
        self.best: float | None = None
        self._report = Reporter(run, **options)
        self._every = log_every

    def epochs(self, count: int) -> Iterator[int]:
        """Numbers of epochs from 0, or after the last of an earlier call."""
        for _ in range(count):
            yield self.epoch
            self.epoch += 1

    def batches(self, loader: Iterable[T]) -> Iterator[T]:
        """The batches of ``loader``, one step each, with the time that they and your code take."""
        waited_s = worked_s = 0.0
        seen = 0
        batches = iter(loader)
        while True:
            asked_s = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            given_s = time.perf_counter()
            yield batch
            waited_s += given_s - asked_s
            worked_s += time.perf_counter() - given_s
            seen += 1
            if seen == self._every:
                self._report.log({"time/data_s": waited_s / seen, "time/step_s": worked_s / seen}, self.step)
                waited_s, worked_s, seen = 0.0, 0.0, 0
            self.step += 1

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log values with the epoch at this step, or another."""
        self._report.log({"epoch": self.epoch, **self._more(), **values}, self.step if step is None else step)

    def checkpoint(
        self,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        value: float | None = None,
        *,
        mode: str = "min",
        name: str | None = None,
    ) -> bool:
        """Keep a file or folder as a version of an artifact (default ``model-RUN``), with the alias ``last``.

        ``best`` goes to the one with the smallest ``value``, or the largest with ``mode="max"``: whether this is it.
        """
        if mode not in ("min", "max"):
            raise InputError(f"There is no mode {mode!r}.", remedy="Use 'min' or 'max'.", field="mode")
        better = value is not None and not math.isnan(value) and self._beats(value, mode)
        if better:
            self.best = value
        aliases = ["last", "best"] if better else ["last"]
        self._report.files(path, name=name, aliases=aliases, metadata={"step": self.step, "value": value})
        return better

    def _beats(self, value: float, mode: str) -> bool:
        return self.best is None or (value < self.best if mode == "min" else value > self.best)

    def _more(self) -> dict[str, float]:
        """What a framework knows by itself at every step."""
        return {}
