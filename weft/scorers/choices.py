"""Scorers of multiple choice: which of the choices an answer in prose takes."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import Field

from weft.errors import InputError
from weft.scorers.base import Scorer, ScoreValue

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SAID = r"(?:answer|choice|option)(?:\s+(?:is|would be|should be))?\s*[:=]?\s*\**\s*"
_WRAPPED = r"[\(\[{{\*\"'`]*({letters})(?![A-Za-z0-9]|'[A-Za-z])"


class MultipleChoice(Scorer):
    """Whether the choice that the output takes is ``expected``; the label of the score is the letter that was read.

    ``choices`` are the texts of the choices, or else the column ``choices`` of the example; without either, ``letters``
    letters from A on are the choices. ``expected`` is a letter, a position (0 is the first) or a choice's text. Read in
    this order: the whole output is a letter or a choice's text; the last "answer: B", "the answer is (B)" or
    ``\\boxed{B}``; a letter that begins the output ("B) because"); the only choice's text in it; the only capital
    letter that stands alone. An output that takes none scores 0 with the label "none".
    """

    quick: ClassVar[bool] = True

    choices: list[str] | None = Field(None, min_length=2, max_length=26)
    letters: int = Field(4, ge=2, le=26)

    def score(self, output: Any, expected: Any, choices: list[str] | None = None) -> ScoreValue:
        """1 where the choice is the right one."""
        texts = self.choices or ([str(text) for text in choices] if choices else None)
        letters = _LETTERS[: len(texts) if texts else self.letters]
        wanted = _letter_of(expected, letters, texts)
        taken = read_choice(str(output), letters, texts)
        return ScoreValue(float(taken == wanted), taken or "none", None if taken else "no choice could be read")


def read_choice(answer: str, letters: str, texts: list[str] | None = None) -> str | None:
    """The letter of the choice that an answer takes; None where it takes none, or more than one."""
    plain = answer.strip()
    folded = [text.strip().casefold() for text in texts or []]
    bare = plain.strip("()[]{}*\"'`.,:; ")
    if len(bare) == 1 and bare.upper() in letters:
        return bare.upper()
    if (whole := plain.strip(".\"'` ").casefold()) in folded:
        return letters[folded.index(whole)]
    one = f"[{letters}]"
    wrapped = _WRAPPED.format(letters=one)
    stated = re.findall(rf"(?i:{_SAID}){wrapped}|\\boxed\{{\s*(?:\\text\{{)?({one})", answer)
    if stated:
        return str(stated[-1][0] or stated[-1][1])
    if found := re.match(rf"[\(\[\*]*({one})(?:[\)\].:*]|\s*[-\n])", plain):
        return found[1]
    named = {letters[at] for at, text in enumerate(folded) if text and _stands_in(text, answer.casefold())}
    if len(named) == 1:
        return named.pop()
    # "A" and "I" are words: as the only capital they must be wrapped, as in (A).
    alone = set(re.findall(rf"(?<![A-Za-z0-9'])({one})(?![A-Za-z0-9]|'[A-Za-z])", answer))
    certain = (
        alone if len(plain) < 12 else {letter for letter in alone if letter not in "AI" or f"({letter})" in answer}
    )
    return certain.pop() if len(certain) == 1 and alone == certain else None


def _stands_in(text: str, answer: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", answer) is not None


def _letter_of(expected: Any, letters: str, texts: list[str] | None) -> str:
    if isinstance(expected, int) and not isinstance(expected, bool) and 0 <= expected < len(letters):
        return letters[expected]
    plain = str(expected).strip()
    folded = [text.strip().casefold() for text in texts or []]
    if plain.casefold() in folded:
        return letters[folded.index(plain.casefold())]
    bare = plain.strip("()[]. ").upper()
    if len(bare) == 1 and bare in letters:
        return bare
    raise InputError(
        f"The expected choice {expected!r} is none of {', '.join(letters)}.",
        remedy="Give its letter, its position from 0 on, or its text.",
        field="expected",
    )
