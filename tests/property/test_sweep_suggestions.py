"""Suggestions for any space, and any order of agents."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.spec import SweepSpec, parse_spec
from weft.sweeps.suggest import Suggester

BOUND = st.floats(-100, 100)
DOMAINS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda value: {"value": value}, st.integers() | st.text(max_size=3)),
    st.builds(lambda values: {"values": values}, st.lists(st.integers(-3, 3), min_size=1, max_size=4, unique=True)),
    st.builds(lambda low, more: {"min": low, "max": low + more}, st.integers(-9, 9), st.integers(0, 5)),
    st.builds(
        lambda low, more: {"min": low, "max": low + more, "distribution": "uniform"}, BOUND, st.floats(0.01, 100)
    ),
    st.builds(
        lambda low, more: {"min": low, "max": low * more, "distribution": "log_uniform_values"},
        st.floats(1e-6, 1),
        st.floats(1.1, 1e6),
    ),
    st.builds(lambda mu, sigma: {"mu": mu, "sigma": sigma}, BOUND, st.floats(0.01, 10)),
    st.builds(lambda a, b: {"a": a, "b": b}, st.floats(0.5, 5), st.floats(0.5, 5)),
    st.builds(
        lambda low, q: {"min": low, "max": low + 7, "q": q}, st.integers(-9, 9), st.sampled_from([0.25, 0.5, 1, 2])
    ),
)
COUNTABLE = st.one_of(
    st.builds(lambda values: {"values": values}, st.lists(st.integers(-3, 3), min_size=1, max_size=4, unique=True)),
    st.builds(lambda low, more: {"min": low, "max": low + more}, st.integers(-9, 9), st.integers(0, 3)),
)


def spec_of(method: str, domains: list[dict[str, Any]], **more: Any) -> SweepSpec:
    parameters = {f"p{n}": domain for n, domain in enumerate(domains)}
    return parse_spec({"method": method, "metric": {"name": "loss"}, "parameters": parameters, **more})


def of(number: int, params: dict[str, Any], status: TrialStatus, *values: float) -> Trial:
    return Trial("s", number, status, params, list(values) or None)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(DOMAINS, min_size=1, max_size=4),
    st.sampled_from(["random", "bayes"]),
    st.lists(st.sampled_from(list(TrialStatus)), min_size=15, max_size=15),
    st.integers(0, 2**40),
)
def test_every_suggestion_lies_in_its_space(
    domains: list[dict[str, Any]], method: str, statuses: list[TrialStatus], seed: int
) -> None:
    spec = spec_of(method, domains, seed=seed)
    suggester = Suggester(spec)
    trials: list[Trial] = []
    for number, status in enumerate(statuses):
        suggestion = suggester.next(trials, number)
        assert suggestion is not None
        params = suggestion[0]
        assert list(params) == [parameter.path for parameter in spec.space.parameters]
        assert spec.space.places(params) is not None
        ended = status in (TrialStatus.COMPLETE, TrialStatus.PRUNED)
        trials.append(of(number, params, status, *([float(number % 4)] if ended else [])))


@settings(max_examples=60, deadline=None)
@given(st.lists(COUNTABLE, min_size=1, max_size=3), st.data())
def test_a_grid_covers_each_cell_once_in_any_interleaving(domains: list[dict[str, Any]], data: st.DataObject) -> None:
    spec = spec_of("grid", domains)
    agents = [Suggester(spec) for _ in range(3)]
    claimed: list[Trial] = []
    seen = [0, 0, 0]  # how much of the list each agent has read; it may be old
    while True:
        agent = data.draw(st.integers(0, 2))
        seen[agent] = data.draw(st.integers(seen[agent], len(claimed)))
        suggestion = agents[agent].next(claimed[: seen[agent]], seen[agent])
        if suggestion is None:
            assert seen[agent] == len(claimed)
            break
        if seen[agent] == len(claimed):  # else the number is taken, and the claim is refused
            status = data.draw(st.sampled_from(list(TrialStatus)))
            claimed.append(of(len(claimed), suggestion[0], status))
        else:
            seen[agent] = len(claimed)
    assert [trial.params for trial in claimed] == list(spec.space.cells())


@settings(max_examples=40, deadline=None)
@given(st.lists(DOMAINS, min_size=1, max_size=4), st.permutations(range(12)), st.integers(0, 2**40))
def test_random_is_the_same_whatever_the_order_of_agents(
    domains: list[dict[str, Any]], order: list[int], seed: int
) -> None:
    spec = spec_of("random", domains, seed=seed)
    in_order = [Suggester(spec).next([], number) for number in range(12)]
    one = Suggester(spec)
    assert {number: one.next([], number) for number in order} == dict(enumerate(in_order))
