"""What serves where, and what a model's tokens cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version of an artifact serving in one environment, from ``started_ns`` until ``ended_ns`` (None: now).

    ``ref`` is ``name:v3``. ``host`` and ``run_id`` say who announced it.
    """

    deployment_id: str
    project: str
    environment: str
    ref: str
    started_ns: int
    ended_ns: int | None = None
    host: str | None = None
    run_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The artifact's name, without its version."""
        return self.ref.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs in a project from ``from_ns`` on, in US dollars a token.

    ``project`` None holds for every project that has no price of its own. It replaces the cost that came with a span.
    Cached input tokens cost what other input does unless told.
    """

    model: str
    input_usd: float
    output_usd: float
    project: str | None = None
    cached_usd: float | None = None
    from_ns: int = 0
