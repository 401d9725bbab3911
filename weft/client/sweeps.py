"""Sweeps of a Weft server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from weft.client.wire import Wire, parse, segment
from weft.records import dumps, loads
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus


class RemoteSweeps:
    """Sweeps and their trials."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create_sweep(self, sweep: Sweep) -> Sweep:
        """Store a sweep."""
        return _sweep(self._wire.post("/api/sweeps", asdict(sweep), again=False))

    def get_sweep(self, sweep_id: str) -> Sweep:
        """One sweep."""
        return _sweep(self._wire.get(_path(sweep_id)))

    def list_sweeps(self, project: str | None = None) -> list[Sweep]:
        """Sweeps, the newest first."""
        found: list[Sweep] = parse(list[Sweep], self._wire.get("/api/sweeps", project=project))
        return found

    def change_sweep(
        self, sweep_id: str, *, status: SweepStatus | None = None, config: Mapping[str, Any] | None = None
    ) -> Sweep:
        """Change a sweep."""
        given = dumps({"status": status, "config": None if config is None else dict(config)})
        answer = self._wire.call("PATCH", _path(sweep_id), content=given, content_type="application/json")
        return _sweep(loads(answer.content))

    def finish_sweep(self, sweep_id: str, config: Mapping[str, Any]) -> Sweep:
        """Say that a sweep has all that it wants."""
        return _sweep(self._wire.post(f"{_path(sweep_id)}/finish", {"config": dict(config)}))

    def delete_sweep(self, sweep_id: str) -> None:
        """Forget a sweep."""
        self._wire.call("DELETE", _path(sweep_id), again=False)

    def get_trial(self, sweep_id: str, number: int) -> Trial:
        """One trial."""
        return _trial(self._wire.get(f"{_path(sweep_id)}/trials/{number}"))

    def list_trials(self, sweep_id: str, *, changed_after_ns: int | None = None) -> list[Trial]:
        """Trials by number."""
        answer = self._wire.get(f"{_path(sweep_id)}/trials", changed_after_ns=changed_after_ns)
        found: list[Trial] = parse(list[Trial], answer)
        return found

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
        """Begin a trial."""
        given = {"agent": agent, "number": number, "params": dict(params), "attrs": dict(attrs or {})}
        return _trial(self._wire.post(f"{_path(sweep_id)}/trials", {**given, "lease_s": lease_s, "host": host}))

    def take_over(
        self, sweep_id: str, agent: str, *, lease_s: float = 60.0, retries: int = 1, host: str | None = None
    ) -> Trial | None:
        """Begin a crashed trial again. Where the answer is lost, its lease goes by and it comes again."""
        given = {"agent": agent, "lease_s": lease_s, "retries": retries, "host": host}
        found = self._wire.post(f"{_path(sweep_id)}/take-over", given, again=False)["trial"]
        return None if found is None else _trial(found)

    def renew(self, sweep_id: str, number: int, agent: str, *, lease_s: float = 60.0, host: str | None = None) -> str:
        """A heartbeat."""
        given = {"agent": agent, "lease_s": lease_s, "host": host}
        told: str = self._wire.post(f"{_path(sweep_id)}/trials/{number}/renew", given)["told"]
        return told

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
        """Say how a trial ended."""
        numbers = None if values is None else list(values)
        given = {"agent": agent, "status": status, "values": numbers, "reason": reason}
        return _trial(self._wire.post(f"{_path(sweep_id)}/trials/{number}/finish", given))

    def cancel_trial(self, sweep_id: str, number: int, *, reason: str | None = None) -> Trial:
        """End a trial."""
        path = f"{_path(sweep_id)}/trials/{number}/cancel"
        return _trial(self._wire.post(path, {"reason": reason}, again=False))

    def retry_trial(self, sweep_id: str, number: int) -> Trial:
        """Have a trial tried again."""
        return _trial(self._wire.post(f"{_path(sweep_id)}/trials/{number}/retry", {}, again=False))

    def add_known(
        self, sweep_id: str, *, params: Mapping[str, Any], values: Sequence[float], run_id: str | None = None
    ) -> Trial:
        """Add an earlier result."""
        given = {"params": dict(params), "values": list(values), "run_id": run_id}
        return _trial(self._wire.post(f"{_path(sweep_id)}/known", given, again=run_id is not None))


def _path(sweep_id: str) -> str:
    return f"/api/sweeps/{segment(sweep_id)}"


def _sweep(data: Any) -> Sweep:
    found: Sweep = parse(Sweep, data)
    return found


def _trial(data: Any) -> Trial:
    found: Trial = parse(Trial, data)
    return found
