"""The part of the store's contract about histories of runs, and alerts."""

from __future__ import annotations

from typing import Protocol

from weft.records import Alert, Page, Run


class Histories(Protocol):
    """Where the history of a run comes from."""

    def fork_run(self, run_id: str, step: int, *, new_id: str) -> Run:
        """A new run that begins with the config of another and its history up to ``step``; an edge ``forked`` leads to
        it. The same again is the same run. Raises NotFoundError, and ConflictError where ``new_id`` is another run.
        """
        ...

    def rewind_run(self, run_id: str, step: int) -> Run:
        """Take a run back to ``step``. Its history until now stays whole as a run of its own, ``ID.rewound-1`` and so
        on, from which an edge ``rewound`` leads; where there is nothing behind ``step``, nothing changes. Raises
        NotFoundError."""
        ...


class Alerts(Protocol):
    """What runs want somebody to know."""

    def list_alerts(
        self,
        *,
        project: str | None = None,
        run_id: str | None = None,
        posted: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Alert]:
        """Alerts of a project, a run or all, the newest first; those that went out, or those that did not."""
        ...

    def mark_posted(self, alert_id: str) -> Alert:
        """Note that an alert went out; the first time stays. Raises NotFoundError."""
        ...
