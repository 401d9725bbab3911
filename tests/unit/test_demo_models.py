"""The demo's data and models are real: the classifier learns, the judge tells right from wrong."""

import numpy as np
import pytest

from weft.demo import corpus
from weft.demo.classifier import Classifier, features
from weft.demo.judge import AnswerJudge


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return corpus.examples()


@pytest.fixture(scope="module")
def model(rows: list[dict[str, str]]) -> Classifier:
    train = [row for row in rows if row["split"] == "train"]
    model = Classifier(sorted({row["module"] for row in rows}))
    steps = list(model.train([row["description"] for row in train], [row["module"] for row in train], epochs=8))
    assert steps[-1].loss < steps[0].loss / 2
    return model


def test_the_corpus_is_a_few_thousand_distinct_descriptions_in_three_splits(rows: list[dict[str, str]]) -> None:
    assert 2000 < len(rows) < 8000
    assert len({row["id"] for row in rows}) == len({row["description"] for row in rows}) == len(rows)
    sizes = {split: sum(row["split"] == split for row in rows) for split in ("train", "judge", "test")}
    assert sizes["train"] > sizes["judge"] > sizes["test"] > 200


def test_the_classifier_is_far_better_than_the_commonest_class(rows: list[dict[str, str]], model: Classifier) -> None:
    test = [row for row in rows if row["split"] == "test"]
    right = [model.predict(row["description"])[0] == row["module"] for row in test]
    assert np.mean(right) > 0.35


def test_probabilities_sum_to_one_and_unknown_text_is_answered(model: Classifier) -> None:
    shares = model.probabilities(["parse an XML document", "", "\x00\ud800 zzz"])
    assert shares.shape == (3, len(model.classes))
    assert np.allclose(shares.sum(axis=1), 1.0, atol=1e-5)


def test_a_model_comes_back_from_its_file(model: Classifier) -> None:
    again = Classifier.from_bytes(model.to_bytes())
    text = "Open a socket and listen for connections."
    assert again.predict(text)[0] == model.predict(text)[0]


def test_features_are_the_same_on_every_machine() -> None:
    assert features("abc", 8192).tolist() == [450, 1357, 1820, 6570]


def test_the_judge_ranks_right_answers_above_wrong_ones_unseen(rows: list[dict[str, str]], model: Classifier) -> None:
    def asked(split: str) -> tuple[list[str], list[str], list[str]]:
        chosen = [row for row in rows if row["split"] == split]
        questions = [row["description"] for row in chosen]
        best = model.probabilities(questions).argmax(axis=1)
        return questions, [model.classes[i] for i in best], [row["module"] for row in chosen]

    judge = AnswerJudge.fit(*asked("judge"))
    questions, answers, truths = asked("test")
    confidence = np.array([judge.confidence(q, a) for q, a in zip(questions, answers, strict=True)])
    right = np.array([a == t for a, t in zip(answers, truths, strict=True)])
    pairs = confidence[right][:, None] - confidence[~right][None, :]
    assert (pairs > 0).mean() > 0.6
