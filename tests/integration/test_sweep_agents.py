"""Agents side by side on one store, under every sampler, and what they do while the store is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from weft.errors import NotFoundError, ServerError, StoreError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus
from weft.repositories import Store
from weft.sweeps.agent import Agent, Budget
from weft.sweeps.holding import Held
from weft.sweeps.outcome import Outcome
from weft.sweeps.peers import Peers
from weft.sweeps.spec import SweepSpec
from weft.testing.memory import memory_store
from weft.training.patience import patiently

# Which warnings are heard is no thread's own: one that asks for silence is at times heard by another.
pytestmark = pytest.mark.filterwarnings("ignore:.* is experimental")
SPACE = {"x": {"min": -5.0, "max": 5.0}, "kind": {"values": ["a", "b"]}}
METHODS: list[dict[str, Any]] = [
    {"method": "random"},
    {"method": "grid", "parameters": {"x": {"min": 1, "max": 6}, "kind": {"values": ["a", "b"]}}},
    *({"method": "bayes", "sampler": name} for name in ("tpe", "cmaes", "qmc", "nsgaii", "random")),
]


@pytest.fixture
def store() -> Iterator[Store]:
    made = memory_store()
    yield made
    made.close()


class Together:
    """An executor whose trials wait for each other, ``many`` at once."""

    def __init__(self, many: int) -> None:
        self._barrier = threading.Barrier(many)

    def run(self, sweep: Sweep, spec: SweepSpec, held: Held, peers: Peers) -> Outcome:
        self._barrier.wait(60)
        return Outcome(TrialStatus.COMPLETE, [held.trial.params["x"] ** 2])


def begin(store: Store, **config: Any) -> str:
    whole = {"metric": {"name": "loss"}, "parameters": SPACE, "run_cap": 12, **config}
    return store.sweeps.create_sweep(Sweep("p", "s", whole)).sweep_id


def searched(store: Store, sweep_id: str, agents: int, **how: Any) -> list[Trial]:
    together = Together(agents)
    working = [threading.Thread(target=Agent(store, sweep_id, together, **how).run) for _ in range(agents)]
    for one in working:
        one.start()
    for one in working:
        one.join()
    return store.sweeps.list_trials(sweep_id)


@pytest.mark.parametrize("config", METHODS, ids=lambda one: one.get("sampler", one["method"]))
def test_agents_at_once_try_different_things(store: Store, config: dict[str, Any]) -> None:
    sweep_id = begin(store, **config)
    trials = searched(store, sweep_id, 4)
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.status for trial in trials} == {TrialStatus.COMPLETE}
    assert len({trial.agent for trial in trials}) == 4
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == 12
    assert store.sweeps.get_sweep(sweep_id).status is SweepStatus.FINISHED


@pytest.mark.parametrize("config", METHODS, ids=lambda one: one.get("sampler", one["method"]))
def test_one_agent_and_one_seed_make_one_sequence(store: Store, config: dict[str, Any]) -> None:
    first, second, other = (searched(store, begin(store, seed=seed, **config), 1) for seed in (3, 3, 4))
    assert [trial.params for trial in first] == [trial.params for trial in second]
    assert ([trial.params for trial in first] == [trial.params for trial in other]) is (config["method"] == "grid")


def test_agents_share_a_budget(store: Store) -> None:
    sweep_id = begin(store, method="random")
    assert len(searched(store, sweep_id, 2, budget=Budget(6))) == 6
    assert store.sweeps.get_sweep(sweep_id).status is SweepStatus.RUNNING


def test_a_space_is_narrowed_while_agents_search_it(store: Store) -> None:
    sweep_id = begin(store, method="bayes", sampler={"name": "tpe", "n_startup_trials": 2})
    searched(store, sweep_id, 2, budget=Budget(6))
    narrow = {"x": {"min": 2.0, "max": 3.0}, "kind": {"values": ["b"]}}
    store.sweeps.change_sweep(sweep_id, config={**store.sweeps.get_sweep(sweep_id).config, "parameters": narrow})
    later = searched(store, sweep_id, 2)[6:]
    assert len(later) == 6
    assert all(2.0 <= trial.params["x"] <= 3.0 and trial.params["kind"] == "b" for trial in later)


def test_a_crashed_cell_of_a_grid_is_done_again(store: Store) -> None:
    sweep_id = begin(store, method="grid", parameters={"x": {"values": [1, 2]}, "kind": {"value": "a"}})
    store.sweeps.claim(sweep_id, "lost", number=0, params={"x": 1, "kind": "a"}, lease_s=1e-6)
    trials = searched(store, sweep_id, 1)
    assert [(trial.params["x"], trial.attempts, trial.status.value) for trial in trials] == [
        (1, 2, "complete"),
        (2, 1, "complete"),
    ]


def test_an_answer_that_was_lost_is_found_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep_id = begin(store, method="random", run_cap=2)
    sweeps = type(store.sweeps)
    claim, lost = sweeps.claim, list[Trial]()

    def claims_but_says_nothing(self: Any, *given: Any, **how: Any) -> Trial:
        trial = claim(self, *given, **how)
        if not lost:
            lost.append(trial)
            raise ServerError("The connection broke.")
        return trial

    monkeypatch.setattr(sweeps, "claim", claims_but_says_nothing)
    monkeypatch.setattr("weft.training.patience.time.sleep", lambda pause_s: None)
    trials = searched(store, sweep_id, 1)
    assert [(trial.attempts, trial.status.value) for trial in trials] == [(1, "complete"), (1, "complete")]
    assert trials[0].run_id == lost[0].run_id


def test_patience(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("weft.training.patience.time.sleep", pauses.append)
    answers: list[Exception | str] = [ServerError("away"), StoreError("locked"), ServerError("busy", status=503), "ok"]

    def ask() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(ask, "agent ann", pause_s=0.5) == "ok"
    assert pauses == [0.5, 0.5, 0.5]
    assert [record.getMessage() for record in caplog.records] == ["Weft: agent ann waits: away [W700]"]
    for refusal in (ServerError("no such key", status=401), NotFoundError("gone")):
        answers = [refusal, "never asked"]
        with pytest.raises(type(refusal)):
            patiently(ask, "agent ann")
    answers = [ServerError("away")]
    with pytest.raises(ServerError, match="away"):
        patiently(ask, "agent ann", over=lambda: True)
