"""Leases on a database that machines share: their clocks differ, and one that falls silent holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weft import clock
from weft.errors import StoreError
from weft.records.sweeps import Sweep, TrialStatus
from weft.store import SqlStore, open_url, sweep_rows

pytestmark = pytest.mark.postgres
HOUR_NS = 3_600_000_000_000


@pytest.fixture
def store(new_postgres: Callable[[], str], tmp_path: Path) -> Iterator[SqlStore]:
    made = open_url(new_postgres(), tmp_path)
    yield made
    made.close()


@pytest.fixture
def sweep_id(store: SqlStore) -> str:
    return store.sweeps.create_sweep(Sweep("p", "s", {"method": "random"})).sweep_id


def test_a_machine_whose_clock_is_wrong_takes_nothing_away(store: SqlStore, sweep_id: str) -> None:
    store.sweeps.claim(sweep_id, "ann", number=0, params={}, lease_s=60)
    for wrong in (HOUR_NS, -HOUR_NS):
        clock.replace(lambda wrong=wrong: time.time_ns() + wrong)  # type: ignore[misc]
        try:
            assert store.sweeps.get_trial(sweep_id, 0).status is TrialStatus.RUNNING
            assert store.sweeps.list_trials(sweep_id)[0].status is TrialStatus.RUNNING
            assert store.sweeps.get_sweep(sweep_id).counts == {"running": 1}
            assert store.sweeps.take_over(sweep_id, "bob") is None
            assert store.sweeps.renew(sweep_id, 0, "ann", lease_s=60) == "continue"
        finally:
            clock.replace(None)
        assert store.sweeps.take_over(sweep_id, "bob") is None


def test_a_machine_that_falls_silent_in_a_transaction_is_given_up(
    store: SqlStore, sweep_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_rows, "LOST_AFTER", "200ms")
    holds, over = threading.Event(), threading.Event()
    said: list[StoreError] = []

    def silent() -> None:
        try:
            with store.database.write() as connection:
                sweep_rows.hold(connection, sweep_id)
                holds.set()
                over.wait(60)
        except StoreError as error:
            said.append(error)

    machine = threading.Thread(target=silent)
    machine.start()
    assert holds.wait(60)
    assert store.sweeps.claim(sweep_id, "bob", number=0, params={}).agent == "bob"  # it waits until that is given up
    over.set()
    machine.join()
    assert "idle-in-transaction" in str(said[0])
