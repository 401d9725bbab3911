"""What a sweep costs: an agent's suggest and report, and the list of its trials, beside Optuna's own storages.

The same five real parameters, the same earlier trials and the same samplers on each side, alternating in rows of turns:
Weft's SQLite file, Optuna's SQLite storage (``RDBStorage``) and, for information, its file of lines
(``JournalStorage``). A turn of Weft's reads what changed, suggests, claims the trial in a transaction and ends it in
another. ``WEFT_BENCH_DB`` names a PostgreSQL database to measure instead of the SQLite file.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import optuna
from optuna.storages._rdb import models

from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.repositories import Store
from weft.server.rest.sweep_columns import columns_of
from weft.settings import load
from weft.store import open_store
from weft.sweeps.agent import Agent, Budget
from weft.sweeps.outcome import Outcome
from weft.sweeps.spec import parse_spec
from weft.sweeps.suggest import Suggester

SIZES = {100: 60, 1_000: 60, 10_000: 12}  # earlier trials: turns
LIMITS_MS = {("TPE", 1_000): 20.0, ("random", 1_000): 1.0}
WIDE: dict[str, Any] = {f"x{n}": {"min": 0.0, "max": 1.0} for n in range(5)}
Turn = Callable[[], None]
_ROWS = 3


def config(method: str) -> dict[str, Any]:
    return {"method": method, "metric": {"name": "y"}, "parameters": WIDE, "seed": 0}


def score(params: dict[str, Any]) -> float:
    return float(sum((value - 0.5) ** 2 for value in params.values()))


def earlier(first: int, end: int) -> list[dict[str, float]]:
    """Parameters of the trials from ``first`` to ``end``."""
    return [{name: random.Random(f"{name} {n}").random() for name in WIDE} for n in range(first, end)]


class Weft:
    """An agent of a sweep in a database."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sweep_id = store.sweeps.create_sweep(Sweep("bench", "cost", config("random"))).sweep_id
        self._trials: list[Trial] = []
        self._seen = 0

    def fill(self, params: list[dict[str, float]]) -> None:
        for one in params:
            self.store.sweeps.add_known(self.sweep_id, params=one, values=[score(one)])

    def turn(self, method: str) -> Turn:
        """Suggest and report once, with a suggester of a method."""
        suggester, sweeps = Suggester(parse_spec(config(method))), self.store.sweeps

        def turn() -> None:
            for trial in sweeps.list_trials(self.sweep_id, changed_after_ns=self._seen):
                self._trials[trial.number : trial.number + 1] = [trial]
                self._seen = max(self._seen, trial.changed_ns)
            number = len(self._trials)
            suggestion = suggester.next(self._trials, number)
            assert suggestion is not None
            params, attrs = suggestion
            sweeps.claim(self.sweep_id, "a", number=number, params=params, attrs=attrs)
            sweeps.finish_trial(self.sweep_id, number, "a", TrialStatus.COMPLETE, values=[score(params)])

        return turn

    def agent(self) -> Turn:
        """A whole turn of a real agent whose trial takes no time, with its heartbeat: random."""

        class Instantly:
            def run(self, sweep: Any, spec: Any, held: Any, peers: Any) -> Outcome:
                return Outcome(TrialStatus.COMPLETE, [score(held.trial.params)])

        agent = Agent(self.store, self.sweep_id, Instantly(), budget=_One())
        return lambda: agent.run() and None


class _One(Budget):
    """One trial a call of ``run``."""

    def __init__(self) -> None:
        super().__init__(None)
        self._calls = count(1)

    def take(self) -> bool:
        return next(self._calls) % 2 == 1


class Optuna:
    """A study in one of Optuna's storages."""

    def __init__(self, storage: optuna.storages.BaseStorage) -> None:
        self.storage = storage
        self.study = optuna.create_study(storage=storage, study_name="bench")
        self._space: dict[str, Any] = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in WIDE}

    def fill(self, params: list[dict[str, float]]) -> None:
        if isinstance(self.storage, optuna.storages.RDBStorage):
            self._insert(self.storage, params)
            return
        self.study.add_trials(
            [optuna.trial.create_trial(params=p, distributions=self._space, value=score(p)) for p in params]
        )

    def _insert(self, storage: optuna.storages.RDBStorage, params: list[dict[str, float]]) -> None:
        """The same rows at once: a trial at a time it commits for minutes."""
        known, now = len(self.study.get_trials(deepcopy=False)), datetime.now()
        told = {name: optuna.distributions.distribution_to_json(one) for name, one in self._space.items()}
        trials, found, values = [], [], []
        for number, one in enumerate(params, known):
            key = {"trial_id": number + 1}
            times = {"datetime_start": now, "datetime_complete": now}
            trials.append({**key, "number": number, "study_id": 1, "state": "COMPLETE", **times})
            values.append({**key, "objective": 0, "value": score(one), "value_type": "FINITE"})
            for name, value in one.items():
                found.append({**key, "param_name": name, "param_value": value, "distribution_json": told[name]})
        with storage.engine.begin() as connection:
            for model, rows in ((models.TrialModel, trials), (models.TrialParamModel, found)):
                connection.execute(model.__table__.insert(), rows)
            connection.execute(models.TrialValueModel.__table__.insert(), values)

    def turn(self, sampler: optuna.samplers.BaseSampler) -> Turn:
        study = optuna.load_study(study_name="bench", storage=self.study._storage, sampler=sampler)

        def turn() -> None:
            trial = study.ask()
            params = {name: trial.suggest_float(name, 0.0, 1.0) for name in WIDE}
            study.tell(trial, score(params))

        return turn


def alternating(sides: dict[str, Turn], turns: int) -> dict[str, tuple[float, float]]:
    """Milliseconds a turn by the clock and of CPU, the medians. The sides alternate in rows of turns, the first turn of
    each row is not counted."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(_ROWS):
        for name, turn in sides.items():
            turn()
            for _ in range(-(-turns // _ROWS)):
                begun, cpu = time.perf_counter(), time.process_time()
                turn()
                took[name].append((time.perf_counter() - begun, time.process_time() - cpu))
    return {
        name: (statistics.median(wall for wall, _ in times) * 1e3, statistics.median(cpu for _, cpu in times) * 1e3)
        for name, times in took.items()
    }


def _told(name: str, size: int, took: dict[str, tuple[float, float]]) -> None:
    parts = [f"{side} {wall:.2f} ({cpu:.2f} CPU)" for side, (wall, cpu) in took.items()]
    (ours, ours_cpu), theirs = took["Weft"], took["Optuna's SQLite"][0]
    line = f"{name} at {size:,} trials, suggest and report, ms: {', '.join(parts)}; ratio {ours / theirs:.3f}"
    limit = LIMITS_MS.get((name, size))
    if limit is not None:
        line += f"; under {limit:g} ms: {'yes' if ours < limit else 'NO'}, of CPU {'yes' if ours_cpu < limit else 'NO'}"
    print(line, flush=True)


def _alone(size: int) -> None:
    """The suggestion without the store."""
    trials = [Trial("s", n, TrialStatus.COMPLETE, p, [score(p)]) for n, p in enumerate(earlier(0, size))]
    for name, method in (("random", "random"), ("TPE", "bayes")):
        suggester = Suggester(parse_spec(config(method)))
        took = alternating({"one": lambda s=suggester: s.next(trials, size) and None}, 20)["one"]  # type: ignore[misc]
        print(f"{name} at {size:,} trials, the suggestion alone: {took[0]:.3f} ms ({took[1]:.3f} CPU)", flush=True)


def _listing(ours: Weft, theirs: Optuna) -> None:
    sweep = ours.store.sweeps.get_sweep(ours.sweep_id)
    sides: dict[str, Turn] = {
        "Weft": lambda: ours.store.sweeps.list_trials(ours.sweep_id) and None,
        "Weft's sweep with its counts and best": lambda: ours.store.sweeps.get_sweep(ours.sweep_id) and None,
        "Weft's columns for the page": lambda: columns_of(sweep, ours.store.sweeps.list_trials(ours.sweep_id)) and None,
        "Optuna's SQLite": lambda: theirs.storage.get_all_trials(theirs.study._study_id, deepcopy=False) and None,
    }
    took = alternating(sides, 5)
    parts = ", ".join(f"{side} {wall:.1f} ({cpu:.1f} CPU)" for side, (wall, cpu) in took.items())
    ratio = took["Weft"][0] / took["Optuna's SQLite"][0]
    print(f"listing {sum(sweep.counts.values()):,} trials, ms: {parts}; ratio {ratio:.3f}", flush=True)


def main() -> None:
    """Print the cost of a turn at each size, and of the list, beside Optuna's."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    address = os.environ.get("WEFT_BENCH_DB")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given = {"dir": folder / "weft", **({"db": address} if address else {})}
        lines = optuna.storages.journal.JournalFileBackend(str(folder / "lines.log"))
        with closing(open_store(load(given))) as store:
            ours = Weft(store)
            others = {
                "Optuna's SQLite": Optuna(optuna.storages.RDBStorage(f"sqlite:///{folder / 'optuna.db'}")),
                "its journal": Optuna(optuna.storages.JournalStorage(lines)),
            }
            filled = 0
            for size, turns in SIZES.items():
                more = earlier(filled, size)
                for side in (ours, *others.values()):
                    side.fill(more)
                filled = size
                samplers: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
                    "random": lambda: optuna.samplers.RandomSampler(seed=0),
                    "TPE": lambda: optuna.samplers.TPESampler(seed=0, multivariate=True, constant_liar=True),
                }
                for name, method in (("random", "random"), ("TPE", "bayes")):
                    sides = {"Weft": ours.turn(method)}
                    sides |= {other: study.turn(samplers[name]()) for other, study in others.items()}
                    _told(name, size, alternating(sides, turns))
                _alone(size)
                agent = alternating({"agent": ours.agent()}, turns)["agent"]
                print(f"an agent's whole turn at {size:,} trials, random: {agent[0]:.2f} ms ({agent[1]:.2f} CPU)")
            _listing(ours, others["Optuna's SQLite"])


if __name__ == "__main__":
    main()
