"""Active inference: the check value of the literature, stopped queues, waves, routing."""

from __future__ import annotations

import numpy as np
import pytest

from weft import statistics as st
from weft.errors import InputError

F = [0.9, 0.8, 0.2, 0.6, 0.4, 0.95, 0.1, 0.55, 0.3, 0.7]
Y = [1, 1, 0, 1, 0, 1, 0, 0, 1, 1]
X = [0, 1, 0, 1, 1, 0, 0, 1, 1, 0]


def test_the_check_value() -> None:
    routing = st.probabilities(F, 0.4, mix=0.5, floor=0.01)
    assert routing.p.tolist() == pytest.approx([0.28, 0.36, 0.36, 0.52, 0.52, 0.24, 0.28, 0.56, 0.44, 0.44])
    assert routing.expected == pytest.approx(4.0)
    result = st.estimate(F, routing.p, X, Y)
    assert (result.value, result.se) == pytest.approx((0.6664322, 0.2328545), abs=5e-8)
    assert (result.n, result.labelled, result.weight) == (10, 5, 1.0)
    tuned = st.estimate(F, routing.p, X, Y, tune=True)
    assert 0 <= tuned.weight <= 1
    assert st.estimate(F, np.ones(10), np.ones(10), Y, tune=True).value == pytest.approx(0.6)


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match=r"not in \(0, 1\]; such a case admits no correction"):
        st.estimate([0.5], [0.0], [1], [1])
    with pytest.raises(InputError, match="f, p, x and y have 2, 1, 1 and 1 values"):
        st.estimate([0.5, 0.5], [0.5], [1], [1])
    with pytest.raises(InputError, match="f and the labels must be finite"):
        st.estimate([0.5], [0.5], [1], [float("nan")])
    with pytest.raises(InputError, match="u, p and labelled have 2, 1 and 1 values"):
        st.stopped_queue([0.1, 0.2], [0.5], [True])
    assert st.estimate([], [], [], []).reason == "there are no cases"
    assert st.estimate([0.4], [0.5], [1], [1]).reason == "fewer than two labels give no interval"


def test_a_stopped_queue_counts_up_to_the_first_gap() -> None:
    u = np.array([0.05, 0.10, 0.20, 0.30, 0.90])
    p = np.full(5, 0.5)
    whole = st.stopped_queue(u, p, [True, True, True, True, False])
    assert whole.r == 1.0
    assert whole.pi.tolist() == p.tolist()
    assert whole.counted.tolist() == [True, True, True, True, False]
    stopped = st.stopped_queue(u, p, [True, True, False, True, False])
    assert stopped.r == pytest.approx(0.4)
    assert stopped.pi.tolist() == pytest.approx([0.2] * 5)
    assert stopped.counted.tolist() == [True, True, False, False, False]
    skipped = st.stopped_queue(u, p, [True, True, False, True, False], [False, False, True, False, False])
    assert skipped.counted.tolist() == [True, True, True, True, False]


def test_unresolved_cases_widen_the_interval() -> None:
    f, u, p = [0.5] * 6, [0.1, 0.2, 0.3, 0.4, 0.9, 0.95], [0.5] * 6
    y = [1.0, 0.0, None, 1.0, None, None]
    open_end = st.estimate_queue(f, u, p, y, unresolved=[False, False, True, False, False, False])
    low = st.estimate_queue(f, u, p, [1.0, 0.0, 0.0, 1.0, None, None])
    high = st.estimate_queue(f, u, p, [1.0, 0.0, 1.0, 1.0, None, None])
    assert (open_end.low, open_end.high) == (low.low, high.high)  # three labels and a stand-in: four labels' t
    assert (open_end.labelled, open_end.unresolved) == (3, 1)
    assert open_end.method == "active inference, worst case"
    assert low.unresolved == 0
    single = st.estimate_queue([0.5], [0.1], [0.5], [None], unresolved=[True])
    assert single.low is None


def test_no_labels_at_all_is_the_judge_alone_with_no_claim_to_precision() -> None:
    result = st.estimate_queue([0.2, 0.4, 0.9], [0.1, 0.2, 0.3], [0.5] * 3, [None, None, None])
    assert result.value is None
    assert result.reason == "no label counts yet"
    assert result.low is None


def test_waves_add_by_size() -> None:
    first = st.estimate(F, [0.5] * 10, X, Y)
    second = st.estimate(F + F, [0.5] * 20, X + X, Y + Y)
    both = st.combine_waves([first, second])
    assert first.value is not None
    assert second.value is not None
    assert first.se is not None
    assert second.se is not None
    assert both.value == pytest.approx(first.value / 3 + 2 * second.value / 3)
    assert both.se == pytest.approx(((first.se / 3) ** 2 + (2 * second.se / 3) ** 2) ** 0.5)
    assert both.method == "active inference, 2 waves"
    assert st.combine_waves([first]) is first
    assert st.combine_waves([]).reason == "there are no cases"
    single = st.estimate([0.4], [0.5], [1], [1])
    assert st.combine_waves([first, single]).reason == "a wave with too few labels gives no interval"
    empty = st.estimate_queue([0.4] * 2, [0.1] * 2, [0.5] * 2, [None] * 2)
    pending = st.combine_waves([first, empty])
    assert (pending.value, pending.reason) == (None, "in a wave no label counts yet")
    assert pending.n == 12


def test_waves_keep_worst_cases() -> None:
    f, u, p = [0.5] * 4, [0.1, 0.2, 0.3, 0.9], [0.5] * 4
    open_end = st.estimate_queue(f, u, p, [1.0, 0.0, None, None], unresolved=[False, False, True, False])
    plain = st.estimate(F, [0.5] * 10, X, Y)
    both = st.combine_waves([open_end, plain])
    assert both.unresolved == 1
    assert both.se is not None
    assert both.low is not None
    assert both.value is not None
    assert both.value - both.low > 1.96 * both.se


def test_a_failed_judge_is_always_sent() -> None:
    routing = st.probabilities([0.9, None, 0.5], 0.4)
    assert routing.p[1] == 1.0
    assert routing.f[1] == pytest.approx(0.7)
    lost = st.probabilities([None, None], 0.4)
    assert lost.p.tolist() == [1.0, 1.0]
    assert lost.f.tolist() == [0.5, 0.5]


def test_a_judge_without_doubt_gives_uniform_probabilities() -> None:
    assert st.probabilities([0, 1, 1, 0], 0.3).p.tolist() == [0.3] * 4


def test_budget_and_floor_hold_where_the_clip_binds() -> None:
    routing = st.probabilities([0.5] + [0.001] * 99, 0.3, mix=0.1, floor=0.1)
    assert routing.p.min() >= 0.1
    assert routing.p.max() <= 1
    assert routing.p.mean() == pytest.approx(0.3)
    assert st.probabilities([0.5] + [1.0] * 99, 0.3, mix=0.1, floor=0.1).p.tolist() == [1.0] + [0.1] * 99
    other = st.probabilities([12.0, 80.0], 0.5, uncertainty=[1.0, 3.0])
    assert other.p.tolist() == pytest.approx([0.375, 0.625])
    assert st.strongest([0.1, 0.6], [0.3, 0.2]).tolist() == [0.3, 0.6]


def test_wrong_routing_input_is_named() -> None:
    with pytest.raises(InputError, match=r"The audit floor is 0.5 and the budget 0.3. Use 0 < floor <= budget <= 1."):
        st.probabilities([0.5], 0.3, floor=0.5)
    with pytest.raises(InputError, match="mix is 2"):
        st.probabilities([0.5], 0.3, mix=2)
    with pytest.raises(InputError, match=r"not in \[0, 1\]. Scale the scores"):
        st.probabilities([5.0], 0.3)
    with pytest.raises(InputError, match="f and uncertainty must be finite"):
        st.probabilities([5.0], 0.3, uncertainty=[-1.0])


def test_labels_that_are_all_equal_do_not_give_an_interval_of_no_width() -> None:
    f = np.linspace(0.3, 0.6, 30)
    p = np.full(30, 0.2)
    x = np.arange(30) < 4
    tuned = st.estimate(f, p, x, np.zeros(30), tune=True)
    assert tuned.weight == 1.0
    assert tuned.low is not None
    assert tuned.high is not None
    assert tuned.high - tuned.low > 0.1


def test_where_machine_and_labels_are_all_equal_there_is_no_interval_but_a_reason() -> None:
    told = st.estimate(np.zeros(30), np.full(30, 0.2), np.arange(30) < 4, np.zeros(30), tune=True)
    assert told.value == 0.0
    assert told.low is None
    assert "says nothing of their spread" in str(told.reason)


def test_without_a_machine_a_uniform_draw_is_the_labels_alone() -> None:
    u = np.linspace(0.01, 0.99, 50)
    labels = [1.0 if place % 5 else 0.0 for place in range(20)] + [None] * 30
    found = st.estimate_queue([0.5] * 50, u, [0.4] * 50, labels, tune=True)
    wilson = st.wilson(16, 20)
    assert (found.method, found.n, found.labelled, found.weight) == ("wilson", 50, 20, 0.0)
    assert (found.low, found.high) == (wilson.low, wilson.high)
    all_right = st.estimate_queue([0.5] * 50, u, [0.4] * 50, [1.0] * 20 + [None] * 30, tune=True)
    assert (all_right.value, all_right.low) == (1.0, st.wilson(20, 20).low)
    both = st.combine_waves([found, all_right])
    assert both.value == pytest.approx(0.9)
    assert both.low == pytest.approx(
        0.9 - (((0.8 - wilson.low) / 2) ** 2 + ((1 - st.wilson(20, 20).low) / 2) ** 2) ** 0.5
    )
    assert both.high == pytest.approx(0.9 + (wilson.high - 0.8) / 2)


def test_labels_alone_weigh_by_their_chances() -> None:
    pi, x, y = [0.5, 0.25, 1.0, 0.5], [1, 1, 1, 0], [1.0, 0.0, 1.0, 9.0]
    found = st.labels_alone(pi, x, y)
    assert found.value == pytest.approx((2 + 0 + 1) / (2 + 4 + 1))
    assert (found.n, found.method) == (3, "labels alone, weighted")
    assert st.labels_alone([0.5] * 3, [1, 1, 0], [1, 0, 1]).method == "wilson"
    assert st.labels_alone([0.5, 1.0], [1, 1], [1, 1]).reason == "the labels are all equal"
    assert st.labels_alone([0.5, 0.6], [0, 0], [0, 0]).value is None
    assert st.labels_alone([0.5, 0.6], [1, 0], [1, 0]).reason in ("fewer than two labels give no interval", None)
    one = st.labels_alone([0.5, 0.6], [1, 1], [1, 0], clusters=["a", "a"])
    assert one.reason == "one cluster gives no interval"
    with pytest.raises(InputError, match="There are 2 units but 1 clusters"):
        st.labels_alone([0.5, 0.6], [1, 1], [1, 0], clusters=["a"])


def test_the_shift_spares_a_biased_judge() -> None:
    rng = np.random.default_rng(4)
    y = 0.6 * rng.random(4_000)
    f = y + 0.4 + rng.normal(0, 0.02, 4_000)  # far too kind
    x = rng.random(4_000) < 0.1
    p = np.full(4_000, 0.1)
    assert st.estimate(f, p, x, y, tune=True).se < 0.5 * st.estimate(f, p, x, y).se  # type: ignore[operator]
