"""What ``weft.init`` turns on in this room."""

from __future__ import annotations

from weft.settings import Settings
from weft.tracing import capture, provider


def setup(settings: Settings) -> None:
    """Take the settings over and join the OpenTelemetry provider that the user has set by now."""
    capture.set_keys(settings.redact_keys.split(","))
    provider.join()
