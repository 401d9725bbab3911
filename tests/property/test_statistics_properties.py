"""What must hold of the arithmetic whatever the numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs

from weft import statistics as st

SCORES = hs.floats(-1e6, 1e6)
UNIT = hs.floats(0, 1)


@given(hs.integers(1, 400).flatmap(lambda n: hs.tuples(hs.integers(0, n), hs.just(n))), hs.floats(0.5, 0.999))
def test_proportions_lie_in_their_intervals(case: tuple[int, int], level: float) -> None:
    k, n = case
    for low, high in (st.clopper_pearson(k, n, level), (st.wilson(k, n, level).low, st.wilson(k, n, level).high)):
        assert 0 <= low <= k / n <= high <= 1


@given(hs.floats(0.001, 0.999), hs.floats(0.5, 300), hs.floats(0.5, 300))
def test_quantiles_undo_cdfs(q: float, a: float, b: float) -> None:
    assert st.beta_cdf(st.beta_quantile(q, a, b), a, b) == pytest.approx(q, abs=1e-9)
    # t follows from the square root of a beta quantile: next to 0 it has half of a double's digits.
    assert st.t_cdf(st.t_quantile(q, a), a) == pytest.approx(q, abs=1e-7)
    assert st.normal_cdf(st.normal_quantile(q)) == pytest.approx(q, abs=1e-9)


@given(hs.lists(hs.one_of(hs.none(), SCORES), max_size=60))
def test_an_aggregate_accounts_for_every_score(values: list[float | None]) -> None:
    figure = st.aggregate(values)
    assert figure.n + figure.missing == len(values)
    assert figure.missing == sum(value is None for value in values)
    assert (figure.value is None) == (figure.n == 0)
    if figure.low is not None and figure.high is not None and figure.value is not None:
        slack = 1e-9 * (1 + abs(figure.value))
        assert figure.low - slack <= figure.value <= figure.high + slack
    else:
        assert figure.reason


@given(hs.lists(hs.tuples(SCORES, hs.integers(0, 4)), min_size=2, max_size=40))
def test_order_does_not_matter(pairs: list[tuple[float, int]]) -> None:
    one = st.aggregate([v for v, _ in pairs], clusters=[c for _, c in pairs])
    other = st.aggregate([v for v, _ in pairs[::-1]], clusters=[c for _, c in pairs[::-1]])
    assert one.n == other.n
    assert one.value == pytest.approx(other.value, rel=1e-6, abs=1e-6)
    assert one.reason == other.reason
    if one.se is not None:
        assert one.se == pytest.approx(other.se, rel=1e-6, abs=1e-3)


@given(hs.integers(0, 60), hs.integers(0, 60), hs.integers(0, 60))
def test_tango_is_antisymmetric(gained: int, lost: int, same: int) -> None:
    n = gained + lost + same
    if n < 1:
        return
    one, other = st.tango(gained, lost, n), st.tango(lost, gained, n)
    assert one.low == pytest.approx(-other.high, abs=1e-9)
    assert -1 <= one.low <= (gained - lost) / n <= one.high <= 1


@given(hs.lists(UNIT, max_size=12))
def test_holm_is_between_each_p_and_bonferroni(p: list[float]) -> None:
    for raw, adjusted in zip(p, st.holm(p), strict=True):
        assert raw <= adjusted <= min(1.0, raw * len(p)) + 1e-12 or adjusted == max(st.holm(p))


@given(
    hs.lists(hs.one_of(hs.none(), UNIT), min_size=1, max_size=80),
    hs.floats(0.02, 1),
    hs.floats(0.01, 1),
    hs.floats(0, 1),
)
def test_routing_keeps_floor_and_budget(f: list[float | None], budget: float, floor: float, mix: float) -> None:
    floor = min(floor, budget)
    routing = st.probabilities(f, budget, mix=mix, floor=floor)
    judged = np.array([value is not None for value in f])
    assert (routing.p[~judged] == 1).all()
    assert np.isfinite(routing.f).all()
    if judged.any():
        assert (routing.p[judged] >= floor).all()
        assert (routing.p <= 1).all()
        assert routing.p[judged].mean() <= budget + 1e-6


UNITS = hs.lists(hs.tuples(UNIT, hs.floats(0, 0.999), hs.floats(0.05, 1), hs.booleans()), min_size=1, max_size=60)


@given(UNITS)
def test_only_the_served_front_of_a_queue_counts(units: list[tuple[float, float, float, bool]]) -> None:
    _, u, p, has = (np.array(column) for column in zip(*units, strict=True))
    state = st.stopped_queue(u, p, has & (u < p))
    order = u / p
    waiting = order[(order < 1) & ~has]
    assert state.r == (waiting.min() if waiting.size else 1.0)
    assert (state.pi <= p).all()
    assert not (state.counted & ~has).any()
    assert (order[state.counted] < state.r).all()


def test_every_draw_together_is_unbiased() -> None:
    """Over all 2^6 outcomes of the draw, weighted by their probabilities, the estimate is the true mean exactly."""
    f, y = np.array([0.9, 0.2, 0.6, 0.4, 0.8, 0.1]), np.array([1, 0, 0, 1, 1, 0])
    p = st.probabilities(f.tolist(), 0.5, floor=0.1).p
    total = 0.0
    for draw in itertools.product([0, 1], repeat=6):
        x = np.array(draw)
        chance = float(np.prod(np.where(x == 1, p, 1 - p)))
        value = st.estimate(f, p, x, y).value
        assert value is not None
        total += chance * value
    assert total == pytest.approx(y.mean())
