"""Several processes that call one function, each an agent of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from weft import session
from weft import settings as settings_module
from weft.errors import WeftError
from weft.sweeps.agent import Agent, Budget
from weft.sweeps.inside import FunctionTrials
from weft.sweeps.leaving import heeding_sigterm

_GRACE_S = 20.0


class SharedBudget(Budget):
    """A budget that processes share."""

    def __init__(self, left: Any) -> None:
        super().__init__()
        self._shared = left

    def take(self) -> bool:
        """Whether one more trial may begin."""
        with self._shared.get_lock():
            self._shared.value -= 1
            return bool(self._shared.value >= 0)

    def put_back(self) -> None:
        """One that began was not done."""
        with self._shared.get_lock():
            self._shared.value += 1


def run_processes(
    sweep_id: str,
    function: Callable[[], object],
    places: Sequence[Mapping[str, str]],
    count: int | None,
    lease_s: float,
) -> None:
    """Run an agent in a process for each place, with that in its environment, until all have ended.

    Raises WeftError where none of them ended well.
    """
    # A function of a script or a notebook cannot be sent to a fresh interpreter; where there is fork, it need not be.
    way = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(way)
    left = None if count is None else context.Value("q", count)
    working: list[Any] = []
    for place in places:
        given = (sweep_id, function, dict(place), left, lease_s, os.getpid())
        process = context.Process(target=_work, args=given, name="weft-agent", daemon=False)  # type: ignore[attr-defined]
        process.start()
        working.append(process)
    try:
        for process in working:
            process.join()
    except BaseException:
        _end(working)
        raise
    codes = [process.exitcode for process in working]
    if all(codes):
        raise WeftError(
            f"Every agent failed (exit codes {', '.join(map(str, codes))}).",
            remedy="What they printed above says why.",
            field="function",
        )


def _end(working: Sequence[Any]) -> None:
    """Have each give its trial back; who does not is ended."""
    for process in working:
        process.terminate()
    for process in working:
        process.join(_GRACE_S)
        if process.is_alive():
            process.kill()
            process.join()


def _work(
    sweep_id: str, function: Callable[[], object], place: Mapping[str, str], left: Any, lease_s: float, parent: int
) -> None:
    os.environ.update(place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the agent that started this one decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the handler that was there at the fork
    budget = Budget() if left is None else SharedBudget(left)
    settings = settings_module.load()
    try:
        with heeding_sigterm(), closing(session.open_store(settings)) as store:
            executor = FunctionTrials(function)
            agent = Agent(
                store, sweep_id, executor, lease_s=lease_s, budget=budget, here=lambda: os.getppid() == parent
            )
            agent.run()
    finally:
        session.close()
