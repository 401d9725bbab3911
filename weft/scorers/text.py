"""Scorers of text: equal, contained, matching, near."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator
from rapidfuzz.distance import Levenshtein

from weft.errors import InputError
from weft.scorers.base import Scorer, ScoreValue

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


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
    """Whether the output equals ``expected``; where either is text, their texts are compared.

    A list of ``expected`` holds the answers that are accepted, where the output is a text. ``squad`` compares without
    case, punctuation and articles, as the exact match of SQuAD does (Rajpurkar et al. 2016).
    """

    squad: bool = False

    def plain(self, value: Any) -> str:
        """The text that is compared."""
        return squad_normal(str(value)) if self.squad else super().plain(value)

    def score(self, output: Any, expected: Any) -> bool:
        """True where they are equal."""
        if isinstance(output, str) or isinstance(expected, str):
            return any(self.plain(output) == self.plain(answer) for answer in answers(expected))
        return bool(output == expected)


class Contains(_Text):
    """Whether the output holds ``text``, or ``expected`` where no text is set."""

    text: str | None = None

    def score(self, output: Any, example: dict[str, Any]) -> bool:
        """True where it is in there."""
        wanted = _expected_in(example, "Contains") if self.text is None else self.text
        return self.plain(wanted) in self.plain(output)


class _Several(_Text):
    texts: list[str] | None = Field(None, min_length=1)

    def split(self, output: Any, example: dict[str, Any]) -> tuple[list[str], list[str]]:
        """Those of the texts that the output holds, and those that it does not."""
        given = _expected_in(example, type(self).__name__) if self.texts is None else self.texts
        plain = self.plain(output)
        wanted = [str(text) for text in answers(given)]
        return [w for w in wanted if self.plain(w) in plain], [w for w in wanted if self.plain(w) not in plain]


class ContainsAny(_Several):
    """Whether the output holds at least one of ``texts``, or of the list ``expected`` where none are set."""

    def score(self, output: Any, example: dict[str, Any]) -> ScoreValue:
        """1 where it does; the explanation names what was found."""
        found, _ = self.split(output, example)
        return ScoreValue(float(bool(found)), explanation=f"found: {', '.join(found)}" if found else "none was found")


class ContainsAll(_Several):
    """Whether the output holds all of ``texts``, or of the list ``expected`` where none are set."""

    def score(self, output: Any, example: dict[str, Any]) -> ScoreValue:
        """1 where it does; the explanation names what is missing."""
        _, missing = self.split(output, example)
        return ScoreValue(float(not missing), explanation=f"missing: {', '.join(missing)}" if missing else None)


class StartsWith(_Text):
    """Whether the output begins with ``text``, or with ``expected`` where no text is set."""

    text: str | None = None

    def score(self, output: Any, example: dict[str, Any]) -> bool:
        """True where it does."""
        wanted = _expected_in(example, "StartsWith") if self.text is None else self.text
        return self.plain(output).startswith(self.plain(wanted))


class EndsWith(_Text):
    """Whether the output ends with ``text``, or with ``expected`` where no text is set."""

    text: str | None = None

    def score(self, output: Any, example: dict[str, Any]) -> bool:
        """True where it does."""
        wanted = _expected_in(example, "EndsWith") if self.text is None else self.text
        return self.plain(output).endswith(self.plain(wanted))


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
    """How near the output is to ``expected``: 1 - Levenshtein distance / longer length, in [0, 1] (rapidfuzz).

    Of a list of accepted answers the nearest counts. ``unit="word"`` counts words that are edited, not characters:
    1 - word error rate, on the longer text.
    """

    unit: str = Field("character", pattern="^(character|word)$")

    def score(self, output: Any, expected: Any) -> float:
        """1 for equal texts, 0 for texts that share nothing."""
        given = self._units(output)
        return max(float(Levenshtein.normalized_similarity(given, self._units(text))) for text in answers(expected))

    def _units(self, value: Any) -> Sequence[str]:
        text = self.plain(value)
        return text.split() if self.unit == "word" else text


class TokenF1(Scorer):
    """Overlap of words with ``expected`` as in SQuAD: F1 of precision and recall over the bag of words, in [0, 1].

    Case, punctuation and the articles a, an, the do not count; of a list of accepted answers the best counts. The
    source is the evaluation of SQuAD 1.1 (Rajpurkar et al. 2016, arXiv 1606.05250); two empty texts agree, as in 2.0.
    """

    quick: ClassVar[bool] = True

    def score(self, output: Any, expected: Any) -> dict[str, float]:
        """``f1``, ``precision`` and ``recall``."""
        given = squad_normal(str(output)).split()
        best = max((overlap(given, squad_normal(str(text)).split()) for text in answers(expected)), key=lambda o: o[2])
        return {"f1": best[2], "precision": best[0], "recall": best[1]}


def overlap(given: Sequence[Any], wanted: Sequence[Any]) -> tuple[float, float, float]:
    """Precision, recall and F1 of two bags of things; 1 where both are empty, 0 where one is."""
    if not given or not wanted:
        same = float(not given and not wanted)
        return same, same, same
    shared = sum((Counter(given) & Counter(wanted)).values())
    precision, recall = shared / len(given), shared / len(wanted)
    return precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0


def squad_normal(text: str) -> str:
    """``text`` in lower case without punctuation, articles and runs of white space, as SQuAD compares it."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def answers(expected: Any) -> list[Any]:
    """The accepted answers: the items of a list, or the one thing. Raises InputError where the list is empty."""
    if not isinstance(expected, list | tuple):
        return [expected]
    if not expected:
        raise InputError("The list 'expected' is empty: no answer is accepted.", field="expected")
    return list(expected)


def _expected_in(example: dict[str, Any], scorer: str) -> Any:
    if "expected" not in example:
        raise InputError(f"{scorer} looks for 'expected', which the example does not have.", field="expected")
    return example["expected"]
