"""A naive Bayes classifier, learned from the tickets that people have routed."""

import json
import math
from collections import Counter, defaultdict
from pathlib import Path

from router.words import features

TRAINING = Path(__file__).with_name("training.jsonl")
SMOOTHING = 0.5


class Router:
    """Learns from ``training.jsonl`` when it is made."""

    def __init__(self, path: Path = TRAINING) -> None:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self.tickets = Counter(row["team"] for row in rows)
        self.words: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            self.words[row["team"]].update(features(row["text"]))
        self.known = {word for counts in self.words.values() for word in counts}

    def predict(self, text: str) -> str:
        """The team that a ticket most likely belongs to."""
        words = [word for word in features(text) if word in self.known]
        return max(sorted(self.tickets), key=lambda team: self._likelihood(team, words))

    def _likelihood(self, team: str, words: list[str]) -> float:
        counts = self.words[team]
        total = counts.total() + SMOOTHING * len(self.known)
        prior = math.log(self.tickets[team] / self.tickets.total())
        return prior + sum(math.log((counts[word] + SMOOTHING) / total) for word in words)
