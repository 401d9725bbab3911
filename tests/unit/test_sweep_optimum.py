"""Bayes is worth its name: it finds a known optimum in at most half the trials that random needs."""

from __future__ import annotations

import statistics

from benchmarks.sweeps import trials_needed


def test_bayes_needs_at_most_half_the_trials_of_random() -> None:
    # Seeds are fixed and both samplers repeat themselves, so this comes out the same every time.
    needed = {method: [trials_needed(method, seed) for seed in range(8)] for method in ("bayes", "random")}
    assert statistics.median(needed["bayes"]) * 2 <= statistics.median(needed["random"])
    assert statistics.fmean(needed["bayes"]) * 2 <= statistics.fmean(needed["random"])
