"""What ``weft.init`` turns on in this room."""

from __future__ import annotations

from weft.settings import Settings, patterns_of
from weft.tracing import provider, redact


def setup(settings: Settings) -> None:
    """Take the settings over and join the OpenTelemetry provider that the user has set by now."""
    redact.use_setting(settings.redact_keys)
    redact.use_patterns(patterns_of(settings))
    provider.join()
