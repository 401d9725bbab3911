"""The part of the contract that is about sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus


class Sweeps(Protocol):
    """Sweeps and their trials: every method is one transaction, those on one sweep take turns.

    Raises NotFoundError for what is not there, ConflictError for a trial that is another's.
    """

    def create_sweep(self, sweep: Sweep) -> Sweep:
        """Store a sweep, under a new id where it has none. Raises ConflictError for an id that exists, InputError."""
        ...

    def get_sweep(self, sweep_id: str) -> Sweep: ...
    def list_sweeps(self, project: str | None = None) -> list[Sweep]:
        """The sweeps of a project, or all; the newest first."""
        ...

    def change_sweep(
        self, sweep_id: str, *, status: SweepStatus | None = None, config: Mapping[str, Any] | None = None
    ) -> Sweep:
        """Set what is not None; to cancel a sweep cancels what runs of it, too. Raises ConflictError where a canceled
        one is to go on."""
        ...

    def finish_sweep(self, sweep_id: str, config: Mapping[str, Any]) -> Sweep:
        """Say that a sweep has all that ``config`` wants. One whose configuration is another by now, or that does not
        run, stays as it is."""
        ...

    def delete_sweep(self, sweep_id: str) -> None:
        """Forget a sweep and its trials; their runs stay."""
        ...

    def get_trial(self, sweep_id: str, number: int) -> Trial: ...
    def list_trials(self, sweep_id: str, *, changed_after_ns: int | None = None) -> list[Trial]:
        """Trials by number: all, or those that changed after a ``changed_ns`` and all that run."""
        ...

    def claim(
        self,
        sweep_id: str,
        agent: str,
        *,
        number: int,
        params: Mapping[str, Any],
        attrs: Mapping[str, Any] | None = None,
        lease_s: float = 60.0,
        host: str | None = None,
    ) -> Trial:
        """Begin trial ``number``, which must be the next, and hold it for ``lease_s``. The same claim again by the
        agent that has it is the same answer, whatever was claimed since. Raises ConflictError where the number is
        taken or the sweep does not run.
        """
        ...

    def take_over(
        self, sweep_id: str, agent: str, *, lease_s: float = 60.0, retries: int = 1, host: str | None = None
    ) -> Trial | None:
        """Begin the first trial again whose agent let the lease go by; None where there is none or the sweep does not
        run. A trial that was begun again ``retries`` times already has failed."""
        ...

    def renew(self, sweep_id: str, number: int, agent: str, *, lease_s: float = 60.0, host: str | None = None) -> str:
        """A heartbeat: ``continue``, or ``stop`` where the trial or its sweep was canceled. Leases are measured by the
        clock of the database, not by that of the agent's machine. ``host`` is where the trial runs, if not where it was
        claimed. Raises ConflictError where another has the trial."""
        ...

    def finish_trial(
        self,
        sweep_id: str,
        number: int,
        agent: str,
        status: TrialStatus,
        *,
        values: Sequence[float] | None = None,
        reason: str | None = None,
    ) -> Trial:
        """Say how a trial ended: complete, pruned or failed. One that was canceled meanwhile stays so, one that has
        ended stays as it is. One that failed for the first times is given to the next agent where the sweep's
        ``retry_failed`` is so many. Raises ConflictError where another has it, InputError for another status."""
        ...

    def cancel_trial(self, sweep_id: str, number: int, *, reason: str | None = None) -> Trial:
        """End a trial; its agent hears of it with the next heartbeat. Raises ConflictError where it has ended."""
        ...

    def retry_trial(self, sweep_id: str, number: int) -> Trial:
        """Have a failed or canceled trial tried again by the next agent. Raises ConflictError for any other, and where
        the sweep was canceled."""
        ...

    def add_known(
        self, sweep_id: str, *, params: Mapping[str, Any], values: Sequence[float], run_id: str | None = None
    ) -> Trial:
        """Add an earlier result as a complete trial; a run that is there already is returned as it is."""
        ...
