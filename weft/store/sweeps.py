"""Sweeps: their trials are claimed, held by leases and ended in transactions that take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from weft import ids
from weft.errors import ConflictError, InputError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus, tries_after_failure
from weft.store import sweep_rows as rows
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database

_LONGEST_LEASE_S = 7 * 24 * 3600.0
_ENDS = (TrialStatus.COMPLETE, TrialStatus.PRUNED, TrialStatus.FAILED)
_OPEN = {"status": TrialStatus.RUNNING.value, "lease_until_ns": 0, "agent": None}  # for the next agent to take
_AGAIN = (TrialStatus.FAILED, TrialStatus.CANCELED)


class SqlSweeps:
    """The sweeps of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_sweep(self, sweep: Sweep) -> Sweep:
        """Store a sweep, under a new id where it has none. Raises ConflictError for an id that exists, InputError."""
        row = rows.sweep_row(replace(sweep, sweep_id=sweep.sweep_id or ids.new_id()))
        try:
            with self._database.write() as connection:
                connection.execute(t.sweeps.insert().values(**row))
                self._database.insert_new(connection, "projects", ("project",), [(sweep.project,)])
        except IntegrityError:
            raise ConflictError(
                f"There is a sweep {sweep.sweep_id!r} already.", remedy="Leave the id out.", field="sweep_id"
            ) from None
        return self.get_sweep(row["sweep_id"])

    def get_sweep(self, sweep_id: str) -> Sweep:
        """Raises NotFoundError."""
        with self._database.read() as connection:
            found = rows.read_sweeps(connection, "sweep_id", sweep_id)
        if not found:
            raise rows.missing(sweep_id)
        return found[0]

    def list_sweeps(self, project: str | None = None) -> list[Sweep]:
        """The sweeps of a project, or all; the newest first."""
        with self._database.read() as connection:
            return rows.read_sweeps(connection, None if project is None else "project", project)

    def change_sweep(
        self, sweep_id: str, *, status: SweepStatus | None = None, config: Mapping[str, Any] | None = None
    ) -> Sweep:
        """Set what is not None; to cancel a sweep ends its trials. Raises ConflictError where it is to go on then."""
        changed: dict[str, Any] = {} if config is None else {"config": rows.config_json(config)}
        if status is not None:
            changed["status"] = SweepStatus(status).value
        with self._database.write() as connection:
            standing, now, at = rows.hold(connection, sweep_id)
            if standing is SweepStatus.CANCELED and status not in (None, SweepStatus.CANCELED):
                raise _canceled(sweep_id)
            if status == SweepStatus.CANCELED:
                c = t.trials.c
                at_work = (c.sweep_id == sweep_id, c.status == TrialStatus.RUNNING)
                ended = {"status": TrialStatus.CANCELED.value, "ended_ns": at, "changed_ns": now}
                connection.execute(t.trials.update().where(*at_work).values(**ended, reason="the sweep was canceled"))
            if changed:
                connection.execute(t.sweeps.update().where(t.sweeps.c.sweep_id == sweep_id).values(**changed))
        return self.get_sweep(sweep_id)

    def finish_sweep(self, sweep_id: str, config: Mapping[str, Any]) -> Sweep:
        """Say that a sweep has all that this configuration wants; an edited one, or one that rests, stays as it is."""
        with self._database.write() as connection:
            standing = rows.hold(connection, sweep_id).status
            c = t.sweeps.c
            known = v.from_json(connection.execute(select(c.config).where(c.sweep_id == sweep_id)).scalar_one())
            if standing is SweepStatus.RUNNING and known == v.from_json(rows.config_json(config)):
                finished = {"status": SweepStatus.FINISHED.value}
                connection.execute(t.sweeps.update().where(c.sweep_id == sweep_id).values(**finished))
        return self.get_sweep(sweep_id)

    def delete_sweep(self, sweep_id: str) -> None:
        """Forget a sweep and its trials; their runs stay. Raises NotFoundError."""
        with self._database.write() as connection:
            rows.hold(connection, sweep_id)
            connection.execute(t.trials.delete().where(t.trials.c.sweep_id == sweep_id))
            connection.execute(t.sweeps.delete().where(t.sweeps.c.sweep_id == sweep_id))

    def get_trial(self, sweep_id: str, number: int) -> Trial:
        """Raises NotFoundError."""
        with self._database.read() as connection:
            return rows.get_trial(connection, sweep_id, number)

    def list_trials(self, sweep_id: str, *, changed_after_ns: int | None = None) -> list[Trial]:
        """Trials by number: all, or those that changed after a ``changed_ns`` and all that run."""
        with self._database.read() as connection:
            return rows.list_trials(connection, sweep_id, changed_after_ns)

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
        """Begin trial ``number``, which must be the next, and hold it for ``lease_s``."""
        holder = _holder(agent, lease_s, host)
        texts = {"params": rows.params_json(params, "params"), "attrs": rows.params_json(attrs or {}, "attrs")}
        with self._database.write() as connection:
            standing, now, at = rows.hold(connection, sweep_id)
            upcoming = rows.next_number(connection, sweep_id)
            if 0 <= number < upcoming:  # sent again because the answer was lost
                last = rows.get_trial(connection, sweep_id, number, at)
                if (last.agent, last.ended_ns, last.params) == (agent, None, v.from_json(texts["params"])):
                    return last
            if standing is not SweepStatus.RUNNING:
                raise ConflictError(f"The sweep {sweep_id!r} is {standing}: no trial begins.", field="status")
            if number != upcoming:
                raise ConflictError(
                    f"Trial {number} is not the next one of {sweep_id!r}: that is {upcoming}.",
                    remedy="Read the trials again and suggest anew.",
                    field="number",
                )
            row = {"sweep_id": sweep_id, "number": number, "attempts": 1, "known": False, "started_ns": now, **texts}
            return rows.add_trial(connection, {**row, **_begun(holder, lease_s, now, at)}, at)

    def take_over(
        self, sweep_id: str, agent: str, *, lease_s: float = 60.0, retries: int = 1, host: str | None = None
    ) -> Trial | None:
        """Begin the first trial again whose agent let the lease go by; None where there is none."""
        holder = _holder(agent, lease_s, host)
        c = t.trials.c
        with self._database.write() as connection:
            standing, now, at = rows.hold(connection, sweep_id)
            if standing is not SweepStatus.RUNNING:
                return None
            late = select(t.trials).where(
                c.sweep_id == sweep_id, c.status == TrialStatus.RUNNING, c.lease_until_ns < at
            )
            for row in connection.execute(late.order_by(c.number)).mappings().all():
                trial = rows.trial_record(row, at)
                if trial.attempts > retries:
                    reason = trial.reason or f"its agents were lost, or gave it back, {trial.attempts} times"
                    _end(connection, trial, TrialStatus.FAILED, (now, at), reason=reason)
                    continue
                again = {**_begun(holder, lease_s, now, at), "attempts": trial.attempts + 1, "started_ns": now}
                return rows.set_trial(connection, trial, at, **again)
        return None

    def renew(self, sweep_id: str, number: int, agent: str, *, lease_s: float = 60.0, host: str | None = None) -> str:
        """A heartbeat: ``continue``, or ``stop`` where the trial or its sweep was canceled. ``host``: where it runs."""
        named = _holder(agent, lease_s, host)["host"]
        with self._database.write() as connection:
            at = rows.hold(connection, sweep_id).clock_ns
            trial = _held(rows.get_trial(connection, sweep_id, number, at), agent)
            if trial.ended_ns is None:
                moved = {} if named is None else {"host": named}
                rows.set_trial(connection, trial, at, lease_until_ns=_until(lease_s, at), **moved)
        # A program whose run has ended by itself may have more to do.
        return "stop" if trial.status is TrialStatus.CANCELED else "continue"

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
        """Say how a trial ended: complete, pruned or failed; one that has ended stays as it is."""
        if status not in _ENDS:
            raise InputError(
                f"A trial does not end as {status!r}.", remedy=f"Use one of {', '.join(_ENDS)}.", field="status"
            )
        with self._database.write() as connection:
            _, now, at = rows.hold(connection, sweep_id)
            trial = _held(rows.get_trial(connection, sweep_id, number, at), agent)
            if trial.ended_ns is not None:
                return trial
            if status == TrialStatus.FAILED and trial.attempts <= _tries_after_failure(connection, sweep_id):
                why = v.clipped(reason, "reason")
                return rows.set_trial(connection, trial, at, **_OPEN, reason=why, changed_ns=now)
            return _end(connection, trial, TrialStatus(status), (now, at), reason=reason, **rows.results(values))

    def cancel_trial(self, sweep_id: str, number: int, *, reason: str | None = None) -> Trial:
        """End a trial; its agent hears of it with the next heartbeat. Raises ConflictError where it has ended."""
        with self._database.write() as connection:
            _, now, at = rows.hold(connection, sweep_id)
            trial = rows.get_trial(connection, sweep_id, number, at)
            if trial.ended_ns is not None:
                raise ConflictError(f"Trial {number} of {sweep_id!r} is {trial.status} already.", field="number")
            return _end(connection, trial, TrialStatus.CANCELED, (now, at), reason=reason)

    def retry_trial(self, sweep_id: str, number: int) -> Trial:
        """Have a failed or canceled trial tried again by the next agent. Raises ConflictError for any other, and where
        the sweep was canceled."""
        with self._database.write() as connection:
            standing, now, at = rows.hold(connection, sweep_id)
            if standing is SweepStatus.CANCELED:
                raise _canceled(sweep_id)
            trial = rows.get_trial(connection, sweep_id, number, at)
            if trial.status not in _AGAIN:
                raise ConflictError(
                    f"Trial {number} of {sweep_id!r} is {trial.status}: only failed and canceled ones are retried.",
                    field="number",
                )
            cleared = {"attempts": 0, "ended_ns": None, "reason": None, **rows.results(None)}
            return rows.set_trial(connection, trial, at, **_OPEN, **cleared, changed_ns=now)

    def add_known(
        self, sweep_id: str, *, params: Mapping[str, Any], values: Sequence[float], run_id: str | None = None
    ) -> Trial:
        """Add an earlier result as a complete trial; a run that is there already is returned as it is."""
        texts = {"params": rows.params_json(params, "params"), "attrs": "{}", **rows.results(values)}
        c = t.trials.c
        with self._database.write() as connection:
            _, now, at = rows.hold(connection, sweep_id)
            if run_id is not None:
                same = select(c.number).where(c.sweep_id == sweep_id, c.run_id == run_id)
                number = connection.execute(same).scalar()
                if number is not None:
                    return rows.get_trial(connection, sweep_id, number, at)
            number = rows.next_number(connection, sweep_id)
            row = {"sweep_id": sweep_id, "number": number, "attempts": 0, "known": True, "run_id": run_id, **texts}
            times = {"started_ns": now, "ended_ns": now, "changed_ns": now}
            return rows.add_trial(connection, {**row, **times, "status": TrialStatus.COMPLETE.value}, at)


def _canceled(sweep_id: str) -> ConflictError:
    return ConflictError(
        f"The sweep {sweep_id!r} was canceled.",
        remedy="Start another one; its prior_runs may be the runs of this one.",
        field="status",
    )


def _tries_after_failure(connection: Connection, sweep_id: str) -> int:
    c = t.sweeps.c
    config = v.from_json(connection.execute(select(c.config).where(c.sweep_id == sweep_id)).scalar_one())
    return tries_after_failure(config)


def _end(connection: Connection, trial: Trial, status: TrialStatus, when: tuple[int, int], **more: Any) -> Trial:
    now, at = when
    more["reason"] = v.clipped(more.get("reason"), "reason")
    return rows.set_trial(connection, trial, at, status=status.value, ended_ns=at, changed_ns=now, **more)


def _holder(agent: str, lease_s: float, host: str | None) -> dict[str, Any]:
    if not 0 < lease_s <= _LONGEST_LEASE_S:
        raise InputError(f"A lease of {lease_s} s cannot be held.", remedy="Use a few minutes.", field="lease_s")
    if not agent:
        raise InputError("An agent needs a name.", remedy="Use one that no other has.", field="agent")
    return {"agent": v.clipped(agent, "agent"), "host": v.clipped(host, "host")}


def _until(lease_s: float, at: int) -> int:
    return at + int(lease_s * 1e9)


def _begun(holder: dict[str, Any], lease_s: float, now: int, at: int) -> dict[str, Any]:
    return {
        **holder,
        "status": TrialStatus.RUNNING.value,
        "run_id": ids.new_id(),
        "lease_until_ns": _until(lease_s, at),
        "changed_ns": now,
    }


def _held(trial: Trial, agent: str) -> Trial:
    if trial.agent != agent:
        raise ConflictError(
            f"Trial {trial.number} of {trial.sweep_id!r} is held by another agent now.",
            remedy="End this try: the other one counts.",
            field="agent",
        )
    return trial
