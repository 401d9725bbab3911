"""Sweeps for tests of their pages, stored in bulk."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import review_ui_seeds as seeds

from weft import clock
from weft.records import Metrics, RunKind, RunStatus, RunUpdate
from weft.records.sweeps import Sweep, TrialStatus
from weft.repositories import Store
from weft.store import tables

PROJECT = "tuning"
S = 10**9
CONFIG: dict[str, Any] = {
    "program": "train.py",
    "method": "bayes",
    "metric": {"name": "loss", "goal": "minimize", "target": 0.1},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
        "layers": {"min": 1, "max": 8},
        "optimizer": {"values": ["sgd", "adam"]},
        "momentum": {"min": 0.0, "max": 0.99, "when": {"optimizer": ["sgd"]}},
    },
    "early_terminate": {"type": "hyperband", "min_iter": 3, "eta": 3},
    "run_cap": 20,
}
STEPS = 12


def params_of(rng: random.Random) -> dict[str, Any]:
    """Parameters of a trial."""
    found = {"lr": 10 ** rng.uniform(-5, -1), "layers": rng.randint(1, 8), "optimizer": rng.choice(["sgd", "adam"])}
    return {**found, "momentum": rng.random() * 0.99} if found["optimizer"] == "sgd" else found


def begin(store: Store, name: str = "tune", **changes: Any) -> str:
    """The id of a new sweep."""
    return store.sweeps.create_sweep(Sweep(PROJECT, name, {**CONFIG, **changes}, author="ann")).sweep_id


def small(store: Store, name: str = "tune") -> str:
    """A sweep that runs, with 14 trials: 8 complete (trial 5 the best), 3 pruned at iteration 3, one failed, two at
    work; each with its curve."""
    rng, sweep_id, told = random.Random(7), begin(store, name), []
    for number in range(14):
        agent = f"node{number % 2}-77-aabbccd{number % 2}"
        trial = store.sweeps.claim(
            sweep_id, agent, number=number, params=params_of(rng), host=f"node{number % 2}", lease_s=3600
        )
        assert trial.run_id is not None
        start, steps = clock.now_ns() - (14 - number) * 60 * S, STEPS
        last = 0.2 if number == 5 else 0.3 + number / 100
        if number in (3, 6, 9):
            steps, last = 3, 0.9
            reason = f"hyperband at iteration 3: best loss {last}, worse than 0.5 (the best 1/3)"
            store.sweeps.finish_trial(sweep_id, number, agent, TrialStatus.PRUNED, values=[last], reason=reason)
        elif number == 11:
            store.sweeps.finish_trial(sweep_id, number, agent, TrialStatus.FAILED, reason=seeds.HOSTILE)
        elif number < 12:
            store.sweeps.finish_trial(sweep_id, number, agent, TrialStatus.COMPLETE, values=[last])
        status = RunStatus.RUNNING if number >= 12 else RunStatus.FAILED if number == 11 else RunStatus.FINISHED
        named = {"environment": {"sweep": {"sweep_id": sweep_id, "trial": number, "attempt": 1}}, "group": sweep_id}
        told.append(
            RunUpdate(trial.run_id, PROJECT, start, kind=RunKind.TRIAL, name=f"trial-{number}", status=status,
                      started_at_ns=start, **named)  # type: ignore[arg-type]
        )  # fmt: skip
        told += [
            Metrics(trial.run_id, PROJECT, step, start + step * S, {"loss": last + math.exp(-step / 2)})
            for step in range(steps)
        ]
    seeds.ingest(store, told, writer=f"sweep-{sweep_id}")
    return sweep_id


def large(store: Store, count: int) -> str:
    """A sweep with very many trials that have ended: every third was pruned, every 37th failed; trial 4321 is best."""
    rng, sweep_id, now = random.Random(11), begin(store, "large", run_cap=2 * count), clock.now_ns() - count * 10 * S
    rows = []
    for number in range(count):
        params = params_of(rng)
        value = 0.2 if number == 4321 else 0.3 + abs(math.log10(params["lr"]) + 3) / 4 + rng.random() / 4
        status = "failed" if number % 37 == 5 else "pruned" if number % 3 == 1 else "complete"
        status = "complete" if number == 4321 else status
        results = None if status == "failed" else json.dumps([value])
        row = {"sweep_id": sweep_id, "number": number, "status": status, "params": json.dumps(params), "attrs": "{}"}
        row |= {"results": results, "value": value if results else None, "run_id": f"large{number:05}", "attempts": 1}
        row |= {"agent": f"node{number % 8}-1-aabbcc", "host": f"node{number % 8}", "known": False, "changed_ns": now}
        row |= {"reason": {"pruned": "hyperband at iteration 3", "failed": "exit code 1"}.get(status)}
        row |= {"lease_until_ns": now, "started_ns": now + number * 10 * S, "ended_ns": now + (number * 10 + 9) * S}
        rows.append(row)
    with store.sweeps._database.write() as connection:  # type: ignore[attr-defined]
        connection.execute(tables.trials.insert(), rows)
    return sweep_id
