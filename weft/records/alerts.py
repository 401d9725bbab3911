"""What a run wants somebody to know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertLevel(StrEnum):
    """How grave an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a run wants somebody to know. ``posted_ns``: when it went out to the webhook; None where it has not."""

    alert_id: str
    run_id: str
    project: str
    time_ns: int
    title: str
    text: str
    level: AlertLevel = AlertLevel.INFO
    posted_ns: int | None = None
