"""What parameters explain: Weft's figures beside those of Optuna's fANOVA, on functions whose shares are known.

Each function is sampled evenly; the truth is what each parameter explains alone of its variance. Optuna scales its
figures so that they sum to 1, and so is the truth beside them. *Off* is the greatest distance of a share from it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.sweeps.explained import importance_of
from weft.sweeps.spec import parse_spec

SIZES = (100, 1_000, 10_000)
MOST_FOR_OPTUNA = 1_000


@dataclass(frozen=True)
class Known:
    """A function with the share of its variance that each parameter explains alone."""

    name: str
    parameters: Mapping[str, Mapping[str, Any]]
    value: Callable[[Mapping[str, Any]], float]
    shares: Mapping[str, float]


def _angles(names: str) -> dict[str, dict[str, float]]:
    return {name: {"min": -math.pi, "max": math.pi} for name in names}


KNOWN = (
    Known(
        "Ishigami",
        _angles("abcd"),
        lambda x: math.sin(x["a"]) + 7 * math.sin(x["b"]) ** 2 + 0.1 * x["c"] ** 4 * math.sin(x["a"]),
        {"a": 0.3139, "b": 0.4424, "c": 0.0, "d": 0.0},
    ),
    Known(
        "training",
        {
            "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
            "depth": {"min": 1, "max": 8},
            "batch": {"values": [64, 16, 32]},
            "decay": {"min": 0.0, "max": 1.0},
        },
        lambda x: 0.25 * (math.log10(x["lr"]) + 3) ** 2 + 0.1 * abs(x["depth"] - 5) + x["batch"] / 250,
        {"lr": 0.8061, "depth": 0.1361, "batch": 0.0578, "decay": 0.0},
    ),
)


def trials(known: Known, n: int, seed: int = 0) -> tuple[dict[str, Any], list[Trial]]:
    """A configuration and ``n`` complete trials of it, drawn evenly."""
    config = {"method": "random", "metric": {"name": "y"}, "parameters": dict(known.parameters)}
    space, rng = parse_spec(config).space, random.Random(seed)
    drawn = [{one.path: one.domain.at(rng.random()) for one in space.parameters} for _ in range(n)]
    return config, [
        Trial("s", at, TrialStatus.COMPLETE, params, values=[known.value(params)]) for at, params in enumerate(drawn)
    ]


def ours(config: dict[str, Any], found: list[Trial]) -> dict[str, float]:
    """What Weft says."""
    told = importance_of(Sweep("p", "bench", config), found)
    return {field["name"]: field["importance"] for field in told["fields"]}


def theirs(config: dict[str, Any], found: list[Trial]) -> dict[str, float]:
    """What Optuna's fANOVA says of the same trials."""
    dists: dict[str, optuna.distributions.BaseDistribution] = {}
    for name, given in config["parameters"].items():
        if "values" in given:
            dists[name] = optuna.distributions.CategoricalDistribution(given["values"])
        elif isinstance(given["min"], int):
            dists[name] = optuna.distributions.IntDistribution(given["min"], given["max"])
        else:
            log = "log" in given.get("distribution", "")
            dists[name] = optuna.distributions.FloatDistribution(given["min"], given["max"], log=log)
    study = optuna.create_study()
    study.add_trials(
        [optuna.trial.create_trial(params=t.params, distributions=dists, value=(t.values or [0.0])[0]) for t in found]
    )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _told(who: str, say: Callable[[], dict[str, float]], truth: Mapping[str, float]) -> float:
    began = time.process_time()
    shares = say()
    took = time.process_time() - began
    off = max(abs(shares.get(name, 0.0) - share) for name, share in truth.items())
    ranked = "as in truth" if _ranking(shares, truth) == _ranking(truth, truth) else "NOT as in truth"
    figures = ", ".join(f"{name} {100 * shares.get(name, 0.0):.0f} %" for name in truth)
    print(f"    {who:7} {took:7.2f} s CPU   off {off:.2f}   {figures}   ranked {ranked}")
    return took


def _ranking(shares: Mapping[str, float], truth: Mapping[str, float]) -> list[str]:
    return sorted((name for name in truth if truth[name] > 0), key=lambda name: -shares.get(name, 0.0))


def main() -> None:
    """Print both for each function and size."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    theirs(*trials(KNOWN[0], 20))  # what is imported at first is not counted
    for known in KNOWN:
        whole = sum(known.shares.values())
        scaled = {name: share / whole for name, share in known.shares.items()}
        for n in SIZES:
            config, found = trials(known, n)
            print(f"{known.name}, {n:,} trials")
            weft_s = _told("Weft", lambda c=config, f=found: ours(c, f), known.shares)  # type: ignore[misc]
            if n <= MOST_FOR_OPTUNA:
                optuna_s = _told("Optuna", lambda c=config, f=found: theirs(c, f), scaled)  # type: ignore[misc]
                print(f"    ratio   {optuna_s / weft_s:7.1f}")


if __name__ == "__main__":
    main()
