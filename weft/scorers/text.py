"""Scorers of text: equal, contained, matching, near."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import field_validator
from rapidfuzz.distance import Levenshtein

from weft.errors import InputError
from weft.scorers.base import Scorer


class _Text(Scorer):
    quick: ClassVar[bool] = True

    ignore_case: bool = False
    strip: bool = True

    def plain(self, value: Any) -> str:
        """The text that is compared."""
        text = str(value)
        text = text.strip() if self.strip else text
        return text.casefold() if self.ignore_case else text


class Exact(_Text):
    """Whether the output equals ``expected``; where either is text, their texts are compared."""

    def score(self, output: Any, expected: Any) -> bool:
        """True where they are equal."""
        if isinstance(output, str) or isinstance(expected, str):
            return self.plain(output) == self.plain(expected)
        return bool(output == expected)


class Contains(_Text):
    """Whether the output holds ``text``, or ``expected`` where no text is set."""

    text: str | None = None

    def score(self, output: Any, example: dict[str, Any]) -> bool:
        """True where it is in there."""
        if self.text is None and "expected" not in example:
            raise InputError("Contains looks for 'expected', which the example does not have.", field="expected")
        wanted = example["expected"] if self.text is None else self.text
        return self.plain(wanted) in self.plain(output)


class Regex(Scorer):
    """Whether ``pattern`` is found in the output; ``full`` asks that it matches all of it."""

    quick: ClassVar[bool] = True

    pattern: str
    full: bool = False
    ignore_case: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    def score(self, output: Any) -> bool:
        """True where it matches."""
        compiled = re.compile(self.pattern, re.IGNORECASE if self.ignore_case else 0)
        return (compiled.fullmatch if self.full else compiled.search)(str(output)) is not None


class EditDistance(_Text):
    """How near the output is to ``expected``: 1 - Levenshtein distance / longer length, in [0, 1]."""

    def score(self, output: Any, expected: Any) -> float:
        """1 for equal texts, 0 for texts that share nothing."""
        return float(Levenshtein.normalized_similarity(self.plain(output), self.plain(expected)))
