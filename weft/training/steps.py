"""What a run's training steps are: spans of kind ``train_step``, told what was logged in them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from weft.tracing.steps import KIND, StepLoop, TrainStep, steps_of
from weft.training.core import RunCore

T = TypeVar("T")


class NextStep(int):
    """The number of the step at hand; called, it begins one: ``with run.step(): ...``."""

    find: Callable[[str], StepLoop]

    def __call__(self, number: int | None = None, *, name: str = KIND) -> TrainStep:
        """One training step, a context manager. What is logged in it without a step of its own belongs to it.

        It is a span in the trace that is current, with its number and the metrics logged as attributes. Where steps
        are many only some are recorded: the first ten, those in which something else is traced, those that fail or
        take much longer than usual, and one a second; ``weft.steps_skipped`` tells how many were not.
        """
        return TrainStep(self.find(name), number)


class RunSteps(RunCore):
    """The methods of a run that have to do with training steps."""

    _next_step = 0

    @property
    def step(self) -> NextStep:
        """The step that the next :meth:`log` without ``step`` writes to; ``with run.step(): ...`` is one as a span."""
        step = NextStep(self._next_step)
        step.find = self._loop
        return step

    def steps(self, items: Iterable[T], *, name: str = KIND) -> Iterator[T]:
        """``for batch in run.steps(loader): ...``: each turn is a training step, as :attr:`step` makes them, with how
        long the batch took to load."""
        return steps_of(self._loop(name), items)

    @functools.cached_property
    def _loop(self) -> Callable[[str], StepLoop]:
        return functools.cache(lambda name: StepLoop.named(None if self.disabled else self._recorder, name))
