"""Where the trials of one call of ``weft.agent`` run: this process, processes, threads, or a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from weft import session
from weft.errors import InputError
from weft.records.sweeps import Sweep
from weft.repositories import Store
from weft.settings import Settings
from weft.sweeps.agent import OVER, Agent, Budget
from weft.sweeps.devices import slots, usable_cores
from weft.sweeps.inside import FunctionTrials
from weft.sweeps.leaving import Leaving, heeding_sigterm, side_by_side
from weft.sweeps.outcome import Executor
from weft.sweeps.outside import CommandTrials
from weft.sweeps.processes import run_processes
from weft.sweeps.ray_trials import Errand, RayCluster, RayTrials, check_reach, connect, planned, room_of
from weft.sweeps.spec import parse_spec
from weft.sweeps.telling import Teller, page_of

NAMES = ("processes", "threads", "ray")


@dataclass(frozen=True, slots=True)
class Work:
    """What ``weft.agent`` was asked: a sweep, a function or None for its command, and how much at once.

    ``parallel`` of None is the executor's own: one trial for a function in this process, otherwise as many as there
    are GPUs or cores; 0 is always that many.
    """

    sweep_id: str
    function: Callable[[], object] | None
    executor: str | RayCluster = "processes"
    parallel: int | None = None
    count: int | None = None
    lease_s: float = 60.0

    def __post_init__(self) -> None:
        for name, number in (("count", self.count), ("parallel", self.parallel)):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
                raise InputError(f"{name} is {number!r}.", remedy="Give a whole number.", field=name)
        if not isinstance(self.executor, RayCluster) and self.executor not in NAMES:
            raise InputError(
                f"There is no executor {self.executor!r}.",
                remedy=f"Give {', '.join(NAMES)}, or a weft.RayCluster.",
                field="executor",
            )
        if self.executor == "threads" and self.function is None:
            raise InputError(
                "Threads run functions, not programs.",
                remedy="Give a function, or leave executor out: programs are processes.",
                field="executor",
            )

    def run(self, store: Store, settings: Settings) -> None:
        """Run trials until the sweep has ended or ``count`` are done; SIGTERM and Ctrl-C give back those at work."""
        call = _Call(self, store, settings, Teller(settings.quiet), store.sweeps.get_sweep(self.sweep_id))
        with heeding_sigterm():
            if self.executor == "ray" or isinstance(self.executor, RayCluster):
                call.on_ray()
            elif self.function is None:
                call.commands()
            elif self.executor == "threads":
                call.threads(self.function)
            elif self.parallel in (None, 1):
                call.one_by_one(self.function)
            else:
                call.processes(self.function)
        sweep = store.sweeps.get_sweep(self.sweep_id)
        call.teller.comes_to(sweep, parse_spec(sweep.config), store.sweeps.list_trials(self.sweep_id))


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of ``weft.agent``."""

    work: Work
    store: Store
    settings: Settings
    teller: Teller
    sweep: Sweep

    def one_by_one(self, function: Callable[[], object]) -> None:
        self._begins("one trial after another")
        with session.aside():
            self._agent(FunctionTrials(function), Leaving(), Budget(self.work.count)).run()

    def processes(self, function: Callable[[], object]) -> None:
        places = slots(self.work.parallel or 0, os.environ)
        self._begins(_at_once(len(places)))
        self.store.close()  # no connection goes through a fork
        with session.aside():
            run_processes(self.work.sweep_id, function, places, self.work.count, self.work.lease_s)

    def commands(self) -> None:
        leaving, budget = Leaving(self.teller.leaves), Budget(self.work.count)

        def agent(extra: Mapping[str, str]) -> Agent:
            environ = {**os.environ, **extra}
            stored = CommandTrials(self.store, self._catch_up, environ, leaving=leaving)
            return self._agent(stored, leaving, budget)

        places = slots(self.work.parallel or 0, os.environ)
        self._begins(_at_once(len(places)))
        side_by_side([agent(place).run for place in places], leaving)

    def threads(self, function: Callable[[], object]) -> None:
        leaving, budget = Leaving(), Budget(self.work.count)
        calls = FunctionTrials(function, thread=True, leaving=leaving)
        agents = [self._agent(calls, leaving, budget) for _ in range(self.work.parallel or usable_cores())]
        self._begins(_at_once(len(agents)))
        with session.aside():
            side_by_side([agent.run for agent in agents], leaving)

    def on_ray(self) -> None:
        asked = self.work.executor if isinstance(self.work.executor, RayCluster) else RayCluster()
        with closing(connect(asked)) as cluster:
            found, parallel = planned(cluster.ray, asked, self.work.parallel or 0)
            only_on = check_reach(cluster.ray, self.settings)
            errand = Errand(self.work.function, self.work.lease_s, only_on=only_on)
            leaving, budget = Leaving(self.teller.leaves), Budget(self.work.count)
            tasks = RayTrials(cluster.ray, found, errand, leaving)
            begun = 0

            def agents_for(room: int) -> list[Callable[[], object]]:
                nonlocal begun
                new = max(0, room - begun)
                begun += new
                return [self._agent(tasks, leaving, budget).run for _ in range(new)]

            def joined() -> list[Callable[[], object]]:
                """For nodes that came since; where some left, trials wait for room."""
                return agents_for(0 if self.work.parallel else room_of(cluster.ray, found))

            self._begins(f"{_at_once(parallel)} on a Ray cluster")
            with heeding_sigterm():  # as it connects, Ray handles the signal itself, and ends the process
                side_by_side(agents_for(parallel), leaving, joined)

    def _begins(self, at_once: str) -> None:
        if self.sweep.status not in OVER:  # of one that is, what it has come to is all there is to say
            self.teller.begins(self.sweep, page_of(self.settings, self.sweep.sweep_id), at_once)

    def _agent(self, executor: Executor, leaving: Leaving, budget: Budget) -> Agent:
        told: dict[str, Any] = {"lease_s": self.work.lease_s, "budget": budget, "teller": self.teller}
        return Agent(self.store, self.work.sweep_id, executor, here=leaving.stays, **told)

    def _catch_up(self) -> None:
        session.catch_up(self.settings, self.store)


def _at_once(count: int) -> str:
    return "one trial at a time" if count == 1 else f"{count} trials at once"
