"""The Gaussian process of a sweep, which needs torch: one objective, several, conditions, agents at once."""

from __future__ import annotations

from typing import Any

from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.pareto import best_trials
from weft.sweeps.spec import SweepSpec, parse_spec
from weft.sweeps.suggest import Suggester

UNIT = {"min": 0.0, "max": 1.0}
SAMPLER = {"name": "gp", "n_startup_trials": 5}


def spec_of(parameters: dict[str, Any], *goals: str) -> SweepSpec:
    metrics = [{"name": f"y{n}", "goal": goal} for n, goal in enumerate(goals)]
    return parse_spec({"method": "bayes", "sampler": SAMPLER, "metrics": metrics, "parameters": parameters})


def search(spec: SweepSpec, function: Any, count: int) -> list[Trial]:
    suggester, trials = Suggester(spec), []
    for number in range(count):
        suggestion = suggester.next(trials, number)
        assert suggestion is not None
        params, attrs = suggestion
        assert spec.space.places(params) is not None
        trials.append(Trial("s", number, TrialStatus.COMPLETE, params, function(params), attrs=attrs))
    return trials


def test_it_finds_an_optimum_sooner_than_chance() -> None:
    spec = spec_of({"x": UNIT}, "minimize")
    trials = search(spec, lambda p: [(p["x"] - 0.3) ** 2], 10)
    assert min(trial.values[0] for trial in trials if trial.values) < 1e-5  # what one random point in 160 reaches


def test_conditions_and_trials_at_work() -> None:
    space = {"way": {"values": ["a", "b"]}, "x": UNIT, "p": {**UNIT, "when": {"way": "a"}}}
    spec = spec_of(space, "maximize")
    trials = search(spec, lambda p: [p["x"] + (p["way"] == "a")], 6)
    for number in (6, 7):
        trials.append(Trial("s", number, TrialStatus.RUNNING, {"way": "b", "x": 0.5 + number / 100}))
    suggestion = Suggester(spec).next(trials, len(trials))
    assert suggestion is not None
    assert ("p" in suggestion[0]) == (suggestion[0]["way"] == "a")
    assert suggestion[0] not in [trial.params for trial in trials]


def test_several_objectives() -> None:
    spec = spec_of({"x": UNIT}, "minimize", "minimize")
    trials = search(spec, lambda p: [p["x"] ** 2, (p["x"] - 1) ** 2], 7)
    assert len(best_trials(trials, spec.objectives)) >= 4
