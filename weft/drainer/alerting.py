"""Posting alerts of runs to the address that the settings name, in a thread of the process that stores them."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from datetime import UTC, datetime
from typing import Protocol

from weft.errors import WeftError
from weft.records import Alert, Page
from weft.settings import Settings

_log = logging.getLogger("weft")
_TIMEOUT_S = 5.0
_FIRST_S = 1.0
_LONGEST_S = 60.0
_LAST_S = 2.0  # how long the end waits for what is on its way


class HasAlerts(Protocol):
    """The alerts of a store."""

    def list_alerts(self, *, posted: bool | None = None, limit: int = 100, cursor: str | None = None) -> Page[Alert]:
        """Alerts, the newest first."""
        ...

    def mark_posted(self, alert_id: str) -> Alert:
        """Note that one went out."""
        ...


class Poster:
    """Posts alerts that have not gone out, the oldest first, when it is told to look and when it begins.

    An address that does not answer is tried again, less and less often; each alert goes out at least once.
    """

    def __init__(self, alerts: HasAlerts, address: str, pages: str) -> None:
        self._alerts = alerts
        self._address = address
        self._pages = pages
        self._look = threading.Event()
        self._stopping = threading.Event()
        self._look.set()
        self._thread = threading.Thread(target=self._run, name="weft-alerts", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """There may be new ones."""
        self._look.set()

    def close(self) -> None:
        """Post what there is, if the address answers soon; the rest goes out when records are stored again."""
        self._stopping.set()
        self._look.set()
        self._thread.join(_LAST_S)

    def _run(self) -> None:
        wait_s = _FIRST_S
        while True:
            self._look.wait()
            self._look.clear()
            if self._post_all():
                wait_s = _FIRST_S
                if self._stopping.is_set() and not self._look.is_set():
                    return
            elif self._stopping.wait(wait_s):
                return
            else:
                wait_s = min(2 * wait_s, _LONGEST_S)
                self._look.set()

    def _post_all(self) -> bool:
        """Whether all that there was went out."""
        try:
            waiting = self._alerts.list_alerts(posted=False, limit=1000).items
            for alert in reversed(waiting):
                self._post(alert)
                self._alerts.mark_posted(alert.alert_id)
        except (OSError, ValueError, WeftError) as error:  # urllib's errors are OSErrors; a bad address a ValueError
            _log.warning("Alerts cannot be posted: %s", error)
            return False
        return True

    def _post(self, alert: Alert) -> None:
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            self._address,
            data=json.dumps(message(alert, self._pages)).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "weft"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - as above
            pass


def poster_of(alerts: HasAlerts, settings: Settings) -> Poster | None:
    """A poster for these settings; None where they name no address."""
    if not settings.alert_webhook:
        return None
    pages = settings.url or f"http://{settings.host}:{settings.port}"
    return Poster(alerts, settings.alert_webhook, pages.rstrip("/"))


def message(alert: Alert, pages: str) -> dict[str, str]:
    """What is posted: ``text`` is what chat services show, the rest is for programs."""
    url = f"{pages}/run/{alert.run_id}"
    return {
        "text": f"[{alert.level}] {alert.title}\n{alert.text}\n{url}".replace("\n\n", "\n"),
        "level": str(alert.level),
        "title": alert.title,
        "body": alert.text,
        "project": alert.project,
        "run_id": alert.run_id,
        "url": url,
        "time": datetime.fromtimestamp(alert.time_ns / 1e9, UTC).isoformat(),
    }
