"""What a sampler is worth: how many trials bayes and random need until a known function is near its optimum.

Twenty seeds each. A search has arrived when a value is reached that a share of the space has: one in a thousand of
random points, so that random needs about 700 trials in the median (ln 2 / 0.001), whatever the function. For the bowl
the requirement of a sweep is judged: bayes (TPE) needs at most half of random's trials. Branin's function, Hartmann's
of six dimensions and one whose parameters depend on a choice are there for information.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.spec import parse_spec
from weft.sweeps.suggest import Suggester, drawn

SEEDS, MOST, SHARE, SAMPLES = 20, 5_000, 1e-3, 200_000
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """A function with its space; ``least`` is its least value. ``reach`` is how far above it counts as found."""

    name: str
    space: dict[str, Any]
    function: Callable[[Params], float]
    least: float

    def reach(self) -> float:
        """The value that a share of random points reaches, by Monte Carlo with a seed of its own."""
        space, rng = parse_spec({"method": "random", "parameters": self.space}).space, np.random.default_rng(12345)
        values = [self.function(drawn(space, rng)) for _ in range(SAMPLES)]
        return float(np.quantile(values, SHARE))


def bowl(params: Params) -> float:
    """Least at (0.3, 0.7, 1e-2), where it is 0; ``lr`` counts by its logarithm."""
    x, y, lr = params["x"], params["y"], params["lr"]
    return float((x - 0.3) ** 2 + (y - 0.7) ** 2 + ((math.log10(lr) + 2) / 4) ** 2)


def branin(params: Params) -> float:
    """Branin (1972): three minima of 0.397887."""
    x, y = params["x"], params["y"]
    inner = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return float(inner**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


_WEIGHTS = (1.0, 1.2, 3.0, 3.2)
_WIDTHS = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_PLACES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(params: Params) -> float:
    """Hartmann (1973) in six dimensions: least -3.32237."""
    point = np.array([params[f"x{n}"] for n in range(6)])
    return float(-np.dot(_WEIGHTS, np.exp(-(_WIDTHS * (point - _PLACES) ** 2).sum(axis=1))))


def conditional(params: Params) -> float:
    """Two ways with parameters of their own: the better one, ``b``, is 0 at (0.2, 0.8); ``a`` is never below 0.1."""
    if params["way"] == "a":
        return float(0.1 + (params["p"] - 0.5) ** 2 + (params["share"] - 0.5) ** 2)
    return float((params["q"] - 0.2) ** 2 + (params["r"] - 0.8) ** 2 + (params["share"] - 0.5) ** 2)


_UNIT = {"min": 0.0, "max": 1.0}
BOWL = Problem(
    "bowl", {"x": _UNIT, "y": _UNIT, "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0}}, bowl, 0.0
)
PROBLEMS = (
    BOWL,
    Problem("Branin", {"x": {"min": -5.0, "max": 10.0}, "y": {"min": 0.0, "max": 15.0}}, branin, 0.397887),
    Problem("Hartmann-6", {f"x{n}": _UNIT for n in range(6)}, hartmann, -3.32237),
    Problem(
        "conditional",
        {
            "way": {"values": ["a", "b"]},
            "share": _UNIT,
            "p": {**_UNIT, "when": {"way": "a"}},
            "q": {**_UNIT, "when": {"way": "b"}},
            "r": {**_UNIT, "when": {"way": "b"}},
        },
        conditional,
        0.0,
    ),
)


def trials_needed(problem: Problem, method: str, seed: int, reach: float, most: int = MOST) -> int:
    """How many trials it takes until one is within reach; ``most`` where none of so many is."""
    spec = parse_spec({"method": method, "metric": {"name": "y"}, "parameters": problem.space, "seed": seed})
    suggester = Suggester(spec)
    trials: list[Trial] = []
    for number in range(most):
        suggestion = suggester.next(trials, number)
        assert suggestion is not None
        value = problem.function(suggestion[0])
        if value <= reach:
            return number + 1
        trials.append(Trial("s", number, TrialStatus.COMPLETE, suggestion[0], [value], attrs=suggestion[1]))
    return most


def main() -> None:
    """Print the trials that each seed needs, and the medians, for each function."""
    for problem in PROBLEMS:
        reach = problem.reach()
        needed = {m: [trials_needed(problem, m, seed, reach) for seed in range(SEEDS)] for m in ("bayes", "random")}
        print(f"{problem.name}: least {problem.least:g}, found at {reach:.6g}, which {SHARE:g} of random points reach")
        for method, counts in needed.items():
            print(f"  {method}, trials of {SEEDS} seeds: {counts}")
        bayes, chance = (statistics.median(needed[method]) for method in ("bayes", "random"))
        wins = sum(b < r for b, r in zip(needed["bayes"], needed["random"], strict=True))
        line = (
            f"  medians: bayes {bayes:g}, random {chance:g}, ratio {bayes / chance:.3f}; bayes sooner in {wins} seeds"
        )
        if problem is BOWL:
            line += f"; at most half: {'yes' if 2 * bayes <= chance else 'NO'}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
