"""Stopping early by name, as Optuna decides it, and the Pareto front."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from typing import Any

import numpy as np
import optuna
import pytest

from weft.errors import MissingExtraError
from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.pareto import best_trials, front
from weft.sweeps.pruning import Progress, Stopper
from weft.sweeps.spec import Objective, SweepSpec, parse_spec


def spec_of(goal: str = "minimize", **more: Any) -> SweepSpec:
    parameters = {"x": {"min": 0.0, "max": 1.0}}
    return parse_spec({"method": "random", "metric": {"name": "loss", "goal": goal}, "parameters": parameters, **more})


def progress(number: int, *values: float, status: TrialStatus = TrialStatus.COMPLETE) -> Progress:
    return Progress(number, np.array(values, float), status)


@pytest.mark.parametrize(
    "pruner",
    [
        {"name": "median", "n_startup_trials": 2, "n_warmup_steps": 1},
        {"name": "percentile", "percentile": 30, "n_startup_trials": 2, "interval_steps": 2},
        {"name": "asha", "min_resource": 1, "reduction_factor": 2},
        {"name": "asha", "min_resource": 2, "reduction_factor": 3, "min_early_stopping_rate": 1},
        "successive_halving",
        {"name": "hyperband", "min_resource": 1, "max_resource": 16, "reduction_factor": 2},
        {"name": "threshold", "upper": 0.9},
        {"name": "patient", "patience": 2},
        "WilcoxonPruner",
        "none",
    ],
)
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_each_pruner_decides_as_in_a_study_of_optunas_own(pruner: Any, goal: str) -> None:
    named = {"name": pruner} if isinstance(pruner, str) else dict(pruner)
    rng = np.random.default_rng(3)
    curves = rng.random((12, 16)) / np.arange(1, 17) ** 0.5 + rng.random((12, 1)) / 2
    spec = spec_of(goal, pruner=pruner)
    study = optuna.create_study(study_name="sweep", direction=goal, pruner=_theirs(**named))
    others: list[Progress] = []
    stops = []
    for number, curve in enumerate(curves):
        trial, mine = study.ask(), Stopper(spec)
        theirs, ours = None, None
        for step, value in enumerate(curve, 1):
            trial.report(value, step)
            theirs = step if trial.should_prune() else None
            ours = mine.reason(progress(number, *curve[:step], status=TrialStatus.RUNNING), others)
            assert (ours is None) == (theirs is None), (number, step)
            if theirs:
                break
        stops.append(theirs)
        state = optuna.trial.TrialState.PRUNED if theirs else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if theirs else curve[-1], state=state)
        status = TrialStatus.PRUNED if theirs else TrialStatus.COMPLETE
        others.append(progress(number, *curve[: theirs or len(curve)], status=status))
    assert any(stops) != (named["name"] == "none")


def _theirs(name: str, **options: Any) -> optuna.pruners.BasePruner:
    made = {
        "median": optuna.pruners.MedianPruner,
        "percentile": optuna.pruners.PercentilePruner,
        "asha": optuna.pruners.SuccessiveHalvingPruner,
        "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
        "threshold": optuna.pruners.ThresholdPruner,
        "patient": lambda **given: optuna.pruners.PatientPruner(None, **given),
        "WilcoxonPruner": optuna.pruners.WilcoxonPruner,
        "none": optuna.pruners.NopPruner,
    }[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner: optuna.pruners.BasePruner = made(**options)
    return pruner


def test_reasons_are_words() -> None:
    others = [progress(n, 1.0, value) for n, value in enumerate((0.1, 0.2, 0.3, 0.4, 0.5))]
    mine = progress(5, 1.0, 0.9, status=TrialStatus.RUNNING)
    rule = {"min_iter": 2, "eta": 2}
    assert Stopper(spec_of(early_terminate=rule)).reason(mine, others) == (
        "hyperband at iteration 2: best loss 0.9, worse than 0.4 (the best 1/2)"
    )
    strict = Stopper(spec_of(early_terminate={**rule, "strict": True})).reason(mine, others)
    assert strict == "hyperband at iteration 2: loss 0.9, worse than 0.4 (the best 1/2)"
    assert Stopper(spec_of(pruner="median")).reason(mine, others) == "median at iteration 2: 0.9"
    assert Stopper(spec_of()).reason(mine, others) is None


def test_without_the_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None if name == "scipy" else real(name, *more))
    with pytest.raises(MissingExtraError, match=r"'scipy'.*pip install 'weft\[sweeps\]'"):
        Stopper(spec_of(pruner="wilcoxon"))
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"'optuna'.*pip install 'weft\[sweeps\]'"):
        Stopper(spec_of(pruner="median"))


def test_the_pareto_front_is_what_nothing_dominates() -> None:
    nan = float("nan")
    values = [[1, 5], [2, 6], [2, 4], [1, 5], [3, 9], [0, nan], [3, 1], [3, 0]]
    assert front(values, ["minimize", "maximize"]).tolist() == [True, True, False, True, True, False, False, False]
    assert front(np.empty((0, 2)), ["minimize", "minimize"]).tolist() == []
    random = np.random.default_rng(0).integers(0, 6, (200, 3))
    by_hand = [not any((other <= row).all() and (other < row).any() for other in random) for row in random]
    assert front(random, ["minimize"] * 3).tolist() == by_hand


def test_best_trials() -> None:
    complete, pruned = TrialStatus.COMPLETE, TrialStatus.PRUNED
    trials = [Trial("s", 0, complete, {}, [1.0]), Trial("s", 1, complete, {}, [0.5]), Trial("s", 2, pruned, {}, [0.1])]
    assert [t.number for t in best_trials(trials, [Objective("a")])] == [1]
    assert [t.number for t in best_trials(trials, [Objective("a", "maximize")])] == [0]
    assert best_trials([], [Objective("a")]) == []
