"""Ranked retrieval against published examples and scikit-learn."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from weft.errors import InputError
from weft.records import Span
from weft.scorers import (
    AveragePrecision,
    HitRate,
    Ndcg,
    ReciprocalRank,
    RetrievalPrecision,
    RetrievalRecall,
    SampleTrace,
)
from weft.scorers.binding import bind
from weft.scorers.retrieval import documents_of

# Manning, Raghavan and Schütze, exercise 8.8: R N R N N N N N R R, four relevant ones; average precision 0.6 (1 + 2/3 +
# 3/9 + 4/10) / 4.
RANKED = ["r1", "n1", "r2", "n2", "n3", "n4", "n5", "n6", "r3", "r4"]
RELEVANT = ["r1", "r2", "r3", "r4"]


def test_the_exercise_of_manning() -> None:
    assert AveragePrecision().score(RANKED, RELEVANT) == pytest.approx((1 + 2 / 3 + 3 / 9 + 4 / 10) / 4)
    assert RetrievalPrecision().score(RANKED, RELEVANT) == 0.4
    assert RetrievalPrecision(k=3).score(RANKED, RELEVANT) == pytest.approx(2 / 3)
    assert RetrievalPrecision(k=20).score(RANKED, RELEVANT) == 0.2  # empty places count, as in trec_eval
    assert RetrievalRecall(k=3).score(RANKED, RELEVANT) == 0.5
    assert RetrievalRecall().score(RANKED, RELEVANT) == 1
    assert AveragePrecision(k=3).score(RANKED, RELEVANT) == pytest.approx((1 + 2 / 3) / 3)


@pytest.mark.parametrize(
    ("ranked", "relevant", "rank"),
    [  # the example of Voorhees's measure: cats, tori, viruses
        (["catten", "cati", "cats"], "cats", 1 / 3),
        (["torii", "tori", "toruses"], "tori", 1 / 2),
        (["viruses", "virii", "viri"], "viruses", 1),
        (["a"], "b", 0),
    ],
)
def test_reciprocal_rank(ranked: list[str], relevant: str, rank: float) -> None:
    assert ReciprocalRank().score(ranked, relevant) == pytest.approx(rank)
    assert ReciprocalRank(k=1).score(ranked, relevant) == (1 if rank == 1 else 0)
    assert HitRate().score(ranked, relevant) == (rank > 0)


def test_ndcg_of_the_textbook() -> None:
    # Six documents graded 3, 2, 3, 0, 1, 2 in the order retrieved, two more graded 3 and 2 not found: DCG 6.861,
    # ideal 8.740, NDCG 0.785.
    grades = {"d1": 3, "d2": 2, "d3": 3, "d4": 0, "d5": 1, "d6": 2, "d7": 3, "d8": 2}
    ranked = ["d1", "d2", "d3", "d4", "d5", "d6"]
    assert Ndcg(k=6).score(ranked, grades) == pytest.approx(0.785, abs=5e-4)
    assert Ndcg(k=6)._dcg([3, 2, 3, 0, 1, 2]) == pytest.approx(6.861, abs=5e-4)
    # Järvelin and Kekäläinen's gain on the grades 3, 2, 3, 0, 0, 1 ... is linear; Burges's is exponential.
    assert Ndcg(gain="exponential")._dcg([3, 2]) == pytest.approx(7 + 3 / 1.584963, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_scikit_learn(seed: int) -> None:
    chance = random.Random(seed)
    grades = {f"d{n}": chance.choice([0, 0, 1, 2, 3]) for n in range(12)} | {"d0": 1}
    ranked = chance.sample(sorted(grades), 12)
    truth, scores = [grades[d] for d in ranked], [12 - at for at in range(12)]
    assert Ndcg(k=5).score(ranked, grades) == pytest.approx(ndcg_score([truth], [scores], k=5))
    assert Ndcg().score(ranked, grades) == pytest.approx(ndcg_score([truth], [scores]))
    hits = [int(grade > 0) for grade in truth]
    assert AveragePrecision().score(ranked, grades) == pytest.approx(average_precision_score(hits, scores))


@pytest.mark.parametrize(
    "output",
    [
        ["a", "b"],
        [{"id": "a"}, {"document_id": "b"}],
        {"documents": [{"id": "a", "content": "x"}, {"id": "b"}], "answer": "y"},
        {"results": [{"document": {"id": "a"}, "score": 0.9}, {"document": {"id": "b"}}]},
    ],
)
def test_documents_come_in_many_shapes(output: Any) -> None:
    assert [document.id for document in documents_of(output)] == ["a", "b"]
    assert ReciprocalRank().score(output, [{"id": "b"}]) == 0.5


def test_texts_of_documents_and_keys_of_ones_own() -> None:
    assert documents_of([{"page_content": "hello"}])[0] == ("hello", "hello")
    assert documents_of([{"nr": 7, "text": "t"}], id_key="nr")[0] == ("7", "t")
    assert RetrievalRecall(id_key="nr").score([{"nr": 7}], [7]) == 1
    with pytest.raises(InputError, match="A document has no 'nr'"):
        RetrievalRecall(id_key="nr").score([{"id": 7}], [7])
    with pytest.raises(InputError, match="The documents are a str, not a list"):
        RetrievalRecall().score("a b", ["a"])


def test_a_document_that_comes_twice_counts_once() -> None:
    assert RetrievalPrecision().score(["a", "a", "b"], ["a"]) == 0.5
    assert Ndcg().score(["a", "a"], ["a"]) == 1


def test_nothing_retrieved_and_nothing_relevant() -> None:
    assert RetrievalPrecision().score([], ["a"]) == 0
    assert RetrievalRecall().score([], ["a"]) == 0
    for scorer in (RetrievalRecall(), Ndcg(), ReciprocalRank(), AveragePrecision(), HitRate()):
        with pytest.raises(InputError, match="Nothing is relevant in 'expected'"):
            scorer.score(["a"], {"a": 0})
    with pytest.raises(InputError, match="A grade of 'expected' is negative"):
        Ndcg().score(["a"], {"a": -1})


def test_the_documents_of_the_trace() -> None:
    def span(number: int, kind: str, output: Any) -> Span:
        return Span("p", "0" * 32, f"{number:016x}", kind, number, end_ns=number + 1, kind=kind, output=output)

    trace = SampleTrace.of(
        [span(1, "retrieval", ["a", "b"]), span(2, "llm", "b"), span(3, "rerank", {"results": ["b"]})]
    )
    recall = RetrievalPrecision(of="trace")
    values = {"output": "text", "trace": trace, "expected": ["b"]}
    assert recall.function(**bind(recall.function, values, what="x").kwargs) == 1
    assert "trace" not in bind(RetrievalPrecision().function, values, what="x").kwargs
    with pytest.raises(InputError, match="No span of kind 'retrieval' in the trace"):
        recall.function(trace=SampleTrace(), expected=["b"])
