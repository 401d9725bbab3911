"""Scorers of translations and summaries: BLEU and chrF (by sacrebleu), ROUGE."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field, PrivateAttr
from rapidfuzz.distance import LCSseq

from weft.errors import InputError, MissingExtraError
from weft.scorers.base import Scorer
from weft.scorers.dataset import DatasetScorer, Row
from weft.scorers.resampling import Counts, resampled
from weft.scorers.text import answers, overlap
from weft.statistics import Aggregate

_ENGLISH = re.compile("[a-z0-9]+")
_ANY = re.compile(r"\w+")
Tokenizer = Literal["13a", "intl", "zh", "char", "none"]
Kind = Literal["rouge1", "rouge2", "rougeL", "rougeLsum"]


class Bleu(Scorer):
    """BLEU of one answer against ``expected`` (a text, or a list of references), in [0, 1]: sacrebleu's over 100.

    Sentence BLEU with the effective order and exponential smoothing, as ``sacrebleu.sentence_bleu``. Its mean over a
    dataset is not the BLEU of the dataset: that is :class:`CorpusBleu`. Source: Papineni et al. 2002; Post 2018. Needs
    ``weft[metrics]``.
    """

    quick: ClassVar[bool] = True

    lowercase: bool = False
    tokenize: Tokenizer = "13a"

    _metric: Any = PrivateAttr(None)

    def score(self, output: Any, expected: Any) -> float:
        """1 for an answer that is a reference, 0 where no word is shared."""
        if self._metric is None:
            self._metric = _sacrebleu().BLEU(lowercase=self.lowercase, tokenize=self.tokenize, effective_order=True)
        return _unit(self._metric.sentence_score(str(output), _texts(expected)).score)


class Chrf(Scorer):
    """chrF of one answer against ``expected`` (a text, or a list of references), in [0, 1]: sacrebleu's over 100.

    F2 of character n-grams up to 6; ``words=2`` is chrF++. Source: Popović 2015, 2017. Needs ``weft[metrics]``.
    """

    quick: ClassVar[bool] = True

    words: int = Field(0, ge=0, le=6)
    lowercase: bool = False

    _metric: Any = PrivateAttr(None)

    def score(self, output: Any, expected: Any) -> float:
        """1 for an answer that is a reference, 0 where no character is shared."""
        if self._metric is None:
            self._metric = _sacrebleu().CHRF(word_order=self.words, lowercase=self.lowercase)
        return _unit(self._metric.sentence_score(str(output), _texts(expected)).score)


class CorpusBleu(DatasetScorer):
    """BLEU of all answers together, in [0, 1]: ``sacrebleu.corpus_bleu`` over 100, with a bootstrap interval.

    ``expected`` is a text or a list of references. Samples that failed are missing, not empty. Needs ``weft[metrics]``.
    """

    lowercase: bool = False
    tokenize: Tokenizer = "13a"

    _metric: Any = PrivateAttr(None)

    def keep(self, row: Row) -> tuple[str, dict[int, float] | None]:
        """The counts of n-grams that match and that there are, and both lengths."""
        if row.failure is not None:
            return row.cluster or row.example_id, None
        if self._metric is None:
            self._metric = _sacrebleu().BLEU(lowercase=self.lowercase, tokenize=self.tokenize)
        # As a corpus of one: of a sentence it would advise another setting, which sums do not have.
        found = self._metric.corpus_score([str(row.output)], [[text] for text in _texts(row.expected)])
        numbers = (*found.counts, *found.totals, found.sys_len, found.ref_len)
        return row.cluster or row.example_id, dict(enumerate(numbers))

    def score_all(self, kept: Sequence[Any], *, level: float = 0.95) -> Mapping[str, Aggregate]:
        """One figure."""
        present = [(unit, counts) for unit, counts in kept if counts is not None]
        return resampled(present, _bleu, missing=len(kept) - len(present), level=level)


def _bleu(sums: Counts) -> dict[str, float | None]:
    if not sums:
        return {"": None}
    whole = [round(sums[at]) for at in range(10)]
    return {"": _unit(_sacrebleu().BLEU.compute_bleu(whole[:4], whole[4:8], whole[8], whole[9]).score)}


class _Found(NamedTuple):
    precision: float
    recall: float
    f1: float


class Rouge(Scorer):
    """ROUGE of one answer against ``expected`` (a text, or a list of references), in [0, 1].

    ``types``: ``rouge1`` and ``rouge2`` (words and pairs), ``rougeL`` (longest common subsequence), ``rougeLsum`` (the
    same by sentences, one a line). ``measure`` is F1, precision or recall; of several references the best F1 counts.
    Agrees with the package rouge-score 0.1.2 without its stemmer; ``words="any"`` keeps words of every script, where
    rouge-score keeps only a-z and 0-9. Source: Lin 2004.
    """

    types: tuple[Kind, ...] = Field(("rouge1", "rouge2", "rougeL"), min_length=1)
    measure: Literal["f1", "precision", "recall"] = "f1"
    words: Literal["english", "any"] = "english"

    def score(self, output: Any, expected: Any) -> dict[str, float]:
        """One score a type."""
        found: dict[str, float] = {}
        for kind in self.types:
            best = max((self._one(kind, str(output), text) for text in _texts(expected)), key=lambda made: made.f1)
            found[kind] = float(getattr(best, self.measure))
        return found

    def _one(self, kind: str, output: str, expected: str) -> _Found:
        if kind == "rougeLsum":
            return _summary(
                [self._words(t) for t in output.split("\n")], [self._words(t) for t in expected.split("\n")]
            )
        given, wanted = self._words(output), self._words(expected)
        if not given or not wanted:
            return _Found(0.0, 0.0, 0.0)
        if kind == "rougeL":
            return _found(LCSseq.similarity(given, wanted), len(given), len(wanted))
        n = int(kind.removeprefix("rouge"))
        left, right = _grams(given, n), _grams(wanted, n)
        return _Found(*overlap(left, right)) if left and right else _Found(0.0, 0.0, 0.0)

    def _words(self, text: str) -> list[str]:
        return (_ENGLISH if self.words == "english" else _ANY).findall(text.lower())


def _grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def _found(shared: float, given: int, wanted: int) -> _Found:
    if not shared:
        return _Found(0.0, 0.0, 0.0)
    precision, recall = shared / given, shared / wanted
    return _Found(precision, recall, 2 * precision * recall / (precision + recall))


def _summary(given: list[list[str]], wanted: list[list[str]]) -> _Found:
    """ROUGE-Lsum: of each wanted sentence its common subsequences with all given ones; no word counts twice."""
    given, wanted = [s for s in given if s], [s for s in wanted if s]
    left, right = Counter(word for s in given for word in s), Counter(word for s in wanted for word in s)
    sizes = left.total(), right.total()
    hits = 0
    for sentence in wanted:
        places = sorted(set().union(*(_common(sentence, other) for other in given)))
        for place in places:
            word = sentence[place]
            if left[word] > 0 and right[word] > 0:
                left[word] -= 1
                right[word] -= 1
                hits += 1
    return _found(hits, *sizes)


def _common(wanted: list[str], given: list[str]) -> set[int]:
    """The places in ``wanted`` of a longest common subsequence, walked back as rouge-score does."""
    table = [[0] * (len(given) + 1) for _ in range(len(wanted) + 1)]
    for i, left in enumerate(wanted, start=1):
        for j, right in enumerate(given, start=1):
            table[i][j] = table[i - 1][j - 1] + 1 if left == right else max(table[i - 1][j], table[i][j - 1])
    places: set[int] = set()
    i, j = len(wanted), len(given)
    while i and j:
        if wanted[i - 1] == given[j - 1]:
            places.add(i - 1)
            i, j = i - 1, j - 1
        elif table[i][j - 1] > table[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places


def _texts(expected: Any) -> list[str]:
    found = answers(expected)
    if any(text is None for text in found):
        raise InputError("The reference 'expected' is None.", field="expected")
    return [str(text) for text in found]


def _unit(score: float) -> float:
    return min(max(float(score) / 100, 0.0), 1.0)


def _sacrebleu() -> Any:
    try:
        from sacrebleu import metrics  # noqa: PLC0415 - optional: only BLEU and chrF need it
    except ImportError:
        raise MissingExtraError("sacrebleu", "metrics") from None
    return metrics
