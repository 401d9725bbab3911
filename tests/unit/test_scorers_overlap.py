"""BLEU and chrF as sacrebleu publishes them, ROUGE as rouge-score computes it and Lin's paper shows it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import sacrebleu

from weft.errors import InputError, MissingExtraError
from weft.records import Failure
from weft.scorers import Bleu, Chrf, CorpusBleu, Rouge, Row

# The example of sacrebleu's README: BLEU = 48.53, chrF2 = 59.73.
HYPOTHESES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]


def row(n: int, output: Any, expected: Any, **more: Any) -> Row:
    return Row({"expected": expected}, output, example_id=f"e{n}", **more)


def test_corpus_bleu_is_that_of_sacrebleus_readme() -> None:
    scorer = CorpusBleu()
    kept = [scorer.keep(row(n, *pair)) for n, pair in enumerate(zip(HYPOTHESES, REFERENCES, strict=True))]
    figure = scorer.score_all(kept)[""]
    assert round(100 * (figure.value or 0), 2) == 48.53
    assert (figure.n, figure.missing, figure.low) == (3, 0, None)


def test_corpus_bleu_has_an_interval_and_counts_what_is_missing() -> None:
    scorer = CorpusBleu()
    rows = [row(n, HYPOTHESES[n % 3], REFERENCES[n % 3]) for n in range(30)]
    lost = row(30, None, REFERENCES[0], failure=Failure("TimeoutError", "late"))
    figure = scorer.score_all([scorer.keep(each) for each in [*rows, lost]], level=0.9)[""]
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value < figure.high
    assert (figure.n, figure.missing, figure.method, figure.level) == (30, 1, "bootstrap", 0.9)
    again = scorer.score_all([scorer.keep(each) for each in [*rows, lost]], level=0.9)[""]
    assert again == figure
    assert scorer.score_all([scorer.keep(lost)])[""].reason == "no sample got a score"


@pytest.mark.parametrize(("hypothesis", "references"), list(zip(HYPOTHESES, REFERENCES, strict=True)))
def test_sentence_scores_are_sacrebleus(hypothesis: str, references: list[str]) -> None:
    expected = sacrebleu.sentence_bleu(hypothesis, references).score / 100
    assert Bleu().score(hypothesis, references) == pytest.approx(expected)
    expected = sacrebleu.sentence_chrf(hypothesis, references).score / 100
    assert Chrf().score(hypothesis, references) == pytest.approx(expected)
    expected = sacrebleu.sentence_chrf(hypothesis, references, word_order=2).score / 100
    assert Chrf(words=2).score(hypothesis, references) == pytest.approx(expected)


def test_bleu_at_its_edges() -> None:
    assert Bleu().score("The dog bit the man.", "The dog bit the man.") == pytest.approx(1)
    assert Bleu().score("", "The dog.") == 0
    assert Bleu(lowercase=True).score("THE DOG BIT IT", "the dog bit it") == pytest.approx(1)
    assert Bleu(tokenize="char").score("狗咬人", "狗咬了人") > Bleu().score("狗咬人", "狗咬了人")
    with pytest.raises(InputError, match="The reference 'expected' is None"):
        Bleu().score("x", None)


def test_bleu_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'weft\[metrics\]'"):
        Bleu().score("x", "x")


# (precision, recall, F1) of rouge-score 0.1.2 without its stemmer. The two of the police are those of Lin 2004, 3.1;
# those of w1 to w9 are its example of the union of common subsequences, with a sentence more.
CASES: list[tuple[str, str, dict[str, tuple[float, float, float]]]] = [
    (
        "the quick brown dog jumps on the log.",
        "the quick brown fox jumps over the lazy dog",
        {"rouge1": (0.75, 2 / 3, 0.705882), "rouge2": (2 / 7, 0.25, 4 / 15), "rougeL": (0.625, 5 / 9, 10 / 17)},
    ),
    ("police kill the gunman", "police killed the gunman", {"rouge2": (1 / 3,) * 3, "rougeL": (0.75, 0.75, 0.75)}),
    ("the gunman kill police", "police killed the gunman", {"rouge2": (1 / 3,) * 3, "rougeL": (0.5, 0.5, 0.5)}),
    ("testing one two", "testing", {"rouge1": (1 / 3, 1, 0.5), "rouge2": (0, 0, 0), "rougeLsum": (1 / 3, 1, 0.5)}),
    (
        "w1 w3 w4\nw1 w2 w5\nw3 w8",
        "w1 w2 w3 w4 w5\nw1 w3 w8 w9 w5\nw2 w1 w5",
        {"rouge1": (1, 0.615385, 0.761905), "rougeL": (0.75, 0.461538, 0.571429), "rougeLsum": (1, 0.615385, 0.761905)},
    ),
    (
        "to be or not to be\nthat is the question",
        "the question is whether to be\nor not to be",
        {"rouge1": (0.9, 0.9, 0.9), "rouge2": (2 / 3,) * 3, "rougeL": (0.6, 0.6, 0.6), "rougeLsum": (0.8, 0.8, 0.8)},
    ),
    ("Zürich liegt am See", "Der See bei Zürich", {"rouge1": (0.6, 0.6, 0.6), "rouge2": (0.25, 0.25, 0.25)}),
    ("a a a b", "a b b", {"rouge1": (0.5, 2 / 3, 4 / 7), "rouge2": (1 / 3, 0.5, 0.4), "rougeL": (0.5, 2 / 3, 4 / 7)}),
    ("", "a b", {"rouge1": (0, 0, 0), "rougeL": (0, 0, 0), "rougeLsum": (0, 0, 0)}),
    ("a b", "", {"rouge1": (0, 0, 0), "rouge2": (0, 0, 0), "rougeLsum": (0, 0, 0)}),
]


@pytest.mark.parametrize(("output", "expected", "wanted"), CASES)
def test_rouge_is_that_of_rouge_score(output: str, expected: str, wanted: dict[str, Any]) -> None:
    for at, measure in enumerate(("precision", "recall", "f1")):
        found = Rouge(types=tuple(wanted), measure=measure).score(output, expected)
        assert found == pytest.approx({kind: figures[at] for kind, figures in wanted.items()}, abs=1e-6)


def test_rouge_of_several_references_and_other_scripts() -> None:
    assert Rouge(types=("rouge1",)).score("a cat", ["a dog ran off", "a cat"]) == {"rouge1": 1.0}
    assert Rouge(types=("rouge1",)).score("кошка спит", "кошка спит") == {"rouge1": 0.0}
    assert Rouge(types=("rouge1",), words="any").score("кошка спит", "кошка спит") == {"rouge1": 1.0}


def test_corpus_bleu_gives_no_advice(caplog: pytest.LogCaptureFixture) -> None:
    CorpusBleu().keep(row(0, HYPOTHESES[0], REFERENCES[0]))
    assert caplog.text == ""
