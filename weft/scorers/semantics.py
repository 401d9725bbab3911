"""Semantic similarity: how near two texts are as vectors of an embedding model."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

from pydantic import Field, PrivateAttr, field_serializer, model_validator

from weft import digests
from weft.errors import InputError
from weft.scorers.asking import as_text
from weft.scorers.endpoints import ModelScorer
from weft.scorers.text import answers
from weft.tracing.source import source_of

_MOST_KEPT = 10_000  # vectors of expected texts, which come again with every repetition
Vector = Sequence[float]


class EmbeddingSimilarity(ModelScorer):
    """Cosine of the vectors of the output and ``expected``, in [-1, 1]; of several accepted answers the nearest counts.

    ``model`` is an embedding model that litellm knows, or with ``via="openai"`` one at an OpenAI-compatible endpoint;
    or ``embed`` is a function (or coroutine) that makes vectors of a list of texts, such as ``encode`` of a model that
    runs here. ``threshold`` makes it a yes or no. What is near and what is far depends on the model: look at its values
    for unrelated texts before you set a threshold. Raises InputError for vectors that are none.
    """

    model: str = ""
    embed_with: Callable[[list[str]], Any] | None = Field(None, alias="embed")
    threshold: float | None = Field(None, ge=-1, le=1)

    _vectors: dict[str, Vector] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.model) == (self.embed_with is not None):
            raise ValueError("give either model or embed")
        return self

    @field_serializer("embed_with")
    def _named_function(self, function: Any) -> str | None:
        return None if function is None else str(getattr(function, "__qualname__", type(function).__qualname__))

    def digest(self) -> str:
        """As any scorer's, and that of the function's code."""
        code = None if self.embed_with is None else source_of(self.embed_with)
        return digests.of_json({"scorer": super().digest(), "embed": code})

    async def score(self, output: Any, expected: Any) -> float | bool:
        """The cosine, or whether it reaches the threshold."""
        wanted = [as_text(answer) for answer in answers(expected)]
        new = [text for text in dict.fromkeys(wanted) if text not in self._vectors]
        made = await self._embedded([as_text(output), *new])
        if len(self._vectors) + len(new) > _MOST_KEPT:
            self._vectors.clear()
        own = made[0]
        fresh = dict(zip(new, made[1:], strict=True))
        best = max(cosine(own, fresh[text] if text in fresh else self._vectors[text]) for text in wanted)
        self._vectors.update(fresh)
        return best if self.threshold is None else best >= self.threshold

    async def _embedded(self, texts: list[str]) -> list[Vector]:
        if self.embed_with is None:
            return list(await self.embed(texts))
        if inspect.iscoroutinefunction(self.embed_with):
            found = await self.embed_with(texts)
        else:
            found = await asyncio.to_thread(self.embed_with, texts)
        rows = [[float(number) for number in row] for row in found]
        if len(rows) != len(texts):
            raise InputError(f"embed made {len(rows)} vectors of {len(texts)} texts.", field="embed")
        return list(rows)


def cosine(left: Vector, right: Vector) -> float:
    """The cosine of two vectors. Raises InputError where they differ in length, or one is zero or not finite."""
    if len(left) != len(right):
        raise InputError(f"The vectors have {len(left)} and {len(right)} numbers.", field="embed")
    size = math.hypot(*left) * math.hypot(*right)
    if not size or not math.isfinite(size):
        raise InputError("A vector is zero or not finite: it has no direction.", field="embed")
    return max(-1.0, min(1.0, math.fsum(a * b for a, b in zip(left, right, strict=True)) / size))
