"""Histories of runs and alerts of a Weft server."""

from __future__ import annotations

from weft.client.wire import Wire, parse, segment
from weft.records import Alert, Page, Run


class RemoteHistories:
    """Where the history of a run comes from."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def fork_run(self, run_id: str, step: int, *, new_id: str) -> Run:
        """A new run with the history of another up to ``step``. Sent again after a lost answer, it is the same one."""
        forked: Run = parse(Run, self._wire.post(f"/api/runs/{segment(run_id)}/fork", {"step": step, "new_id": new_id}))
        return forked

    def rewind_run(self, run_id: str, step: int) -> Run:
        """Take a run back to ``step``. Sent again after a lost answer, there is nothing left to do."""
        rewound: Run = parse(Run, self._wire.post(f"/api/runs/{segment(run_id)}/rewind", {"step": step}))
        return rewound


class RemoteAlerts:
    """What runs want somebody to know."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_alerts(
        self,
        *,
        project: str | None = None,
        run_id: str | None = None,
        posted: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Alert]:
        """A page of alerts, the newest first."""
        found = self._wire.get("/api/alerts", project=project, run_id=run_id, posted=posted, limit=limit, cursor=cursor)
        page: Page[Alert] = parse(Page[Alert], found)
        return page

    def mark_posted(self, alert_id: str) -> Alert:
        """Note that an alert went out."""
        alert: Alert = parse(Alert, self._wire.post(f"/api/alerts/{segment(alert_id)}/posted", {}))
        return alert
