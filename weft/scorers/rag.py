"""Judges of answers that rest on retrieved text: faithful, relevant, correct; whether the text was worth retrieving.

Each lists the claims or passages first and judges them one by one; the figure is counted from that list, not asked for.
After RAGAS (Es et al. 2023, arXiv 2309.15217) and its later context and correctness metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from weft.errors import InputError
from weft.scorers.asking import SYSTEM, AskingScorer, JudgePrompt, escaped, objects_in, prompt_name
from weft.scorers.base import ScoreValue
from weft.scorers.retrieval import documents_of, retrieved_in
from weft.scorers.trace import SampleTrace

_ANSWER_KEYS = ("answer", "output", "response", "content", "text")
_CONTEXT_KEYS = ("context", "contexts", "documents", "retrieved", "source_documents")
_SHOWN = 5


class _Listed(AskingScorer):
    """A judge that lists items, each with a verdict out of ``verdicts``."""

    verdicts: ClassVar[tuple[str, ...]] = ("yes", "no")
    item: ClassVar[str] = "claim"
    task: ClassVar[str] = ""
    shows: ClassVar[tuple[str, ...]] = ()

    @property
    def judge_prompt(self) -> JudgePrompt:
        """What the model is told."""
        user = self.task + "".join(f"\n\n<{name}>\n{{{name}}}\n</{name}>" for name in self.shows)
        return JudgePrompt(prompt_name(self.name), escaped(f"{SYSTEM}\n{self._form()}"), user)

    def read(self, reply: str, *, count: int | None = None) -> list[tuple[str, str]]:
        """The items and their verdicts. Raises InputError where there is no such list, or not ``count`` of them."""
        for found in objects_in(reply):
            rows = found.get("items")
            if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
                items = [(str(row.get(self.item, "")), str(row.get("verdict", "")).strip(" .").lower()) for row in rows]
                wrong = next((verdict for _, verdict in items if verdict not in self.verdicts), None)
                if wrong is not None:
                    raise InputError(
                        f"The judge's verdict {wrong!r} is none of {', '.join(self.verdicts)}.", field="judge"
                    )
                if count is not None and len(items) != count:
                    raise InputError(f"The judge gave {len(items)} verdicts on {count} passages.", field="judge")
                return items
        raise InputError("The judge's answer holds no list of items with verdicts.", field="judge")

    async def listed(self, values: Mapping[str, Any], *, count: int | None = None) -> list[tuple[str, str]]:
        """The items of the model's answer."""
        shown = {name: values[name] for name in self.shows}
        return await self.ask(self.judge_prompt, shown, lambda reply: self.read(reply, count=count), form=self._form())

    def told(self, items: list[tuple[str, str]]) -> dict[str, Any]:
        """What is kept with the score."""
        prompt = self.judge_prompt
        listed = [{self.item: text[:500], "verdict": verdict} for text, verdict in items]
        return {"prompt": prompt.name, "prompt_digest": prompt.digest, "items": listed}

    def share(self, items: list[tuple[str, str]], *, without: float, of: str = "claims") -> ScoreValue:
        """The share of items with the verdict yes; ``without`` any, this value."""
        fine = sum(verdict == "yes" for _, verdict in items)
        bad = [text for text, verdict in items if verdict != "yes"]
        explanation = f"{fine} of {len(items)} {of}" + (f"; not: {'; '.join(bad[:_SHOWN])}" if bad else "")
        return ScoreValue(fine / len(items) if items else without, None, explanation, None, self.told(items))

    def _form(self) -> str:
        one = " or ".join(f'"{verdict}"' for verdict in self.verdicts)
        return f'Answer with one JSON object only: {{"items": [{{"{self.item}": text, "verdict": {one}}}, ...]}}'


class _WithContext(_Listed):
    """A judge that sees what was retrieved.

    ``of`` says where it is: the column ``context`` of the example (``column`` names another); the output, a dict
    with an ``answer`` and a ``context``; or the last span of kind ``retrieval`` in the trace.
    """

    of: Literal["example", "output", "trace"] = "example"
    column: str = "context"

    @property
    def function(self) -> Callable[..., Any]:
        """What is called to score: the trace is asked for only where it is wanted."""
        return self._score_trace if self.of == "trace" else self.score

    async def score(self, output: Any, input: Any, example: dict[str, Any]) -> ScoreValue:
        """The judge's figure."""
        if self.of == "output":
            found = next((output[k] for k in _CONTEXT_KEYS if k in output), None) if isinstance(output, dict) else None
            if found is None:
                raise InputError("The output holds no 'context'.", field="output")
        else:
            found = example.get(self.column)
            if found is None:
                raise InputError(
                    f"The judge looks for {self.column!r}, which the example does not have.", field="column"
                )
        return await self._judged(output, input, example, found)

    async def _score_trace(self, output: Any, input: Any, example: dict[str, Any], trace: SampleTrace) -> ScoreValue:
        return await self._judged(output, input, example, retrieved_in(trace))

    async def _judged(self, output: Any, input: Any, example: dict[str, Any], found: Any) -> ScoreValue:
        texts = [found] if isinstance(found, str) else [document.text for document in documents_of(found)]
        context = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(texts, start=1))
        values = {"input": input, "output": answer_of(output), "context": context}
        if "expected" in self.shows:
            values["expected"] = _expected(example)
        return await self.verdict(values, len(texts))

    async def verdict(self, values: Mapping[str, Any], passages: int) -> ScoreValue:
        """The figure, from what the model sees."""
        raise InputError(f"The scorer {type(self).__name__} has no method 'verdict'.", field=self.name)


class Faithfulness(_WithContext):
    """The share of the answer's claims that follow from the retrieved text; 1 for an answer that claims nothing."""

    shows: ClassVar[tuple[str, ...]] = ("input", "context", "output")
    task: ClassVar[str] = (
        "List every factual claim that the output makes, each as a sentence of its own that can be understood alone. "
        "The verdict on a claim is yes where the context states it or it follows from the context, else no: whether "
        "it is true otherwise does not matter."
    )

    async def verdict(self, values: Mapping[str, Any], passages: int) -> ScoreValue:
        """Supported claims / claims."""
        return self.share(await self.listed(values), without=1.0, of="claims follow from the context")


class ContextRecall(_WithContext):
    """The share of what ``expected`` says that can be found in the retrieved text."""

    shows: ClassVar[tuple[str, ...]] = ("input", "context", "expected")
    task: ClassVar[str] = (
        "List every factual claim that the expected answer makes, each as a sentence of its own. The verdict on a "
        "claim is yes where the context states it or it follows from the context, else no."
    )

    async def verdict(self, values: Mapping[str, Any], passages: int) -> ScoreValue:
        """Claims of the expected answer that the context supports / its claims."""
        return self.share(await self.listed(values), without=1.0, of="claims of the expected answer are in the context")


class ContextRelevance(_WithContext):
    """The share of the retrieved passages that help to answer the input."""

    item: ClassVar[str] = "passage"
    shows: ClassVar[tuple[str, ...]] = ("input", "context")
    task: ClassVar[str] = (
        "The context holds numbered passages. Give one item for each, in their order: its number, and yes where the "
        "passage says something that helps to answer the input, else no."
    )

    async def verdict(self, values: Mapping[str, Any], passages: int) -> ScoreValue:
        """Relevant passages / passages; 0 where nothing was retrieved."""
        items = await self.listed(values, count=passages) if passages else []
        return self.share(items, without=0.0, of="passages help")


class ContextPrecision(_WithContext):
    """Whether the passages that helped stand first: the mean over them of the precision at their place.

    ``expected`` is the answer that they should have helped to.
    """

    item: ClassVar[str] = "passage"
    shows: ClassVar[tuple[str, ...]] = ("input", "context", "expected")
    task: ClassVar[str] = (
        "The context holds numbered passages. Give one item for each, in their order: its number, and yes where the "
        "passage is useful to arrive at the expected answer, else no."
    )

    async def verdict(self, values: Mapping[str, Any], passages: int) -> ScoreValue:
        """Average precision of the useful passages; 0 where none is."""
        items = await self.listed(values, count=passages) if passages else []
        useful = [verdict == "yes" for _, verdict in items]
        at = [sum(useful[: place + 1]) / (place + 1) for place, yes in enumerate(useful) if yes]
        explanation = f"{sum(useful)} of {len(useful)} passages are useful"
        return ScoreValue(sum(at) / len(at) if at else 0.0, None, explanation, None, self.told(items))


class AnswerRelevance(_Listed):
    """The share of what the answer says that addresses the input; 0 for an answer that says nothing."""

    item: ClassVar[str] = "statement"
    shows: ClassVar[tuple[str, ...]] = ("input", "output")
    task: ClassVar[str] = (
        "List every statement of the output. The verdict on a statement is yes where it addresses the input, be it "
        "true or not, else no: filler, detours and refusals to answer get a no."
    )

    async def score(self, output: Any, input: Any) -> ScoreValue:
        """Relevant statements / statements."""
        items = await self.listed({"input": input, "output": answer_of(output)})
        return self.share(items, without=0.0, of="statements address the input")


class Correctness(_Listed):
    """How far the answer says what ``expected`` says: F-beta over claims, in [0, 1].

    Claims in both are right, those only in the output wrong, those only in ``expected`` missing; ``beta`` above 1
    weighs what is missing more than what is wrong.
    """

    verdicts: ClassVar[tuple[str, ...]] = ("both", "output", "expected")
    shows: ClassVar[tuple[str, ...]] = ("input", "output", "expected")
    task: ClassVar[str] = (
        "List every factual claim that the output or the expected answer makes, each once. The verdict on a claim is "
        "both where the output makes it and the expected answer supports it, output where only the output makes it or "
        "the expected answer contradicts it, expected where only the expected answer makes it."
    )

    beta: float = Field(1.0, gt=0, allow_inf_nan=False)

    async def score(self, output: Any, input: Any, example: dict[str, Any]) -> ScoreValue:
        """F-beta of the claims."""
        items = await self.listed({"input": input, "output": answer_of(output), "expected": _expected(example)})
        right, wrong, missed = (sum(verdict == one for _, verdict in items) for one in self.verdicts)
        if not items:
            raise InputError("The judge found no claim in either answer.", field="judge")
        square = self.beta**2
        value = (1 + square) * right / ((1 + square) * right + square * missed + wrong)
        return ScoreValue(value, None, f"{right} right, {wrong} wrong, {missed} missing", None, self.told(items))


def answer_of(output: Any) -> Any:
    """The answer in an output that is a dict with more in it."""
    if isinstance(output, dict) and len(output) > 1:
        return next((output[key] for key in _ANSWER_KEYS if key in output), output)
    return output


def _expected(example: Mapping[str, Any]) -> Any:
    if "expected" not in example:
        raise InputError("The judge compares with 'expected', which the example does not have.", field="expected")
    return example["expected"]
