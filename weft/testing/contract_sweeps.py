"""The part of the contract that is about sweeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus
from weft.repositories import Store

CONFIG = {"method": "random", "metric": {"name": "loss"}, "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
SHORT = 0.000001  # a lease that has gone by when anyone looks


def begin(store: Store, **config: Any) -> str:
    """The id of a new sweep."""
    return store.sweeps.create_sweep(Sweep("p", "search", {**CONFIG, **config})).sweep_id


def claim(store: Store, sweep_id: str, agent: str = "ann", **how: Any) -> Trial:
    """The next trial, claimed."""
    number = len(store.sweeps.list_trials(sweep_id))
    return store.sweeps.claim(sweep_id, agent, number=number, params={"lr": number / 10}, **how)


class SweepContract:
    """Sweeps are kept, found, and change their status."""

    def test_a_sweep_is_kept_and_found(self, store: Store) -> None:
        made = store.sweeps.create_sweep(Sweep("p", "search \u00e4", {**CONFIG, "x": {"y": [1, None]}}, author="ann"))
        assert made.sweep_id
        assert (made.status, made.best, made.counts) == (SweepStatus.RUNNING, None, {})
        assert made.created_ns == made.changed_ns > 0
        assert store.sweeps.get_sweep(made.sweep_id) == made
        other = store.sweeps.create_sweep(Sweep("q", "", CONFIG, "mine"))
        assert other.name == "mine"
        assert store.sweeps.list_sweeps("p") == [made]
        assert [sweep.sweep_id for sweep in store.sweeps.list_sweeps()] == ["mine", made.sweep_id]
        store.sweeps.delete_sweep("mine")
        assert store.sweeps.list_sweeps("q") == []

    def test_what_is_not_there_or_wrong_is_refused(self, store: Store) -> None:
        for call in (store.sweeps.get_sweep, store.sweeps.delete_sweep, store.sweeps.list_trials):
            with pytest.raises(NotFoundError, match="There is no sweep 'none'"):
                call("none")
        sweep_id = begin(store)
        with pytest.raises(NotFoundError, match="has no trial 3"):
            store.sweeps.get_trial(sweep_id, 3)
        with pytest.raises(ConflictError, match=r"There is a sweep .* already"):
            store.sweeps.create_sweep(Sweep("p", "again", CONFIG, sweep_id))
        with pytest.raises(InputError, match="The sweep cannot be stored"):
            store.sweeps.create_sweep(Sweep("a/b", "x", CONFIG))
        with pytest.raises(InputError, match="may have 1,048,576 bytes"):
            store.sweeps.change_sweep(sweep_id, config={"parameters": {"a": {"values": ["x" * 1_100_000]}}})

    def test_a_sweep_changes(self, store: Store) -> None:
        sweep_id = begin(store)
        before = store.sweeps.get_sweep(sweep_id)
        wider = {**CONFIG, "run_cap": 10}
        changed = store.sweeps.change_sweep(sweep_id, status=SweepStatus.PAUSED, config=wider)
        assert (changed.status, changed.config) == (SweepStatus.PAUSED, wider)
        assert changed.changed_ns > before.changed_ns
        with pytest.raises(ConflictError, match="is paused: no trial begins"):
            claim(store, sweep_id)
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.RUNNING)
        assert claim(store, sweep_id).number == 0
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.CANCELED)
        with pytest.raises(ConflictError, match="was canceled"):
            store.sweeps.change_sweep(sweep_id, status=SweepStatus.RUNNING)

    def test_a_sweep_ends_unless_it_was_edited(self, store: Store) -> None:
        sweep_id = begin(store, run_cap=1)
        read = store.sweeps.get_sweep(sweep_id).config
        store.sweeps.change_sweep(sweep_id, config={**read, "run_cap": 2})
        assert store.sweeps.finish_sweep(sweep_id, read).status is SweepStatus.RUNNING
        read = store.sweeps.get_sweep(sweep_id).config
        for status in (SweepStatus.PAUSED, SweepStatus.STOPPED):
            store.sweeps.change_sweep(sweep_id, status=status)
            assert store.sweeps.finish_sweep(sweep_id, read).status is status
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.RUNNING)
        assert store.sweeps.finish_sweep(sweep_id, read).status is SweepStatus.FINISHED
        with pytest.raises(NotFoundError, match="There is no sweep 'none'"):
            store.sweeps.finish_sweep("none", {})

    def test_the_best_trial_is_known(self, store: Store) -> None:
        sweep_id = begin(store)
        for number, (value, status) in enumerate(
            ((0.5, TrialStatus.COMPLETE), (0.25, TrialStatus.COMPLETE), (0.1, TrialStatus.PRUNED))
        ):
            claim(store, sweep_id)
            store.sweeps.finish_trial(sweep_id, number, "ann", status, values=[value])
        claim(store, sweep_id)
        claim(store, sweep_id, lease_s=SHORT)
        sweep = store.sweeps.get_sweep(sweep_id)
        assert (sweep.best, sweep.counts) == (1, {"complete": 2, "pruned": 1, "running": 1, "crashed": 1})
        most = {**CONFIG, "metric": {"name": "accuracy", "goal": "maximize"}}
        assert store.sweeps.change_sweep(sweep_id, config=most).best == 0


class TrialContract:
    """A trial is claimed once, held by a lease, given again when its agent is lost, and ended once."""

    def test_a_trial_is_claimed_and_ends(self, store: Store) -> None:
        sweep_id = begin(store)
        trial = store.sweeps.claim(
            sweep_id, "ann", number=0, params={"a.b": 1, "c": None}, attrs={"x": [1.5]}, host="here", lease_s=30
        )
        assert (trial.number, trial.status, trial.params) == (0, TrialStatus.RUNNING, {"a.b": 1, "c": None})
        assert (trial.agent, trial.host, trial.attempts, trial.attrs) == ("ann", "here", 1, {"x": [1.5]})
        assert trial.run_id
        assert trial.lease_until_ns is not None
        assert trial.started_ns < trial.lease_until_ns
        ended = store.sweeps.finish_trial(
            sweep_id, 0, "ann", TrialStatus.COMPLETE, values=[1, 2.5], reason="it is good"
        )
        assert (ended.status, ended.values, ended.reason) == (TrialStatus.COMPLETE, [1.0, 2.5], "it is good")
        assert ended.ended_ns
        assert ended.changed_ns > trial.changed_ns
        assert store.sweeps.get_trial(sweep_id, 0) == ended
        assert store.sweeps.list_trials(sweep_id) == [ended]
        assert store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.FAILED) == ended

    def test_what_is_answered_is_what_is_stored(self, store: Store) -> None:
        sweep_id = begin(store)
        sweeps, words = store.sweeps, "a\x00\ud800\u00e4" + "x" * 300

        def same(trial: Trial | None) -> None:
            assert trial is not None
            assert sweeps.get_trial(sweep_id, trial.number) == trial

        same(claim(store, sweep_id, host=words, attrs={"x": words}))
        same(sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.FAILED, values=[1], reason=words))
        same(sweeps.retry_trial(sweep_id, 0))
        same(sweeps.take_over(sweep_id, "bob"))
        same(sweeps.cancel_trial(sweep_id, 0, reason=words))
        same(sweeps.add_known(sweep_id, params={"lr": 0.5}, values=[2]))

    def test_numbers_come_in_turn(self, store: Store) -> None:
        sweep_id = begin(store)
        first = store.sweeps.claim(sweep_id, "ann", number=0, params={"lr": 0.1})
        assert store.sweeps.claim(sweep_id, "ann", number=0, params={"lr": 0.1}) == first
        store.sweeps.claim(sweep_id, "bob", number=1, params={"lr": 0.3})
        assert store.sweeps.claim(sweep_id, "ann", number=0, params={"lr": 0.1}) == first  # its answer was lost
        for agent, number, lr in (("bob", 0, 0.1), ("ann", 0, 0.2), ("ann", 3, 0.2), ("ann", -1, 0.2)):
            with pytest.raises(ConflictError, match=r"is not the next one of .*: that is 2"):
                store.sweeps.claim(sweep_id, agent, number=number, params={"lr": lr})

    def test_many_agents_get_each_number_once(self, store: Store) -> None:
        sweep_id = begin(store)
        taken: list[int] = []

        def work(agent: str) -> None:
            while (number := len(store.sweeps.list_trials(sweep_id))) < 20:
                try:
                    trial = store.sweeps.claim(sweep_id, agent, number=number, params={"lr": number})
                except ConflictError:
                    continue
                taken.append(trial.number)

        agents = [threading.Thread(target=work, args=(f"agent-{n}",)) for n in range(4)]
        for agent in agents:
            agent.start()
        for agent in agents:
            agent.join()
        assert sorted(taken) == list(range(20))

    def test_what_an_agent_says_is_checked(self, store: Store) -> None:
        sweep_id = begin(store)
        claim(store, sweep_id)
        with pytest.raises(InputError, match=r"A lease of 0\.0 s cannot be held"):
            store.sweeps.renew(sweep_id, 0, "ann", lease_s=0.0)
        with pytest.raises(InputError, match="An agent needs a name"):
            store.sweeps.take_over(sweep_id, "")
        with pytest.raises(InputError, match="does not end as"):
            store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.RUNNING)
        others: list[Callable[[], object]] = [
            lambda: store.sweeps.renew(sweep_id, 0, "bob"),
            lambda: store.sweeps.finish_trial(sweep_id, 0, "bob", TrialStatus.COMPLETE),
        ]
        for call in others:
            with pytest.raises(ConflictError, match="is held by another agent"):
                call()

    def test_a_heartbeat_holds_a_trial(self, store: Store) -> None:
        sweep_id = begin(store)
        trial = claim(store, sweep_id, lease_s=SHORT)
        assert store.sweeps.get_trial(sweep_id, 0).status is TrialStatus.CRASHED
        assert store.sweeps.renew(sweep_id, 0, "ann", lease_s=60, host="node7") == "continue"
        assert store.sweeps.renew(sweep_id, 0, "ann", lease_s=60) == "continue"
        assert store.sweeps.get_trial(sweep_id, 0).host == "node7"
        held = store.sweeps.get_trial(sweep_id, 0)
        assert (held.status, held.changed_ns) == (TrialStatus.RUNNING, trial.changed_ns)
        assert store.sweeps.take_over(sweep_id, "bob") is None

    def test_a_lost_trial_is_given_again(self, store: Store) -> None:
        sweep_id = begin(store)
        first = claim(store, sweep_id, lease_s=SHORT)
        claim(store, sweep_id)
        again = store.sweeps.take_over(sweep_id, "bob", lease_s=SHORT, host="there")
        assert again is not None
        assert (again.number, again.params, again.attempts) == (0, first.params, 2)
        assert (again.agent, again.host) == ("bob", "there")
        assert again.run_id != first.run_id
        with pytest.raises(ConflictError, match="is held by another agent"):
            store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.COMPLETE, values=[1.0])
        assert store.sweeps.take_over(sweep_id, "cem") is None
        failed = store.sweeps.get_trial(sweep_id, 0)
        assert (failed.status, failed.reason) == (TrialStatus.FAILED, "its agents were lost, or gave it back, 2 times")

    def test_nothing_is_given_again_while_the_sweep_rests(self, store: Store) -> None:
        sweep_id = begin(store)
        claim(store, sweep_id, lease_s=SHORT)
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.PAUSED)
        assert store.sweeps.take_over(sweep_id, "bob") is None
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.RUNNING)
        assert store.sweeps.take_over(sweep_id, "bob") is not None

    def test_a_canceled_trial_stops(self, store: Store) -> None:
        sweep_id = begin(store)
        claim(store, sweep_id)
        assert store.sweeps.cancel_trial(sweep_id, 0, reason="too slow").status is TrialStatus.CANCELED
        assert store.sweeps.renew(sweep_id, 0, "ann") == "stop"
        ended = store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.COMPLETE, values=[1.0])
        assert (ended.status, ended.reason, ended.values) == (TrialStatus.CANCELED, "too slow", None)
        with pytest.raises(ConflictError, match="is canceled already"):
            store.sweeps.cancel_trial(sweep_id, 0)
        claim(store, sweep_id)
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.STOPPED)
        assert store.sweeps.renew(sweep_id, 1, "ann") == "continue"
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.CANCELED)
        assert store.sweeps.renew(sweep_id, 1, "ann") == "stop"
        stopped = store.sweeps.get_trial(sweep_id, 1)
        assert (stopped.status, stopped.reason) == (TrialStatus.CANCELED, "the sweep was canceled")
        with pytest.raises(ConflictError, match="was canceled"):
            store.sweeps.retry_trial(sweep_id, 0)

    def test_a_program_that_ended_its_trial_goes_on(self, store: Store) -> None:
        sweep_id = begin(store)
        claim(store, sweep_id, lease_s=SHORT)
        ended = store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.COMPLETE, values=[1.0])
        assert store.sweeps.renew(sweep_id, 0, "ann") == "continue"
        assert store.sweeps.get_trial(sweep_id, 0) == ended

    def test_failed_trials_are_tried_again_by_themselves(self, store: Store) -> None:
        sweep_id = begin(store, retry_failed=1)
        first = claim(store, sweep_id)
        open_again = store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.FAILED, reason="exit code 1")
        assert (open_again.status, open_again.agent, open_again.reason) == (TrialStatus.CRASHED, None, "exit code 1")
        assert open_again.ended_ns is None
        with pytest.raises(ConflictError, match="is held by another agent"):
            store.sweeps.renew(sweep_id, 0, "ann")
        again = store.sweeps.take_over(sweep_id, "ann", retries=1)
        assert again is not None
        assert (again.number, again.attempts, again.params) == (0, 2, first.params)
        failed = store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.FAILED, reason="exit code 2")
        assert (failed.status, failed.reason) == (TrialStatus.FAILED, "exit code 2")

    def test_a_failed_trial_may_be_tried_again(self, store: Store) -> None:
        sweep_id = begin(store)
        claim(store, sweep_id)
        with pytest.raises(ConflictError, match="only failed and canceled ones are retried"):
            store.sweeps.retry_trial(sweep_id, 0)
        store.sweeps.finish_trial(sweep_id, 0, "ann", TrialStatus.FAILED, reason="exit code 1")
        again = store.sweeps.retry_trial(sweep_id, 0)
        assert (again.status, again.reason, again.ended_ns) == (TrialStatus.CRASHED, None, None)
        taken = store.sweeps.take_over(sweep_id, "bob", retries=0)
        assert taken is not None
        assert (taken.number, taken.attempts) == (0, 1)

    def test_earlier_results_are_added(self, store: Store) -> None:
        sweep_id = begin(store)
        known = store.sweeps.add_known(sweep_id, params={"lr": 0.5}, values=[0.125], run_id="r1")
        assert (known.number, known.status, known.values, known.known) == (0, TrialStatus.COMPLETE, [0.125], True)
        assert store.sweeps.add_known(sweep_id, params={"lr": 0.6}, values=[0.5], run_id="r1") == known
        assert claim(store, sweep_id).number == 1
        assert store.sweeps.get_sweep(sweep_id).best == 0

    def test_changes_are_found(self, store: Store) -> None:
        sweep_id = begin(store)
        trials = [claim(store, sweep_id) for _ in range(3)]
        ended = store.sweeps.finish_trial(sweep_id, 1, "ann", TrialStatus.COMPLETE, values=[1.0])
        changes = [trial.changed_ns for trial in [*trials, ended]]
        assert changes == sorted(set(changes))
        found = store.sweeps.list_trials(sweep_id, changed_after_ns=trials[2].changed_ns)
        assert [trial.number for trial in found] == [0, 1, 2]  # those that run are always told
        for number in (0, 2):
            last = store.sweeps.finish_trial(sweep_id, number, "ann", TrialStatus.PRUNED)
        assert store.sweeps.list_trials(sweep_id, changed_after_ns=changes[3])[0].number == 0
        assert store.sweeps.list_trials(sweep_id, changed_after_ns=last.changed_ns) == []
