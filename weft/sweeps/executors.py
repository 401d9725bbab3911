"""Where the trials of one call of ``weft.agent`` run: this process, processes, threads, or a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

from weft import session
from weft.errors import InputError
from weft.repositories import Store
from weft.settings import Settings
from weft.sweeps.agent import Agent, Budget
from weft.sweeps.devices import slots, usable_cores
from weft.sweeps.inside import FunctionTrials
from weft.sweeps.leaving import Leaving, heeding_sigterm, side_by_side
from weft.sweeps.outcome import Executor
from weft.sweeps.outside import CommandTrials
from weft.sweeps.processes import run_processes
from weft.sweeps.ray_trials import Errand, RayCluster, RayTrials, check_reach, connect, planned, room_of

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
        with heeding_sigterm():
            if self.executor == "ray" or isinstance(self.executor, RayCluster):
                self._on_ray(store, settings)
            elif self.function is None:
                self._commands(store, settings)
            elif self.executor == "threads":
                self._threads(store, self.function)
            elif self.parallel in (None, 1):
                with session.aside():
                    self._agent(store, FunctionTrials(self.function), Leaving(), Budget(self.count)).run()
            else:
                store.close()  # no connection goes through a fork
                places = slots(self.parallel or 0, os.environ)
                with session.aside():
                    run_processes(self.sweep_id, self.function, places, self.count, self.lease_s)

    def _agent(self, store: Store, executor: Executor, leaving: Leaving, budget: Budget) -> Agent:
        return Agent(store, self.sweep_id, executor, lease_s=self.lease_s, budget=budget, here=leaving.stays)

    def _commands(self, store: Store, settings: Settings) -> None:
        leaving, budget = Leaving(), Budget(self.count)

        def agent(extra: Mapping[str, str]) -> Agent:
            environ = {**os.environ, **extra}
            commands = CommandTrials(store, lambda: session.catch_up(settings, store), environ, leaving=leaving)
            return self._agent(store, commands, leaving, budget)

        side_by_side([agent(place).run for place in slots(self.parallel or 0, os.environ)], leaving)

    def _threads(self, store: Store, function: Callable[[], object]) -> None:
        leaving, budget = Leaving(), Budget(self.count)
        calls = FunctionTrials(function, thread=True, leaving=leaving)
        agents = [self._agent(store, calls, leaving, budget) for _ in range(self.parallel or usable_cores())]
        with session.aside():
            side_by_side([agent.run for agent in agents], leaving)

    def _on_ray(self, store: Store, settings: Settings) -> None:
        asked = self.executor if isinstance(self.executor, RayCluster) else RayCluster()
        with closing(connect(asked)) as cluster:
            found, parallel = planned(cluster.ray, asked, self.parallel or 0)
            errand = Errand(self.function, self.lease_s, only_on=check_reach(cluster.ray, settings))
            leaving, budget = Leaving(), Budget(self.count)
            tasks = RayTrials(cluster.ray, found, errand, leaving)
            begun = 0

            def agents_for(room: int) -> list[Callable[[], object]]:
                nonlocal begun
                new = max(0, room - begun)
                begun += new
                return [self._agent(store, tasks, leaving, budget).run for _ in range(new)]

            def joined() -> list[Callable[[], object]]:
                """For nodes that came since; where some left, trials wait for room."""
                return agents_for(0 if self.parallel else room_of(cluster.ray, found))

            with heeding_sigterm():  # as it connects, Ray handles the signal itself, and ends the process
                side_by_side(agents_for(parallel), leaving, joined)
