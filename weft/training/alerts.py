"""Alerts of a run, and the note that its machine is about to be taken away."""

from __future__ import annotations

from datetime import timedelta

from weft import clock, ids
from weft.errors import InputError
from weft.records import Alert, AlertLevel
from weft.training.core import RunCore

_WAIT_S = 60.0


class RunAlerts(RunCore):
    """The methods of a run that tell somebody something."""

    def alert(
        self,
        title: str,
        text: str = "",
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Keep an alert with the run, and have it posted to the address of ``WEFT_ALERT_WEBHOOK``, if that is set, by
        the process that stores it; the run does not wait for that.

        ``level`` is ``INFO`` (so by default), ``WARN`` or ``ERROR``. An alert of the same title within
        ``wait_duration`` (seconds or a timedelta, a minute by default) is passed over. Raises InputError.
        """
        try:
            grave = AlertLevel(str(level or AlertLevel.INFO).upper())
        except ValueError:
            raise InputError(
                f"There is no alert level {level!r}.", remedy=f"Use {', '.join(AlertLevel)}.", field="level"
            ) from None
        wait = wait_duration.total_seconds() if isinstance(wait_duration, timedelta) else wait_duration
        now = clock.now_ns()
        with self._lock:
            last = self._alerted.get(str(title))
            if last is not None and now - last < (_WAIT_S if wait is None else wait) * 1e9:
                return
            self._alerted[str(title)] = now
        self._recorder.record(Alert(ids.new_id(), self.id, self.project, now, str(title), str(text), grave))

    def mark_preempting(self) -> None:
        """Say that the machine is about to be taken away: a run that fails or crashes after it counts as preempted."""
        self._record(preempting=True)
