"""What a forest explains: shares that are known are found, whatever the settings look like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.statistics.forest import Feature, explain, numbers, with_absent


def uniform(places: np.ndarray, bins: int = 32) -> Feature:
    """Places in [0, 1) as a setting that is searched evenly."""
    return Feature((places * bins).astype(np.intp), np.full(bins, 1 / bins))


def test_shares_of_a_known_function_are_found() -> None:
    # Ishigami's function: of its variance x0 explains 31 % alone and 56 % in all, x1 44 %, x2 nothing alone and 24 %.
    places = np.random.default_rng(0).random((2000, 4))
    x = np.pi * (2 * places - 1)
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    found = explain([uniform(column) for column in places.T], y)
    assert found.alone == pytest.approx([0.314, 0.442, 0, 0], abs=0.09)
    assert found.together == pytest.approx([0.557, 0.442, 0.244, 0], abs=0.13)
    assert found.quality > 0.75
    assert found.together[3] < 0.02


def test_noise_is_said_to_be_noise() -> None:
    rng = np.random.default_rng(1)
    found = explain([uniform(column) for column in rng.random((6, 150))], rng.normal(size=150))
    assert found.quality < 0.05
    assert (found.low < 0.2).all()


def test_words_have_no_order_and_many_of_them_explain_nothing_by_chance() -> None:
    rng = np.random.default_rng(2)
    words = rng.integers(0, 12, 400)
    evenly = np.full(12, 1 / 12)
    told = explain([Feature(words, evenly, ordered=False), uniform(rng.random(400))], np.sin(words * 91.0))
    assert told.alone == pytest.approx([1, 0], abs=0.02)
    assert explain([Feature(words, evenly, ordered=False)], rng.normal(size=400)).quality < 0.02


def test_weights_are_of_the_space_not_of_the_rows() -> None:
    # Nine rows in ten lie where a makes a difference of 1, one in ten of the space does.
    rng = np.random.default_rng(3)
    a = np.where(rng.random(600) < 0.9, 9, rng.integers(0, 9, 600))
    b = rng.random(600)
    told = explain([Feature(a, np.full(10, 0.1)), uniform(b)], (a == 9) + b)
    assert told.alone == pytest.approx([0.09 / (0.09 + 1 / 12), (1 / 12) / (0.09 + 1 / 12)], abs=0.06)


def test_what_is_absent_is_a_place_of_its_own() -> None:
    there = np.array([True, False, True, True])
    feature = with_absent(numbers(np.array([1.0, 2.0, 2.0])), there)
    assert feature.codes.tolist() == [1, 0, 2, 2]
    assert feature.weights == pytest.approx([0.25, 0.25, 0.5])
    assert with_absent(feature, np.ones(4, bool)) is feature


def test_many_numbers_share_bins_that_hold_as_many() -> None:
    feature = numbers(np.random.default_rng(4).exponential(size=3200) ** 3)
    assert len(feature.weights) == 32
    assert feature.weights == pytest.approx(np.full(32, 1 / 32))


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(8, 60), st.floats(0.01, 1000), st.floats(-1000, 1000))
@settings(max_examples=6, deadline=None)
def test_shares_are_shares_and_do_not_know_units(seed: int, k: int, n: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    features = [uniform(column, 8) for column in rng.random((k, n))]
    y = rng.normal(size=n) + features[0].codes
    found, moved = explain(features, y), explain(features, scale * y + shift)
    assert ((found.low >= 0) & (found.low <= found.alone) & (found.alone <= found.high) & (found.high <= 1)).all()
    assert (found.alone <= found.together).all()
    assert float(found.alone.sum()) <= 1.3  # the variance of all is that of drawn points
    assert moved.alone == pytest.approx(found.alone, abs=1e-3)
    assert found.quality <= 1
