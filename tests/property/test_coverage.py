"""Simulated coverage: queues that stop early, skips, disagreeing reviewers, policies that change.

Nominal 90 %. With R repetitions the share covered has the standard error sqrt(.09 / R): the bounds below are four of
them, so that a sound estimator fails about once in 15,000 runs of the suite; seeds are fixed besides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from weft import statistics as st

QUICK, SOAK = 300, 5_000
LEVEL = 0.9
N = 400


@dataclass(frozen=True)
class World:
    """A world in which the truth is 1 with probability ``truth(x)`` and the judge says f."""

    f: np.ndarray
    y: np.ndarray


def world(rng: np.random.Generator, n: int = N) -> World:
    """A judge that is informative, overconfident and biased upwards."""
    merit = rng.beta(1.6, 1.1, n)
    y = (rng.random(n) < merit).astype(float)
    f = np.clip(merit + 0.12 + rng.normal(0, 0.15, n), 0.01, 0.99)
    return World(f, y)


def target() -> float:
    """The mean of y over the population: E[Beta(1.6, 1.1)]."""
    return 1.6 / 2.7


def served(rng: np.random.Generator, p: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """u, and which units got a label when the queue stopped after ``share`` of those sent."""
    u = rng.random(p.size)
    order = np.argsort(u / p)
    sent = order[: int((u < p).sum())]
    labelled = np.zeros(p.size, dtype=bool)
    labelled[sent[: round(share * sent.size)]] = True
    return u, labelled


def covers(result: st.Estimate, truth: float) -> bool:
    assert result.low is not None
    assert result.high is not None
    return result.low <= truth <= result.high


def labels(y: np.ndarray, labelled: np.ndarray) -> list[float | None]:
    return [float(value) if has else None for value, has in zip(y, labelled, strict=True)]


def stopped(rng: np.random.Generator, tune: bool) -> bool:
    sample = world(rng)
    p = st.probabilities(sample.f.tolist(), 0.4, floor=0.1).p
    u, labelled = served(rng, p, 0.6)
    result = st.estimate_queue(sample.f, u, p, labels(sample.y, labelled), tune=tune, level=LEVEL)
    return covers(result, target())


def skipping(rng: np.random.Generator) -> bool:
    """Reviewers skip what is hard: more often where the answer is wrong."""
    sample = world(rng)
    p = st.probabilities(sample.f.tolist(), 0.4, floor=0.1).p
    u, served_now = served(rng, p, 0.7)
    skipped = served_now & (rng.random(N) < np.where(sample.y == 1, 0.02, 0.15))
    labelled = served_now & ~skipped
    result = st.estimate_queue(sample.f, u, p, labels(sample.y, labelled), unresolved=skipped, level=LEVEL)
    return covers(result, target())


def disagreeing(rng: np.random.Generator) -> bool:
    """A label is one reviewer's: right with probability .85. The target is the mean of what reviewers would say."""
    sample = world(rng)
    said = np.where(rng.random(N) < 0.85, sample.y, 1 - sample.y)
    p = st.probabilities(sample.f.tolist(), 0.4, floor=0.1).p
    u, labelled = served(rng, p, 0.6)
    result = st.estimate_queue(sample.f, u, p, labels(said, labelled), tune=True, level=LEVEL)
    return covers(result, 0.85 * target() + 0.15 * (1 - target()))


def changing(rng: np.random.Generator) -> bool:
    """The first wave's labels choose the second wave's budget; p is raised by another rule with the same U before."""
    waves = []
    budget = 0.3
    for _ in range(2):
        sample = world(rng, N // 2)
        p = st.probabilities(sample.f.tolist(), budget, floor=0.1).p
        p = st.strongest(p, np.where(sample.f > 0.9, 0.5, 0.0))
        u, labelled = served(rng, p, 0.7)
        waves.append(st.estimate_queue(sample.f, u, p, labels(sample.y, labelled), level=LEVEL))
        wrong = np.abs(sample.f - sample.y)[labelled].mean()
        budget = 0.6 if wrong > 0.35 else 0.3
    return covers(st.combine_waves(waves), target())


def most_ambiguous_first(rng: np.random.Generator) -> bool:
    """What must not be done: serve by ambiguity, stop early, and correct by p as if nothing had happened."""
    sample = world(rng)
    p = st.probabilities(sample.f.tolist(), 0.4, floor=0.1).p
    sent = np.flatnonzero(rng.random(N) < p)
    first = sent[np.argsort(np.abs(sample.f[sent] - 0.5))][: round(0.6 * sent.size)]
    x = np.zeros(N)
    x[first] = 1
    return covers(st.estimate(sample.f, p, x, sample.y, level=LEVEL), target())


SCENARIOS = {
    "stopped": lambda rng: stopped(rng, False),
    "stopped, tuned": lambda rng: stopped(rng, True),
    "disagreeing": disagreeing,
    "changing": changing,
}


def share(scenario: object, repetitions: int) -> float:
    assert callable(scenario)
    rng = np.random.default_rng(20261121)
    return sum(scenario(rng) for _ in range(repetitions)) / repetitions


def check(found: float, repetitions: int) -> None:
    slack = 4 * math.sqrt(LEVEL * (1 - LEVEL) / repetitions)
    assert LEVEL - slack <= found <= LEVEL + slack, f"covers {found:.3f} of {repetitions}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_interval_covers_as_often_as_it_says(name: str) -> None:
    check(share(SCENARIOS[name], QUICK), QUICK)


@pytest.mark.soak
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_interval_covers_as_often_as_it_says_in_many_repetitions(name: str) -> None:
    found = share(SCENARIOS[name], SOAK)
    print(f"{name}: {found:.4f}")
    assert 0.885 <= found <= 0.915


@pytest.mark.parametrize("repetitions", [QUICK, pytest.param(SOAK, marks=pytest.mark.soak)])
def test_skips_widen_the_interval_instead_of_breaking_it(repetitions: int) -> None:
    assert share(skipping, repetitions) >= LEVEL


def test_the_simulation_sees_what_is_wrong() -> None:
    assert share(most_ambiguous_first, QUICK) < 0.75
