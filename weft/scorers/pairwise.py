"""Two answers side by side, asked in both orders, so that a liking for the first or the last place is seen."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from weft.errors import InputError
from weft.scorers.asking import SYSTEM, AskingScorer, JudgePrompt, escaped, objects_in, prompt_name
from weft.scorers.base import ScoreValue

_FORM = (
    'Answer with one JSON object only: {"explanation": a sentence, "better": "first", "second" or "tie"}. Judge what '
    "is said, not where it stands or how long it is."
)
Place = Literal["first", "second", "tie"]
_VALUES = {"output": 1.0, "tie": 0.5, "other": 0.0}


class Pairwise(AskingScorer):
    """Whether the output is better than another answer to the same input, the example's column ``other``.

    The model is asked twice, each answer standing first once (Zheng et al. 2023, arXiv 2306.05685). Scores:
    ``win`` is 1 where the output won both times, 0 where the other did, 0.5 for a tie; where both orders contradict
    each other it is 0.5 too, with the label "inconsistent". ``consistent`` says whether both orders agree: its mean is
    the position consistency of the judge. With ``swap=False`` it is asked once, and only ``win`` is given.
    ``reference`` shows the model ``expected``.
    """

    rubric: str = "Which of the two answers is better?"
    other: str = "other"
    reference: bool = False
    swap: bool = True

    @property
    def judge_prompt(self) -> JudgePrompt:
        """What the model is told."""
        user = f"{escaped(self.rubric)}\n\n<input>\n{{input}}\n</input>\n<first>\n{{first}}\n</first>\n"
        user += "<second>\n{second}\n</second>"
        if self.reference:
            user += "\n<expected>\n{expected}\n</expected>"
        return JudgePrompt(prompt_name(self.name), escaped(f"{SYSTEM}\n{_FORM}"), user)

    async def score(self, output: Any, input: Any, example: dict[str, Any]) -> dict[str, ScoreValue]:
        """Who won, and whether both orders agree."""
        needed = (self.other, "expected") if self.reference else (self.other,)
        for column in needed:
            if column not in example:
                raise InputError(f"The judge compares with {column!r}, which the example does not have.", field=column)
        prompt = self.judge_prompt
        values = {"input": input, "expected": example.get("expected")}
        orders = [{**values, "first": output, "second": example[self.other]}]
        if self.swap:
            orders.append({**values, "first": example[self.other], "second": output})
        found = await asyncio.gather(*(self.ask(prompt, order, self.read, form=_FORM) for order in orders))
        said = [self._winner(place, swapped=at == 1) for at, (place, _) in enumerate(found)]
        told = {"prompt": prompt.name, "prompt_digest": prompt.digest, "orders": said}
        if len(set(said)) == 1:
            win = ScoreValue(_VALUES[said[0]], said[0], found[0][1], None, told)
        else:
            explanation = f"{found[0][1]} / other way round: {found[1][1]}"
            win = ScoreValue(0.5, "inconsistent", explanation, None, told)
        return {"win": win, "consistent": ScoreValue(float(len(set(said)) == 1))} if self.swap else {"win": win}

    def read(self, reply: str) -> tuple[Place, str]:
        """The better place and why. Raises InputError where the reply does not say."""
        for found in objects_in(reply):
            place = str(found.get("better", "")).strip(" .").lower()
            if place in ("first", "second", "tie"):
                return place, str(found.get("explanation") or "")  # type: ignore[return-value]
        raise InputError("The judge's answer does not say which is better.", field="judge")

    @staticmethod
    def _winner(place: Place, *, swapped: bool) -> str:
        if place == "tie":
            return "tie"
        return "output" if (place == "first") != swapped else "other"
