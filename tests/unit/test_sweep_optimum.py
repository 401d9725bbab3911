"""Bayes is worth its name: it finds a known optimum in at most half the trials that random needs."""

from __future__ import annotations

import statistics

from benchmarks.sweep_search import BOWL, trials_needed

REACH = 0.01  # a ball around the optimum that holds less than half a percent of the space


def test_bayes_needs_at_most_half_the_trials_of_random() -> None:
    # Seeds are fixed and both samplers repeat themselves, so this comes out the same every time.
    needed = {m: [trials_needed(BOWL, m, seed, REACH) for seed in range(8)] for m in ("bayes", "random")}
    assert statistics.median(needed["bayes"]) * 2 <= statistics.median(needed["random"])
    assert statistics.fmean(needed["bayes"]) * 2 <= statistics.fmean(needed["random"])
