"""Scorers of retrieval: precision, recall, reciprocal rank, average precision and NDCG of ranked documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from weft.errors import InputError
from weft.scorers.base import Scorer
from weft.scorers.trace import SampleTrace

_ID_KEYS = ("id", "document_id", "doc_id", "_id", "document.id", "ref", "url", "source")
_TEXT_KEYS = ("content", "text", "page_content", "document.content", "body", "passage")
_LIST_KEYS = ("documents", "retrieved", "results", "contexts", "context", "hits", "matches", "source_documents")


class Document(NamedTuple):
    """A retrieved document: its id and its text, as far as either is known."""

    id: Any
    text: str


class _Ranked(Scorer):
    """What the scorers of this file share.

    The retrieved documents, best first, are the output: ids, texts, or dicts with an id under ``id_key`` (or id,
    document_id, url, ... by default); or, with ``of="trace"``, what the last span of kind ``retrieval`` or ``rerank``
    returned. ``expected`` says what is relevant: ids, or a dict of ids with grades (0 is irrelevant). A document that
    comes twice counts once. ``k`` looks at the first k only.
    """

    quick: ClassVar[bool] = True

    k: int | None = Field(None, ge=1)
    of: Literal["output", "trace"] = "output"
    id_key: str | None = None

    @property
    def function(self) -> Callable[..., Any]:
        """What is called to score: the trace is asked for only where it is wanted."""
        return self.score if self.of == "output" else self._score_trace

    def score(self, output: Any, expected: Any) -> float:
        """The figure of one list."""
        grades = relevant(expected)
        ranked = list(dict.fromkeys(document.id for document in documents_of(output, id_key=self.id_key)))
        return self.measure([grades.get(_plain(found), 0.0) for found in ranked], list(grades.values()))

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """The figure, from the grades in the order retrieved and those of all relevant documents."""
        raise InputError(f"The scorer {type(self).__name__} has no method 'measure'.", field=self.name)

    def _score_trace(self, trace: SampleTrace, expected: Any) -> float:
        return self.score(retrieved_in(trace), expected)


class RetrievalPrecision(_Ranked):
    """The share of the first ``k`` places that hold something relevant; places that stay empty count against it.

    Without ``k``, the share of what was retrieved. Source: Manning, Raghavan and Schütze 2008, chapter 8.
    """

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """Hits / k."""
        places = self.k or len(gains)
        return sum(gain > 0 for gain in gains[:places]) / places if places else 0.0


class RetrievalRecall(_Ranked):
    """The share of all relevant documents that is among the first ``k`` retrieved."""

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """Hits / relevant ones."""
        return sum(gain > 0 for gain in gains[: self.k]) / _some(grades)


class HitRate(_Ranked):
    """Whether anything relevant is among the first ``k`` retrieved."""

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """1 or 0."""
        _some(grades)
        return float(any(gain > 0 for gain in gains[: self.k]))


class ReciprocalRank(_Ranked):
    """1 / rank of the first relevant document, 0 without one; the mean over a dataset is the MRR (Voorhees 1999)."""

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """1 / rank."""
        _some(grades)
        return next((1 / rank for rank, gain in enumerate(gains[: self.k], start=1) if gain > 0), 0.0)


class AveragePrecision(_Ranked):
    """The mean over all relevant documents of the precision at their rank; the mean over a dataset is MAP.

    With ``k`` it is divided by the relevant documents that could be there, min(k, relevant).
    """

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """Average precision."""
        most = min(_some(grades), self.k or math.inf)
        return sum(_precisions(gains[: self.k])) / most


class Ndcg(_Ranked):
    """Normalised discounted cumulative gain: sum of gain / log2(rank + 1), over that of the best possible order.

    ``gain`` is ``linear`` (the grade; Järvelin and Kekäläinen 2002, as trec_eval and scikit-learn) or ``exponential``
    (2^grade - 1; Burges et al. 2005).
    """

    gain: Literal["linear", "exponential"] = "linear"

    def measure(self, gains: list[float], grades: list[float]) -> float:
        """NDCG at k, in [0, 1]."""
        _some(grades)
        best = self._dcg(sorted(grades, reverse=True))
        return self._dcg(gains) / best

    def _dcg(self, gains: list[float]) -> float:
        made = gains if self.gain == "linear" else [2**gain - 1 for gain in gains]
        return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(made[: self.k], start=1))


def documents_of(value: Any, *, id_key: str | None = None) -> list[Document]:
    """The documents in a retriever's answer: a list, or a dict that holds one. Raises InputError without one."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in _LIST_KEYS if isinstance(value.get(key), list)), value)
    if not isinstance(value, list | tuple):
        raise InputError(
            f"The documents are a {type(value).__name__}, not a list.",
            remedy="Return a list of ids, texts or dicts, or a dict with the key 'documents'.",
            field="output",
        )
    return [_document(item, id_key) for item in value]


def retrieved_in(trace: SampleTrace) -> list[Any]:
    """What the last retriever or reranker of a trace returned. Raises InputError where there is none."""
    spans = [span for span in trace.spans if span.kind in ("retrieval", "rerank") and span.output is not None]
    if not spans:
        raise InputError("No span of kind 'retrieval' in the trace returned something.", field="trace")
    found = spans[-1].output
    return found if isinstance(found, list) else [found] if isinstance(found, str) else list(_list_in(found))


def _list_in(found: Any) -> list[Any]:
    return next((found[key] for key in _LIST_KEYS if isinstance(found.get(key), list)), [found])


def relevant(expected: Any) -> dict[Any, float]:
    """Grades above 0 by id: of ids, of documents, or of a dict with grades. Raises InputError for a negative grade."""
    if isinstance(expected, Mapping):
        grades = {_plain(key): float(value) for key, value in expected.items()}
        if any(grade < 0 or not math.isfinite(grade) for grade in grades.values()):
            raise InputError("A grade of 'expected' is negative or not finite.", field="expected")
        return {key: grade for key, grade in grades.items() if grade > 0}
    listed = expected if isinstance(expected, list | tuple | set | frozenset) else [expected]
    return {_plain(_document(item, None).id): 1.0 for item in listed if item is not None}


def _document(item: Any, id_key: str | None) -> Document:
    inner = item.get("document", item) if isinstance(item, Mapping) else item
    if isinstance(inner, Mapping):
        text = next((str(inner[key]) for key in _TEXT_KEYS if inner.get(key) is not None), "")
        keys = _ID_KEYS if id_key is None else (id_key,)
        found = next((inner[key] for key in keys if inner.get(key) is not None), None)
        if found is None and id_key is not None:
            raise InputError(f"A document has no {id_key!r}.", field="id_key")
        return Document(_plain(text if found is None else found), text or str(inner))
    return Document(_plain(item), str(item))


def _plain(value: Any) -> Any:
    """Ids as they compare: text; a JSON key is one."""
    return str(value)


def _precisions(gains: list[float]) -> list[float]:
    hits = 0
    found: list[float] = []
    for rank, gain in enumerate(gains, start=1):
        if gain > 0:
            hits += 1
            found.append(hits / rank)
    return found


def _some(grades: list[float]) -> int:
    if not grades:
        raise InputError("Nothing is relevant in 'expected': there is nothing to find.", field="expected")
    return len(grades)
