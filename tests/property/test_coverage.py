"""Simulated coverage: queues that stop, skips, disagreeing reviewers, policies that change.

The scenarios are those of benchmarks/coverage.py. Nominal 90 %. With R repetitions the share covered has the standard
error sqrt(.09 / R): the bounds below are four of them, so that a sound estimator fails about once in 15,000 runs of the
suite; seeds are fixed besides.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import coverage

QUICK, SOAK = 200, 5_000
SHORT = [
    "stopped at 60 %",
    "uniform draw (PPI++), stopped",
    "policy changed by labels: waves",
    "repetitions, clustered",
    "small: 20 uniform of 100",
]


@pytest.mark.parametrize("name", SHORT)
def test_the_interval_covers_as_often_as_it_says(name: str) -> None:
    found, _ = coverage.coverage(coverage.EXACT[name], QUICK)
    slack = 4 * math.sqrt(coverage.LEVEL * (1 - coverage.LEVEL) / QUICK)
    assert coverage.LEVEL - slack <= found <= coverage.LEVEL + slack, f"covers {found:.3f} of {QUICK}"


@pytest.mark.soak
@pytest.mark.parametrize("name", coverage.EXACT)
def test_the_interval_covers_as_often_as_it_says_in_many_repetitions(name: str) -> None:
    found, _ = coverage.coverage(coverage.EXACT[name], SOAK)
    assert 0.88 <= found <= 0.92, f"covers {found:.4f}"


@pytest.mark.parametrize("repetitions", [QUICK, pytest.param(SOAK, marks=pytest.mark.soak)])
def test_skips_widen_the_interval_instead_of_breaking_it(repetitions: int) -> None:
    for scenario in coverage.AT_LEAST.values():
        assert coverage.coverage(scenario, repetitions)[0] >= coverage.LEVEL


@pytest.mark.parametrize("name", coverage.CONTROLS)
def test_the_simulation_sees_what_is_wrong(name: str) -> None:
    assert coverage.coverage(coverage.CONTROLS[name], QUICK)[0] < 0.75


@pytest.mark.parametrize("uncertain", [False, True])
def test_a_judge_saves_six_labels_in_ten(uncertain: bool) -> None:
    rng = np.random.default_rng(3)
    assert np.mean([coverage.labels_saved(rng, uncertain=uncertain) for _ in range(25)]) < 0.4
