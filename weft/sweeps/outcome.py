"""How a trial ended, and who runs one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from weft.records.sweeps import Sweep, TrialStatus

if TYPE_CHECKING:
    from weft.sweeps.holding import Held
    from weft.sweeps.peers import Peers
    from weft.sweeps.spec import SweepSpec


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended: with one value an objective, and why it was pruned or failed.

    ``crashed`` is one that did not come to its end for a reason that is not its own: it is to be begun again.
    """

    status: TrialStatus
    values: list[float] | None = None
    reason: str | None = None


class Executor(Protocol):
    """Runs trials, one at a time: a function, a command, a task of a cluster."""

    def run(self, sweep: Sweep, spec: SweepSpec, held: Held, peers: Peers) -> Outcome:
        """Run the trial that is held, to its end; early where ``held.reason`` says that it is to stop."""
        ...
