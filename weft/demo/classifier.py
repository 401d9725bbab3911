"""A small text classifier: softmax regression over hashed words, word pairs and letter triples, in numpy."""

from __future__ import annotations

import io
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Work = Callable[[], tuple[float, float]]
_WORD = re.compile(r"[a-z]+|[0-9]+|[A-Z][a-z]*|[^\sA-Za-z0-9]")


@lru_cache(maxsize=16_384)
def features(text: str, buckets: int) -> NDArray[np.int64]:
    """The distinct hash buckets of a text, (n,) int64, sorted, read-only. zlib.crc32 is the hash, the same everywhere.

    They are kept: every epoch and model asks for those of the same texts.
    """
    words = [word.lower() for word in _WORD.findall(text)]
    grams = set(words)
    grams.update(f"{a} {b}" for a, b in itertools.pairwise(words))
    for word in set(words):
        padded = f"<{word}>"
        grams.update("#" + padded[i : i + 3] for i in range(len(padded) - 2))
    found = np.array(
        sorted({zlib.crc32(gram.encode("utf-8", "surrogatepass")) % buckets for gram in grams}), dtype=np.int64
    )
    found.flags.writeable = False
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """What one training step measured; ``accuracy`` is a share in [0, 1]."""

    step: int
    epoch: int
    loss: float
    accuracy: float


@dataclass(slots=True)
class Classifier:
    """``weights`` (buckets, classes), ``bias`` (classes,), ``rarity`` (buckets,): log inverse document frequency."""

    classes: list[str]
    buckets: int = 8192
    weights: Floats = field(init=False)
    bias: Floats = field(init=False)
    rarity: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.weights = np.zeros((self.buckets, len(self.classes)), dtype=np.float32)
        self.bias = np.zeros(len(self.classes), dtype=np.float32)
        self.rarity = np.ones(self.buckets, dtype=np.float32)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """P(class | text), (texts, classes); each row sums to 1."""
        return _softmax(self._matrix([features(text, self.buckets) for text in texts]) @ self.weights + self.bias)

    def predict(self, text: str) -> tuple[str, float]:
        """The likeliest class of a text and its probability."""
        row = self.probabilities([text])[0]
        best = int(row.argmax())
        return self.classes[best], float(row[best])

    def train(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        epochs: int = 14,
        batch: int = 128,
        learning_rate: float = 40.0,
        seed: int = 0,
        run_step: Callable[[Work], tuple[float, float]] = lambda work: work(),
    ) -> Iterator[Step]:
        """Fit by stochastic gradient descent; yields each step. ``run_step`` gets each step's work."""
        rows = [features(text, self.buckets) for text in texts]
        frequency = np.bincount(np.concatenate(rows), minlength=self.buckets)
        self.rarity = np.log((1 + len(rows)) / (1 + frequency)).astype(np.float32)
        index = {name: position for position, name in enumerate(self.classes)}
        targets = np.array([index[label] for label in labels])
        order = np.random.default_rng(seed)
        number = 0
        for epoch in range(epochs):
            shuffled = order.permutation(len(rows))
            for start in range(0, len(rows), batch):
                chosen = shuffled[start : start + batch]

                def work(chosen: NDArray[np.int64] = chosen) -> tuple[float, float]:
                    return self._update(self._matrix([rows[i] for i in chosen]), targets[chosen], learning_rate)

                loss, accuracy = run_step(work)
                yield Step(number, epoch, loss, accuracy)
                number += 1

    def _matrix(self, rows: Sequence[NDArray[np.int64]]) -> Floats:
        """The feature vectors, (rows, buckets), each of length 1."""
        matrix = np.zeros((len(rows), self.buckets), dtype=np.float32)
        for place, row in enumerate(rows):
            values = self.rarity[row]
            matrix[place, row] = values / max(float(np.linalg.norm(values)), 1e-9)
        return matrix

    def _update(self, matrix: Floats, targets: NDArray[np.int64], rate: float) -> tuple[float, float]:
        probabilities = _softmax(matrix @ self.weights + self.bias)
        places = np.arange(len(targets))
        loss = float(-np.log(probabilities[places, targets] + 1e-12).mean())
        accuracy = float((probabilities.argmax(axis=1) == targets).mean())
        probabilities[places, targets] -= 1.0
        error = probabilities / len(targets)
        self.weights -= rate * (matrix.T @ error)
        self.bias -= 0.05 * rate * error.sum(axis=0)
        return loss, accuracy

    def to_bytes(self) -> bytes:
        """The model as an ``.npz`` file, in half precision. It holds no pickled object."""
        out = io.BytesIO()
        np.savez_compressed(
            out,
            weights=self.weights.astype(np.float16),
            bias=self.bias,
            rarity=self.rarity,
            classes=np.frombuffer(json.dumps(self.classes).encode(), dtype=np.uint8),
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Classifier:
        """The model that :meth:`to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            model = cls(json.loads(arrays["classes"].tobytes()), buckets=int(arrays["weights"].shape[0]))
            model.weights = arrays["weights"].astype(np.float32)
            model.bias = arrays["bias"]
            model.rarity = arrays["rarity"]
        return model


def _softmax(logits: Floats) -> Floats:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return result
