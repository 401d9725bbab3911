"""The offline judge: a second trained model that gives P(correct) of an answer without seeing the expected one.

It is fitted on the judge split, which the answering model never saw: one half of the split trains a
classifier of its own, the other half fits how often an answer is right, given what that classifier
thinks of it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.demo.classifier import Classifier

Doubles = NDArray[np.float64]


@dataclass(slots=True)
class AnswerJudge:
    """``coefficients`` (5,) float64 of a logistic regression over what ``second`` thinks of an answer."""

    second: Classifier
    coefficients: Doubles

    @classmethod
    def fit(
        cls, questions: Sequence[str], answers: Sequence[str], truths: Sequence[str], *, seed: int = 1
    ) -> AnswerJudge:
        """Fit on questions, the answers that a model gave, and the true classes, all of one length."""
        half = len(questions) // 2
        second = Classifier(sorted(set(truths) | set(answers)))
        for _ in second.train(questions[:half], truths[:half], epochs=12, seed=seed):
            pass
        judge = cls(second, np.zeros(5))
        inputs = judge._inputs(questions[half:], answers[half:])
        right = np.array([a == t for a, t in zip(answers[half:], truths[half:], strict=True)], dtype=np.float64)
        judge.coefficients = _logistic(inputs, right)
        return judge

    def confidence(self, question: str, answer: str) -> float:
        """P(the answer is correct), in (0, 1)."""
        return float(_sigmoid(self._inputs([question], [answer]) @ self.coefficients)[0])

    def to_bytes(self) -> bytes:
        """The judge as an ``.npz`` file: its classifier's file inside, and the coefficients."""
        out = io.BytesIO()
        np.savez(out, second=np.frombuffer(self.second.to_bytes(), dtype=np.uint8), coefficients=self.coefficients)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> AnswerJudge:
        """The judge that :meth:`to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(Classifier.from_bytes(arrays["second"].tobytes()), arrays["coefficients"])

    def _inputs(self, questions: Sequence[str], answers: Sequence[str]) -> Doubles:
        probabilities = self.second.probabilities(questions).astype(np.float64)
        index = {name: place for place, name in enumerate(self.second.classes)}
        of_answer = np.array(
            [
                row[index[answer]] if answer in index else 1e-6
                for row, answer in zip(probabilities, answers, strict=True)
            ]
        )
        best = probabilities.max(axis=1)
        named = [answer.lower() in question.lower() for question, answer in zip(questions, answers, strict=True)]
        return np.column_stack(
            [
                np.ones(len(answers)),
                np.log(of_answer + 1e-6),
                np.log(best + 1e-6),
                of_answer >= best,
                np.array(named, dtype=np.float64),
            ]
        )


def _sigmoid(x: Doubles) -> Doubles:
    result: Doubles = 1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0)))
    return result


def _logistic(inputs: Doubles, right: Doubles, *, ridge: float = 1.0, rounds: int = 25) -> Doubles:
    """Ridge logistic regression by Newton's method: inputs (n, k), right (n,) in {0, 1}; gives (k,)."""
    weights = np.zeros(inputs.shape[1])
    for _ in range(rounds):
        p = _sigmoid(inputs @ weights)
        gradient = inputs.T @ (p - right) + ridge * weights
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + ridge * np.eye(len(weights))
        weights -= np.linalg.solve(hessian, gradient)
    return weights
