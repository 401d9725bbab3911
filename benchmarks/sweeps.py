"""What a sweep costs, and what its sampler is worth.

One agent's suggest and report at 1,000 trials: what changed is read, a trial suggested and claimed, its result stored.
Weft's SQLite file beside Optuna's own SQLite storage with the same sampler and the same trials, alternating in one run;
five real parameters, the median of the turns. Random likewise, and the suggestion alone.

Then how many trials bayes (TPE) and random need until a known function is within reach of its optimum: 20 seeds each.
"""

from __future__ import annotations

import math
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.repositories import Store
from weft.settings import load
from weft.store import open_store
from weft.sweeps.spec import SweepSpec, parse_spec
from weft.sweeps.suggest import Suggester

TRIALS, TURNS, SEEDS, MOST = 1_000, 30, 20, 5_000
REACH = 0.1  # a ball of this radius holds less than half a percent of the space


def bowl(params: dict[str, Any]) -> float:
    """Least at (0.3, 0.7, 1e-2), where it is 0; ``lr`` counts by its logarithm."""
    x, y, lr = params["x"], params["y"], params["lr"]
    return (x - 0.3) ** 2 + (y - 0.7) ** 2 + ((math.log10(lr) + 2) / 4) ** 2


BOWL: dict[str, Any] = {
    "x": {"min": 0.0, "max": 1.0},
    "y": {"min": 0.0, "max": 1.0},
    "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
}


def spec_of(method: str, parameters: dict[str, Any], seed: int = 0) -> SweepSpec:
    return parse_spec({"method": method, "metric": {"name": "y"}, "parameters": parameters, "seed": seed})


def trials_needed(method: str, seed: int, reach: float = REACH, most: int = MOST) -> int:
    """How many trials it takes until one is within reach; ``most`` where none of so many is."""
    suggester = Suggester(spec_of(method, BOWL, seed))
    trials: list[Trial] = []
    for number in range(most):
        suggestion = suggester.next(trials, number)
        assert suggestion is not None
        value = bowl(suggestion[0])
        if value <= reach**2:
            return number + 1
        trials.append(Trial("s", number, TrialStatus.COMPLETE, suggestion[0], [value], attrs=suggestion[1]))
    return most


WIDE = {f"x{n}": {"min": 0.0, "max": 1.0} for n in range(5)}


def score(params: dict[str, Any]) -> float:
    return float(sum((value - 0.5) ** 2 for value in params.values()))


EARLIER = [{name: random.Random(f"{name} {n}").random() for name in WIDE} for n in range(TRIALS)]


class Weft:
    """An agent of a sweep in a database file."""

    def __init__(self, store: Store, method: str) -> None:
        self._store = store
        spec = spec_of(method, WIDE)
        self._sweep = store.sweeps.create_sweep(Sweep("bench", method, dict(spec.given))).sweep_id
        self._suggester = Suggester(spec)
        self._trials: dict[int, Trial] = {}
        self._seen = 0
        self.suggesting: list[float] = []  # CPU seconds
        for params in EARLIER:
            store.sweeps.add_known(self._sweep, params=params, values=[score(params)])

    def turn(self) -> None:
        for trial in self._store.sweeps.list_trials(self._sweep, changed_after_ns=self._seen):
            self._trials[trial.number] = trial
            self._seen = max(self._seen, trial.changed_ns)
        number = len(self._trials)
        begun = time.thread_time()
        suggestion = self._suggester.next(list(self._trials.values()), number)
        self.suggesting.append(time.thread_time() - begun)
        assert suggestion is not None
        params, attrs = suggestion
        self._store.sweeps.claim(self._sweep, "a", number=number, params=params, attrs=attrs)
        self._store.sweeps.finish_trial(self._sweep, number, "a", TrialStatus.COMPLETE, values=[score(params)])


class Optuna:
    """A study in Optuna's SQLite storage."""

    def __init__(self, folder: Path, sampler: optuna.samplers.BaseSampler) -> None:
        storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'optuna.db'}")
        self._study = optuna.create_study(storage=storage, sampler=sampler)
        space: dict[str, Any] = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in WIDE}
        self._study.add_trials(
            [optuna.trial.create_trial(params=p, distributions=space, value=score(p)) for p in EARLIER]
        )

    def turn(self) -> None:
        trial = self._study.ask()
        params = {name: trial.suggest_float(name, 0.0, 1.0) for name in WIDE}
        self._study.tell(trial, score(params))


def _turns(sides: dict[str, Callable[[], None]]) -> dict[str, tuple[float, float]]:
    """Milliseconds a turn by the clock and of CPU, the medians; turns alternate, the first one is not counted."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for n in range(TURNS + 1):
        for name, turn in sides.items():
            begun, cpu = time.perf_counter(), time.process_time()
            turn()
            if n:
                took[name].append((time.perf_counter() - begun, time.process_time() - cpu))
    return {
        name: (statistics.median(wall for wall, _ in times) * 1e3, statistics.median(cpu for _, cpu in times) * 1e3)
        for name, times in took.items()
    }


def _cost(name: str, method: str, sampler: optuna.samplers.BaseSampler, limit_ms: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(load({"dir": Path(folder) / "weft"}))
        try:
            ours, theirs = Weft(store, method), Optuna(Path(folder), sampler)
            took = _turns({"weft": ours.turn, "optuna": theirs.turn})
        finally:
            store.close()
        alone = statistics.median(ours.suggesting[1:]) * 1e3
    (ours_ms, ours_cpu), (theirs_ms, theirs_cpu) = took["weft"], took["optuna"]
    print(
        f"{name} at {TRIALS:,} trials, suggest and report: {ours_ms:.2f} ms ({ours_cpu:.2f} of CPU), Optuna's SQLite"
        f" storage {theirs_ms:.2f} ms ({theirs_cpu:.2f} of CPU), ratio {ours_ms / theirs_ms:.2f}; the suggestion alone"
        f" {alone:.3f} ms of CPU; at most {limit_ms:g} ms of CPU: {'yes' if ours_cpu <= limit_ms else 'NO'}"
    )


def main() -> None:
    """Print both costs beside Optuna's, and both samplers' need of trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _cost("TPE", "bayes", optuna.samplers.TPESampler(seed=0, multivariate=True, constant_liar=True), 20)
        _cost("random", "random", optuna.samplers.RandomSampler(seed=0), 1)
    needed = {method: [trials_needed(method, seed) for seed in range(SEEDS)] for method in ("bayes", "random")}
    for method, counts in needed.items():
        print(f"{method}: trials until within {REACH:g} of the optimum, {SEEDS} seeds: {counts}")
    bayes, chance = (statistics.median(needed[method]) for method in ("bayes", "random"))
    means = [statistics.fmean(needed[method]) for method in ("bayes", "random")]
    print(
        f"medians: bayes {bayes:g}, random {chance:g} (ratio {bayes / chance:.2f}); means {means[0]:.1f} and"
        f" {means[1]:.1f} (ratio {means[0] / means[1]:.2f}); at most half: {'yes' if 2 * bayes <= chance else 'NO'}"
    )


if __name__ == "__main__":
    main()
