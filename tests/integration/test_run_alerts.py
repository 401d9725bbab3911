"""Alerts go out to a webhook from who stores them, and the run does not wait for that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

import weft
from weft import session, settings
from weft.drainer.alerting import Poster, message, poster_of
from weft.errors import SettingError
from weft.records import Alert, AlertLevel
from weft.store import open_memory
from weft.testing.batches import batch_of
from weft.testing.waiting import wait_for

QUIET = {"console": False, "git": False, "instrument": False, "system_interval_s": 0, "quiet": True, "drain": "thread"}


class Receiver:
    """A server that keeps what is posted, after ``refusals`` answers of 500."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.refusals = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refusals:
                    receiver.refusals -= 1
                    self.send_error(500)
                    return
                receiver.posted.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *told: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    session.close()
    receiver.close()


def test_an_alert_of_a_run_is_kept_and_posted(receiver: Receiver) -> None:
    run = weft.init("p", id="r", settings={**QUIET, "alert_webhook": receiver.address})
    run.alert("Low accuracy", "0.41", level="WARN")
    weft.flush()
    wait_for(lambda: receiver.posted)
    assert receiver.posted[0]["text"] == "[WARN] Low accuracy\n0.41\nhttp://127.0.0.1:4300/run/r"
    assert {name: receiver.posted[0][name] for name in ("level", "title", "body", "project", "run_id")} == {
        "level": "WARN",
        "title": "Low accuracy",
        "body": "0.41",
        "project": "p",
        "run_id": "r",
    }
    with weft.Api() as api:
        wait_for(lambda: api.store.alerts.list_alerts(posted=True).items)
        (alert,) = api.store.alerts.list_alerts(run_id="r").items
        assert (alert.title, alert.level) == ("Low accuracy", AlertLevel.WARN)


def test_alerts_of_before_go_out_in_order_when_the_address_answers(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.drainer.alerting._FIRST_S", 0.01)
    receiver.refusals = 2
    store = open_memory()
    store.ingest(batch_of("w", *(Alert(f"a{n}", "r", "p", 10**18 + n, str(n), "") for n in range(3))))
    poster = Poster(store.alerts, receiver.address, "http://weft")
    wait_for(lambda: len(receiver.posted) == 3)
    poster.close()
    assert [told["title"] for told in receiver.posted] == ["0", "1", "2"]
    assert receiver.posted[0]["text"] == "[INFO] 0\nhttp://weft/run/r"
    assert store.alerts.list_alerts(posted=False).items == []
    store.close()


def test_without_an_address_nothing_is_posted() -> None:
    assert poster_of(open_memory().alerts, settings.load()) is None
    with pytest.raises(SettingError, match="WEFT_ALERT_WEBHOOK is no address"):
        settings.load({"alert_webhook": "file:///etc/passwd"})


def test_a_message_says_when() -> None:
    told = message(Alert("a", "r", "p", 1_700_000_000 * 10**9, "t", "b", AlertLevel.ERROR), "http://weft")
    assert told["time"] == "2023-11-14T22:13:20+00:00"
