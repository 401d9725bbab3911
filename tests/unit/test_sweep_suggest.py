"""Suggestions of sweeps: what each sampler promises, whichever agent asks."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

import weft
from weft.errors import InputError, MissingExtraError
from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.spec import SweepSpec, parse_spec
from weft.sweeps.suggest import Suggester

SPACE: dict[str, Any] = {
    "kind": {"values": ["a", "b"]},
    "depth": {"min": 1, "max": 9, "when": {"kind": "a"}},
    "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
    "size": {"distribution": "q_uniform", "min": 0, "max": 64, "q": 8},
    "seed": {"value": 7},
    "weighted": {"values": ["x", "never", {"y": [1]}], "probabilities": [0.5, 0, 0.5]},
}
SAMPLERS = ["tpe", "random", "CMA-ES", "qmc", "NSGA-II", "nsgaiii"]


def spec_of(method: str = "bayes", parameters: dict[str, Any] | None = None, **more: Any) -> SweepSpec:
    metric = {} if "metrics" in more else {"metric": {"name": "loss"}}
    return parse_spec({"method": method, "parameters": parameters or SPACE, **metric, **more})


def trial(number: int, params: dict[str, Any], *values: float, **more: Any) -> Trial:
    status = more.pop("status", TrialStatus.COMPLETE if values else TrialStatus.RUNNING)
    return Trial("s", number, status, params, list(values) or None, **more)


def search(spec: SweepSpec, score: Callable[[dict[str, Any]], float], count: int, *, agents: int = 1) -> list[Trial]:
    """``count`` trials one after another, each suggested by another agent in turn."""
    suggesters = [Suggester(spec) for _ in range(agents)]
    trials: list[Trial] = []
    for number in range(count):
        suggestion = suggesters[number % agents].next(trials, number)
        assert suggestion is not None
        trials.append(trial(number, suggestion[0], score(suggestion[0]), attrs=suggestion[1]))
    return trials


def bowl(params: dict[str, Any]) -> float:
    return sum((value - 1.0) ** 2 for value in params.values())


PLAIN = {"x": {"min": -5.0, "max": 5.0}, "y": {"min": -5.0, "max": 5.0}}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_suggestion_lies_in_its_space(sampler: str) -> None:
    spec = spec_of(sampler=sampler)
    for each in search(spec, lambda params: params["lr"] + params["size"] / 64, 25, agents=2):
        assert spec.space.places(each.params) is not None
        assert ("depth" in each.params) == (each.params["kind"] == "a")
        assert each.params["seed"] == 7
        assert each.params["weighted"] in ("x", {"y": [1]})


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_agent_that_comes_later_suggests_what_the_first_would(sampler: str) -> None:
    spec = spec_of(parameters=PLAIN, sampler=sampler)
    first = Suggester(spec)
    trials: list[Trial] = []
    for number in range(30):
        suggestion = first.next(trials, number)
        assert suggestion is not None
        trials.append(trial(number, suggestion[0], bowl(suggestion[0]), attrs=suggestion[1]))
    assert Suggester(spec).next(trials, 30) == first.next(trials, 30)


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
def test_agents_that_ask_at_once_get_distinct_suggestions(sampler: str | None) -> None:
    more = {} if sampler is None else {"sampler": sampler}
    spec = spec_of(parameters={"n": {"min": 1, "max": 12}}, **more)
    trials = [trial(n, {"n": 6}, 1.0) for n in range(12)]
    for number in range(12, 20):  # the trial is claimed before the next agent asks; none has ended
        suggestion = Suggester(spec).next(trials, number)
        assert suggestion is not None
        trials.append(trial(number, suggestion[0], attrs=suggestion[1]))
    assert len({each.params["n"] for each in trials[12:]}) == 8


def test_the_liar_keeps_away_from_where_others_are_at_work() -> None:
    spec = spec_of(parameters={"x": {"min": 0.0, "max": 1.0}})
    ended = [trial(n, {"x": n / 20}, (n / 20 - 0.3) ** 2) for n in range(20)]
    suggester = Suggester(spec)
    alone = suggester.next(ended, 20)
    assert alone is not None
    busy = [*ended, *(trial(20 + n, {"x": alone[0]["x"] + n * 1e-3}) for n in range(8))]
    beside = suggester.next(busy, 28)
    assert beside is not None
    assert abs(beside[0]["x"] - alone[0]["x"]) > 0.01


def test_crashed_trials_count_as_at_work() -> None:
    spec = spec_of(parameters={"n": {"min": 1, "max": 2}})
    for number in range(5):
        suggestion = Suggester(spec).next([trial(0, {"n": 1}, status=TrialStatus.CRASHED)], number + 1)
        assert suggestion is not None
        assert suggestion[0] == {"n": 2}


def test_bayes_leaves_what_is_bad_and_what_gave_no_number() -> None:
    spec = spec_of(parameters={"x": {"min": 0.0, "max": 1.0}})
    trials = [trial(n, {"x": n / 40}, float("nan") if n >= 20 else 1 - n / 40) for n in range(40)]
    found = [Suggester(spec).next(trials, 40 + n) for n in range(10)]
    assert sum(each is not None and each[0]["x"] < 0.5 for each in found) >= 8


def test_pruned_trials_teach_too_and_failed_ones_do_not() -> None:
    spec = spec_of(parameters={"x": {"min": 0.0, "max": 1.0}}, sampler={"name": "tpe", "n_startup_trials": 10})
    good = [trial(n, {"x": 0.1 + n / 1000}, 0.0) for n in range(8)]
    pruned = [trial(8 + n, {"x": 0.5 + n / 20}, 9.0, status=TrialStatus.PRUNED) for n in range(8)]
    failed = [trial(8 + n, {"x": 0.5 + n / 20}, status=TrialStatus.FAILED) for n in range(8)]
    assert Suggester(spec).next([*good, *pruned], 16) != Suggester(spec).next([*good, *failed], 16)
    assert Suggester(spec).next([*good, *failed], 16) == Suggester(spec).next(good, 16)


def test_a_trial_is_followed_from_running_to_its_end() -> None:
    spec = spec_of(parameters=PLAIN)
    suggester = Suggester(spec)
    trials = search(spec, bowl, 14)
    suggester.next([*trials[:12], trial(12, trials[12].params), trial(13, trials[13].params)], 14)
    pruned = trial(13, trials[13].params, 3.0, status=TrialStatus.PRUNED)
    ended = [*trials[:13], pruned]
    assert suggester.next(ended, 14) == Suggester(spec).next(ended, 14)


def test_a_trial_that_was_canceled_and_tried_again_counts() -> None:
    spec = spec_of(parameters=PLAIN)
    trials = search(spec, bowl, 12)
    suggester = Suggester(spec)
    for status in (TrialStatus.RUNNING, TrialStatus.CANCELED, TrialStatus.RUNNING):
        suggester.next([*trials[:11], trial(11, trials[11].params, status=status)], 12)
    assert suggester.next(trials, 12) == Suggester(spec).next(trials, 12)
    assert suggester.next(trials, 12) != Suggester(spec).next(trials[:11], 12)


def test_a_narrower_space_and_results_from_outside_it() -> None:
    wide = search(spec_of(parameters=PLAIN), bowl, 20)
    narrow = spec_of(parameters={"x": {"min": 0.0, "max": 2.0}, "y": {"min": 0.0, "max": 2.0}})
    suggestion = Suggester(narrow).next(wide, 20)
    assert suggestion is not None
    assert all(0.0 <= value <= 2.0 for value in suggestion[0].values())


def test_several_objectives() -> None:
    spec = spec_of(parameters=PLAIN, metrics=[{"name": "a"}, {"name": "b", "goal": "maximize"}], sampler="nsgaii")
    trials = [trial(n, {"x": n / 10, "y": 0.0}, n / 10, 1.0) for n in range(20)]
    trials.append(trial(20, {"x": 0.0, "y": 1.0}, 1.0, status=TrialStatus.PRUNED))
    assert Suggester(spec).next(trials, 21) is not None
    tpe = spec_of(parameters=PLAIN, metrics=[{"name": "a"}, {"name": "b", "goal": "maximize"}])
    assert Suggester(tpe).next(trials, 21) is not None


def test_a_grid_is_done_when_each_cell_is_a_trial() -> None:
    spec = spec_of("grid", {"a": {"values": [1, 2]}, "b": {"values": ["x", [1]]}})
    trials = [trial(0, {"a": 2, "b": "x"}, known=True)]
    suggester = Suggester(spec)
    while (suggestion := suggester.next(trials, len(trials))) is not None:
        trials.append(trial(len(trials), suggestion[0]))
    assert [each.params for each in trials] == [
        {"a": 2, "b": "x"},
        {"a": 1, "b": "x"},
        {"a": 1, "b": [1]},
        {"a": 2, "b": [1]},
    ]


def test_nothing_of_the_database_is_unpickled(tmp_path: Any) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(tmp_path / "harm"), "w"))

    harm = {"cma:optimizer:0": pickle.dumps(Harm()).hex(), "cma:generation": "0", "x_for_tell": [True]}
    spec = spec_of(parameters=PLAIN, sampler="cmaes")
    trials = [trial(n, {"x": 0.1 * n, "y": 0.0}, 1.0, attrs=harm) for n in range(20)]
    suggestion = Suggester(spec).next(trials, 20)
    assert suggestion is not None
    assert not (tmp_path / "harm").exists()
    assert set(suggestion[1]) == {"cma:generation"}


def test_without_the_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'optuna'.*pip install 'weft\[sweeps\]'"):
        Suggester(spec_of())
    assert Suggester(spec_of("random")).next([], 0) is not None
    monkeypatch.undo()
    for missing, sampler, install in (("cmaes", "cmaes", r"'weft\[sweeps\]'"), ("torch", "gp", "torch")):
        without(monkeypatch, missing)
        with pytest.raises(MissingExtraError, match=rf"needs the package '{missing}'.*pip install {install}"):
            Suggester(spec_of(sampler=sampler))


@pytest.mark.parametrize(
    ("missing", "config"),
    [
        ("optuna", {"method": "bayes", "metric": {"name": "loss"}}),
        ("optuna", {"method": "random", "metric": {"name": "loss"}, "pruner": "median"}),
        ("torch", {"method": "bayes", "metric": {"name": "loss"}, "sampler": "gp"}),
        ("scipy", {"method": "random", "metric": {"name": "loss"}, "pruner": "wilcoxon"}),
    ],
)
def test_a_missing_package_is_told_before_the_sweep_begins(
    missing: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, missing)
    with pytest.raises(MissingExtraError, match=f"needs the package '{missing}'"):
        weft.sweep({**config, "parameters": PLAIN})
    assert weft.Api().store.sweeps.list_sweeps() == []


def without(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """As if a package were not installed."""
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None if name == missing else real(name, *more))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sampler": "tpee"}, "sampler.name: there is no sampler 'tpee'; did you mean tpe?"),
        ({"sampler": "GridSampler"}, "sampler.name: there is no sampler 'GridSampler'; use method: grid"),
        ({"sampler": "zz"}, "sampler.name: there is no sampler 'zz'; known are tpe, gp"),
        (
            {"sampler": {"name": "tpe", "n_startup_trial": 3}},
            "sampler.n_startup_trial: there is no such key; did you mean n_startup_trials?",
        ),
        (
            {"sampler": {"name": "tpe", "n_startup_trials": 1.5}},
            "sampler.n_startup_trials: 1.5 is not a whole number of at least 0",
        ),
        ({"sampler": {"name": "tpe", "multivariate": 1}}, "sampler.multivariate: 1 is neither true nor false"),
        (
            {"sampler": {"name": "tpe", "group": True, "multivariate": False}},
            "sampler.group: it needs multivariate",
        ),
        ({"sampler": {"name": "qmc", "qmc_type": "grid"}}, "sampler.qmc_type: 'grid' is none of sobol, halton"),
        (
            {"sampler": {"name": "nsgaii", "crossover_prob": 2}},
            "sampler.crossover_prob: 2 is not a number from 0 to 1",
        ),
        (
            {"sampler": {"name": "cmaes", "lr_adapt": True, "with_margin": True}},
            "sampler.lr_adapt: it cannot be together with with_margin",
        ),
        (
            {"sampler": "cmaes", "metrics": [{"name": "a"}, {"name": "b"}]},
            "sampler.name: cmaes knows a single objective",
        ),
        ({"pruner": "medain"}, "pruner.name: there is no pruner 'medain'; did you mean median?"),
        ({"pruner": "percentile"}, "pruner.percentile: percentile needs it"),
        ({"pruner": "threshold"}, "pruner: threshold needs lower or upper"),
        (
            {"pruner": {"name": "asha", "min_resource": "some"}},
            "pruner.min_resource: 'some' is not a whole number of at least 1 or auto",
        ),
        (
            {"pruner": {"name": "asha", "bootstrap_count": 2}},
            "pruner.bootstrap_count: it needs min_resource as a number",
        ),
    ],
)
def test_mistakes_in_options_have_their_path(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        spec_of(parameters=PLAIN, **change)
    assert said in str(caught.value)
