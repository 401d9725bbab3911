"""What ``weft.init`` turns on in this room."""

from __future__ import annotations

from weft.settings import Settings
from weft.tracing import capture, provider
from weft.tracing.instrumentation import instrument


def setup(settings: Settings) -> None:
    """Join the OpenTelemetry provider that the user has set, take the settings over, trace openai and litellm."""
    capture.set_keys(settings.redact_keys.split(","))
    provider.join()
    if settings.instrument:
        instrument()
