"""Agents are killed, machines are lost or come back late, servers go away: each trial is done once, none is lost."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import machines
import pytest
from machines import Machine
from test_server_kill import Server

import weft
from weft.records.sweeps import SweepStatus, Trial, TrialStatus
from weft.store import open_store
from weft.testing.postgres import postgres_server
from weft.testing.waiting import wait_for
from weft.workbench import start_background

CONFIG = {"method": "random", "metric": {"name": "loss"}, "parameters": {"x": {"min": 0.0, "max": 1.0}}, "retries": 5}
KEY = "the-key-of-the-test"


@dataclass
class Place:
    """Where trials are stored: how agents reach it, and whether somebody who stands still holds it."""

    where: dict[str, str]
    is_free: Callable[[], bool]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    while machines.begun:
        machines.begun.pop().vanish()


def sqlite_place(path: Path) -> Place:
    """A file that several machines share (of one host: SQLite is no database for networks)."""

    def is_free() -> bool:
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE").connection.rollback()
            except sqlite3.OperationalError:
                return False
            return True

    return Place({"WEFT_DB": f"sqlite:///{path}"}, is_free)


@pytest.fixture(
    params=["sqlite", "server", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield sqlite_place(tmp_path / "shared.db")
    elif request.param == "server":
        server = Server(tmp_path / "server", api_key=KEY)
        yield Place({"WEFT_URL": server.url, "WEFT_API_KEY": KEY}, lambda: True)
        server.running.stop()
    else:
        with postgres_server() as url:
            yield Place({"WEFT_DB": url}, lambda: True)


def begin(place: Place, monkeypatch: pytest.MonkeyPatch, trials: int) -> str:
    """A sweep; this process reaches the store as the agents do."""
    for name, value in {**place.where, "WEFT_QUIET": "1"}.items():
        monkeypatch.setenv(name, value)
    return weft.sweep({**CONFIG, "run_cap": trials}, project="victim")


def check(sweep_id: str, trials: int, log: Path) -> list[Trial]:
    """Each trial was reported once, by the run that it names, under parameters of its own."""
    with weft.Api() as api:
        sweep = api.store.sweeps.get_sweep(sweep_id)
        found = api.store.sweeps.list_trials(sweep_id)
    assert sweep.status is SweepStatus.FINISHED
    assert [trial.number for trial in found] == list(range(trials))
    assert {trial.status for trial in found} == {TrialStatus.COMPLETE}, [trial.reason for trial in found]
    done = Counter(log.read_text("utf-8").splitlines())
    told = Counter(line.partition("|")[2] for line in done.elements())
    assert {trial.run_id: told[str(trial.run_id)] for trial in found} == {trial.run_id: 1 for trial in found}
    assert len({trial.params["x"] for trial in found}) == trials
    assert [trial.values for trial in found] == [pytest.approx([abs(trial.params["x"] - 0.3) / 5]) for trial in found]
    return found


def check_runs(found: Sequence[Trial], lost: Machine) -> dict[str, int]:
    """The runs of trials are stored whole, but for what only a machine had that is lost; returns how many of which
    state there are."""
    gone = {f"-{pid}-" for pid in lost.pids()}
    kept = [trial for trial in found if not any(pid in str(trial.agent) for pid in gone)]
    with weft.Api() as api:

        def runs() -> dict[str, weft.api.StoredRun]:
            return {run.id: run for run in api.runs("victim")}

        def unfinished() -> list[tuple[int, str | None, str]]:
            stored = runs()
            states = [(t.number, t.agent, stored[id_].state if (id_ := str(t.run_id)) in stored else "-") for t in kept]
            return [one for one in states if one[2] != "finished"]

        try:
            wait_for(lambda: not unfinished(), timeout_s=60)
        except TimeoutError:
            raise AssertionError([*unfinished(), *map(Machine.waiting, machines.begun)]) from None
        stored = runs()
        assert all(trial.values == [stored[str(trial.run_id)].summary["loss"]] for trial in kept)
        return dict(Counter(run.state for run in stored.values()))


def search(
    place: Place,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    trials: int,
    deaths: list[int],
    each: int,
    lease_s: float,
) -> None:
    """Agents do trials: on one machine as many as ``deaths``, some of which are killed; on one that is lost with all
    it has, and on one that stands still for longer than a lease and then goes on, ``each``."""
    started = time.monotonic()
    sweep_id, log = begin(place, monkeypatch, trials), folder / "done.txt"
    steady, lost, late = (Machine(folder / name, place.where) for name in ("steady", "lost", "late"))
    for dies in deaths:
        steady.agent(sweep_id, log, dies=dies, lease_s=lease_s)
    for machine in (lost, late):
        for _ in range(each):
            machine.agent(sweep_id, log, holds=2 if trials > 50 else 1, lease_s=lease_s)
    wait_for(lambda: lost.holding(log) and late.holding(log), timeout_s=120)
    lost.vanish()
    late.signal(signal.SIGSTOP)
    while not place.is_free():  # it was stopped while it wrote
        late.signal(signal.SIGCONT)
        late.signal(signal.SIGSTOP)
    with weft.Api() as api:
        silent = [f"-{pid}-" for pid in (*lost.pids(), *late.pids())]

        def is_theirs() -> bool:
            running = [one for one in api.store.sweeps.list_trials(sweep_id) if one.ended_ns is None]
            return any(pid in str(one.agent) for one in running for pid in silent)

        wait_for(lambda: not is_theirs(), timeout_s=120)
    late.signal(signal.SIGCONT)
    expected = [-signal.SIGKILL if dies else 0 for dies in deaths]
    ended = steady.ended()
    assert [code for code, _ in ended] == expected, ended
    ended = late.ended()
    assert [code for code, _ in ended] == [0] * each, ended
    assert all(Path(f"{log}.heard.{pid}").exists() for pid in late.pids())
    found = check(sweep_id, trials, log)
    assert sum(trial.attempts - 1 for trial in found) >= sum(map(bool, deaths)) + 2 * each
    states = check_runs(found, lost)
    again_begun = sum(trial.attempts > 1 for trial in found)
    print(f"{trials} trials in {time.monotonic() - started:.1f} s, {again_begun} begun again; runs: {states}")


def test_an_agent_a_machine_and_a_late_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = sqlite_place(tmp_path / "shared.db")
    place.where["WEFT_DRAIN"] = "thread"  # as good here, and begins at once
    search(place, tmp_path, monkeypatch, trials=8, deaths=[2, 0], each=1, lease_s=2.0)


@pytest.mark.soak  # it has to wait until leases have gone by
def test_a_server_goes_away_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path / "server", api_key=KEY)
    place = Place({"WEFT_URL": server.url, "WEFT_API_KEY": KEY, "WEFT_DRAIN": "thread"}, lambda: True)
    sweep_id, log = begin(place, monkeypatch, 3), tmp_path / "done.txt"
    working, idle = Machine(tmp_path / "working", place.where), Machine(tmp_path / "idle", place.where)
    for holds in (1, 1):
        working.agent(sweep_id, log, holds=holds, lease_s=3.0)
    wait_for(lambda: working.holding(log), timeout_s=60)
    idle.agent(sweep_id, log, lease_s=3.0)  # has soon done the third, and would take over what seems to be lost
    wait_for(lambda: log.exists() and log.read_text(), timeout_s=60)
    with weft.Api() as api:
        held = {trial.number: trial.agent for trial in api.store.sweeps.list_trials(sweep_id)}
        until = max(trial.lease_until_ns or 0 for trial in api.store.sweeps.list_trials(sweep_id))
    server.running.stop()
    wait_for(lambda: time.time_ns() > until + 2_500_000_000)  # every lease has gone by
    with closing(open_store(server.settings)) as store:
        assert [one.status for one in store.sweeps.list_trials(sweep_id)][:2] == [TrialStatus.CRASHED] * 2
    Path(f"{log}.go").touch()  # the trials end while nobody can be told
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) == 3)
    server.running = start_background(server.settings)
    for machine in (working, idle):
        ended = machine.ended()
        assert {code for code, _ in ended} == {0}, ended
    found = check(sweep_id, 3, log)
    assert {trial.number: trial.agent for trial in found} == held
    assert [trial.attempts for trial in found] == [1, 1, 1]
    server.running.stop()


@pytest.mark.soak
def test_two_agents_of_eight_and_two_machines(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    search(place, tmp_path, monkeypatch, trials=200, deaths=[4, 9, 0, 0], each=2, lease_s=6.0)
    with capsys.disabled():
        print(place.where, capsys.readouterr().out)
