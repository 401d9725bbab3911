"""How long what is kept, what was deleted, and who did it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Retention:
    """Spans of a project that started more than ``days`` ago go; with ``where``, those that the expression finds."""

    project: str
    days: float
    where: str | None = None
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion did: spans and scores that are gone, spans that matched and are kept because people or lineage
    need their trace, and the traces that lost spans (the first 10,000)."""

    spans: int = 0
    scores: int = 0
    kept: int = 0
    trace_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what when: ``action`` is ``delete`` or ``retention``, ``retention set``, ``retention clear``."""

    audit_id: str
    time_ns: int
    author: str
    action: str
    project: str | None
    expression: str
    spans: int
    scores: int
    kept: int
