"""A language model as judge by a rubric: yes or no, on a scale, in categories; asked once or several times."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from weft.errors import InputError
from weft.scorers.asking import SYSTEM, AskingScorer, JudgePrompt, escaped, objects_in, prompt_name
from weft.scorers.base import ScoreValue

_PLACES = ("input", "output", "expected")
_WARM = 0.7  # the temperature at which a model that is asked several times may differ from itself


class Verdict(BaseModel):
    """What a judge says."""

    model_config = ConfigDict(extra="ignore")

    explanation: str | None = None
    value: float | None = Field(None, allow_inf_nan=False)
    label: str | None = None
    confidence: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)


class Judge(AskingScorer):
    """Asks a model for a verdict: a value or a label, with an explanation and a confidence where it gives them.

    ``model`` is a litellm name (``openai/gpt-5``, ``anthropic/...``); with ``via="openai"`` it is the name of a model
    at an OpenAI-compatible endpoint, ``base_url``. ``rubric`` says in words what a good answer is; ``prompt`` replaces
    the whole message instead, with ``{input}``, ``{output}`` and ``{expected}`` in it. The verdict is a number on
    ``scale``, or with ``yes_no`` yes (1) or no (0), or one of ``choices`` (labels with their values), or of
    ``categories`` (labels that count nothing). The model sees ``expected`` only where ``reference`` is set or the
    prompt asks for it. An answer that is no verdict is asked for once more, then the score fails.

    ``samples`` asks so often and takes the majority (of labels; the lower value where two are equal) or the mean (of
    values): self-consistency, Wang et al. 2022, arXiv 2203.11171. ``confidence`` is then the share that agrees, or 1
    less the spread. The prompt is recorded as a version of the artifact ``judge.NAME``.
    Raises InputError for an answer that is none, MissingExtraError where ``weft[llm]`` is not installed.
    """

    rubric: str = "Is the answer correct and complete?"
    prompt: str | None = None
    yes_no: bool = False
    choices: dict[str, float] | None = None
    categories: list[str] | None = None
    scale: tuple[float, float] = (0.0, 1.0)
    reference: bool = False
    samples: int = Field(1, ge=1, le=100)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if sum([self.yes_no, self.choices is not None, self.categories is not None]) > 1:
            raise ValueError("give one of yes_no, choices and categories")
        for name, labels in (("choices", self.choices), ("categories", self.categories)):
            if labels is not None and len({label.casefold() for label in labels}) < 2:
                raise ValueError(f"{name} needs two labels or more")
        if not self.scale[0] < self.scale[1]:
            raise ValueError(f"scale {self.scale} must rise")
        if self.prompt is not None and "{output}" not in self.prompt:
            raise ValueError("prompt must hold {output}: a judge that does not see the answer judges nothing")
        return self

    @property
    def judge_prompt(self) -> JudgePrompt:
        """What the model is told; its versions are those of the artifact ``judge.NAME``."""
        if self.prompt is not None:
            user = escaped(self.prompt, _PLACES)
        else:
            user = f"{escaped(self.rubric)}\n\n<input>\n{{input}}\n</input>\n<output>\n{{output}}\n</output>"
            if self.reference:
                user += "\n<expected>\n{expected}\n</expected>"
        return JudgePrompt(prompt_name(self.name), escaped(f"{SYSTEM}\n{self._form()}"), user)

    async def score(self, output: Any, input: Any, example: dict[str, Any]) -> ScoreValue:
        """The model's verdict on ``output``."""
        prompt = self.judge_prompt
        if "{expected}" in prompt.user and "expected" not in example:
            raise InputError("The judge compares with 'expected', which the example does not have.", field="expected")
        values = {"input": input, "output": output, "expected": example.get("expected")}
        told = {"prompt": prompt.name, "prompt_digest": prompt.digest}
        if self.samples == 1:
            return _with(await self.ask(prompt, values, self.read, form=self._form()), told)
        asked = [self._sampled(prompt, values) for _ in range(self.samples)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        votes = [vote for vote in found if isinstance(vote, ScoreValue)]
        if 2 * len(votes) <= self.samples:  # no majority of what was asked for has answered
            raise next(failure for failure in found if isinstance(failure, BaseException))
        return _with(agreed(votes, *self.scale, by_label=self._labels() is not None), {**told, "asked": self.samples})

    def read(self, reply: str) -> ScoreValue:
        """The verdict in a model's reply. Raises InputError where there is none, or one off the scale."""
        verdict = next(_verdicts(reply), None)
        if verdict is None:
            raise InputError(
                "The judge's answer holds no verdict: no JSON object with a value or label.", field="judge"
            )
        labels = self._labels()
        if labels is not None:
            folded = {label.casefold(): label for label in labels}
            label = folded.get((verdict.label or "").strip(" .!\n").casefold())
            if label is None:
                raise InputError(f"The judge's label {verdict.label!r} is none of {', '.join(labels)}.", field="judge")
            return ScoreValue(labels[label], label, verdict.explanation, verdict.confidence)
        low, high = self.scale
        if verdict.value is None or not low <= verdict.value <= high:
            raise InputError(
                f"The judge's value {verdict.value} is not on the scale {low:g} to {high:g}.", field="judge"
            )
        return ScoreValue(verdict.value, verdict.label, verdict.explanation, verdict.confidence)

    async def _sampled(self, prompt: JudgePrompt, values: dict[str, Any]) -> ScoreValue:
        warm = self if self.temperature else self.model_copy(update={"temperature": _WARM})
        return await warm.ask(prompt, values, self.read, form=self._form())

    def _labels(self) -> dict[str, float | None] | None:
        if self.yes_no:
            return {"yes": 1.0, "no": 0.0}
        if self.categories is not None:
            return dict.fromkeys(self.categories)
        return None if self.choices is None else dict(self.choices)

    def _form(self) -> str:
        labels = self._labels()
        if labels is not None:
            what = f'"label": one of {json.dumps(list(labels), ensure_ascii=False)}'
        else:
            what = f'"value": a number from {self.scale[0]:g} (worst) to {self.scale[1]:g} (best)'
        return (
            'Answer with one JSON object only: {"explanation": a sentence, '
            f'{what}, "confidence": the probability from 0 to 1 that your verdict is right}}'
        )


def agreed(votes: Sequence[ScoreValue], low: float, high: float, *, by_label: bool) -> ScoreValue:
    """One verdict out of several: the majority of labels, or the mean of values; ``confidence`` is how far they agree.

    Of labels that are equally frequent the one of the lower value wins, then the first in the alphabet.
    """
    if by_label:
        counts = Counter(vote.label for vote in votes)
        value_of = {vote.label: vote.value for vote in votes}
        best = min(counts, key=lambda k: (-counts[k], value_of[k] if value_of[k] is not None else 0.0, str(k)))
        chosen = next(vote for vote in votes if vote.label == best)
        told = {"votes": {str(label): count for label, count in sorted(counts.items(), key=lambda pair: str(pair[0]))}}
        return ScoreValue(chosen.value, best, chosen.explanation, counts[best] / len(votes), told)
    values = [vote.value for vote in votes if vote.value is not None]
    mean = statistics.fmean(values)
    nearest = min(votes, key=lambda vote: abs((vote.value if vote.value is not None else mean) - mean))
    spread = 2 * statistics.pstdev(values) / (high - low)  # at most 1: half of them at either end
    return ScoreValue(mean, None, nearest.explanation, 1 - min(spread, 1.0), {"votes": values})


def _with(found: ScoreValue, told: dict[str, Any]) -> ScoreValue:
    return ScoreValue(found.value, found.label, found.explanation, found.confidence, {**found.metadata, **told})


def _verdicts(reply: str) -> Iterator[Verdict]:
    for found in objects_in(reply):
        try:
            verdict = Verdict.model_validate(found)
        except ValidationError:
            continue  # an object, but no verdict
        if verdict.value is not None or verdict.label is not None:
            yield verdict
