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
from weft.sweeps.agent import Agent, Budget, first_numbers
from weft.sweeps.inside import FunctionTrials
from weft.sweeps.leaving import heeding_sigterm
from weft.sweeps.telling import Teller

_GRACE_S = 20.0


class SharedBudget(Budget):
    """A budget that processes share: whole numbers of theirs, with a lock."""

    def __init__(self, numbers: Any) -> None:
        super().__init__()
        self._numbers, self._lock = numbers, numbers.get_lock()


def run_processes(
    sweep_id: str,
    function: Callable[[], object],
    places: Sequence[Mapping[str, str]],
    count: int | None,
    lease_s: float,
) -> None:
    """Run an agent in a process for each place, with that in its environment, until all have ended.

    Raises WeftError where none of them ended well, or nothing came of the first trials.
    """
    # A function of a script or a notebook cannot be sent to a fresh interpreter; where there is fork, it need not be.
    way = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(way)
    numbers = context.Array("q", first_numbers(count))
    working: list[Any] = []
    for place in places:
        given = (sweep_id, function, dict(place), numbers, lease_s, os.getpid())
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
    if all(codes) or SharedBudget(numbers).is_vain():
        raise WeftError(
            f"The agents failed (exit codes {', '.join(map(str, codes))}).",
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
    sweep_id: str, function: Callable[[], object], place: Mapping[str, str], numbers: Any, lease_s: float, parent: int
) -> None:
    os.environ.update(place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the agent that started this one decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the handler that was there at the fork
    settings = settings_module.load()
    try:
        with heeding_sigterm(), closing(session.open_store(settings)) as store:
            told: dict[str, Any] = {
                "lease_s": lease_s,
                "budget": SharedBudget(numbers),
                "teller": Teller(settings.quiet),
            }
            Agent(store, sweep_id, FunctionTrials(function), here=lambda: os.getppid() == parent, **told).run()
    except WeftError as error:
        sys.stderr.write(f"weft: {error}\n")
        sys.exit(1)
    finally:
        session.close()
