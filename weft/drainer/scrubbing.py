"""What the drainer takes out of records before it stores or sends them, by the settings."""

from __future__ import annotations

import functools

from weft import otlp
from weft.drainer.deliver import Scrub
from weft.settings import Settings, patterns_of


def scrub_of(settings: Settings) -> Scrub:
    """The redaction by shape that these settings ask for."""
    return functools.partial(otlp.scrub, patterns=patterns_of(settings))
