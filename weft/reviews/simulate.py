"""A declared stand-in for a reviewer, for demos and tests: works the real queue, marked as simulated everywhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from weft.errors import InputError
from weft.records import ReviewItem
from weft.reviews.queue import Queue


@dataclass(frozen=True, slots=True)
class SimulatedReviewer:
    """Gives the label ``truth(item)``, and another one with probability ``error_rate``.

    ``truth`` gets the item as a person would: without the machine's verdict. The same seed makes the same errors.
    """

    truth: Callable[[ReviewItem], str]
    name: str = "demo-reviewer"
    error_rate: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.error_rate < 1:
            raise InputError(f"error_rate is {self.error_rate}.", remedy="Use a number in [0, 1).", field="error_rate")

    def work(self, queue: Queue, *, limit: int | None = None) -> int:
        """Label cases until the queue has none left, or ``limit`` are done; returns how many."""
        done = 0
        while limit is None or done < limit:
            item = queue.claim(self.name)
            if item is None:
                break
            queue.label(item.item_id, self.name, self._answer(queue, item), simulated=True)
            done += 1
        return done

    def _answer(self, queue: Queue, item: ReviewItem) -> str:
        label = self.truth(item)
        chance = random.Random(f"{self.seed} {item.item_id}")
        if chance.random() < self.error_rate:
            return chance.choice([choice.label for choice in queue.choices if choice.label != label])
        return label
