"""Which examples of an evaluation are run: the first so many, those with a tag, one shard of several."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass

from weft.errors import InputError
from weft.evals.dataset import Dataset
from weft.evals.evaluation import Evaluation

_SHARD = re.compile(r"(\d+)/(\d+)")
_MOST_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Selection:
    """``tags`` keeps the examples that have one of them, ``limit`` the first so many of these, ``shard`` every n-th of
    the rest, from the i-th on: ``(i, n)``. Raises InputError for numbers that make no sense."""

    limit: int | None = None
    tags: Sequence[str] = ()
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"The limit is {self.limit}; the least is 1.", field="limit")
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1] <= _MOST_SHARDS:
            raise InputError(
                f"There is no shard {self.shard[0]} of {self.shard[1]}.",
                remedy=f"Write i/n with i from 1 to n, and n at most {_MOST_SHARDS:,}.",
                field="shard",
            )

    @property
    def part(self) -> str:
        """The shard as ``i/n``; empty where the whole is run."""
        return "" if self.shard is None else f"{self.shard[0]}/{self.shard[1]}"

    def of(self, evaluation: Evaluation) -> tuple[Evaluation, int]:
        """The evaluation over what is selected, and how many examples all its shards have together. Raises InputError
        where nothing is left of the whole."""
        dataset = evaluation.dataset
        assert isinstance(dataset, Dataset)
        if self.tags:
            dataset = dataset.where(self._tagged)
        if self.limit is not None:
            dataset = dataset.head(self.limit)
        total = len(dataset)
        if total == 0 and len(evaluation.dataset):
            raise InputError(
                f"No example of {evaluation.name} has the tag {' or '.join(self.tags)}.",
                remedy='Tags are the list in the column "tags" of an example.',
                field="tag",
            )
        if self.shard is not None:
            first, of = self.shard
            dataset = dataset.select(range(first - 1, total, of))
        selected = copy.copy(evaluation)
        selected.dataset = dataset
        return selected, total

    def _tagged(self, data: dict[str, object]) -> bool:
        tags = data.get("tags")
        return isinstance(tags, list) and any(tag in tags for tag in self.tags)


def parse_shard(text: str) -> tuple[int, int]:
    """``i/n`` as numbers. Raises InputError."""
    found = _SHARD.fullmatch(text)
    if found is None:
        raise InputError(f"The shard {text!r} is not i/n.", remedy="Write 1/4 for the first of four.", field="shard")
    return int(found[1]), int(found[2])
