"""Artifacts, dataset examples and lineage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact: its path inside it (posix, relative), its digest and size."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a dataset. ``example_id`` is stable across versions: the digest of its data unless given."""

    example_id: str
    data: dict[str, Any]
    split: str | None = None

    def __getitem__(self, column: str) -> Any:
        """The value of a column; ``id`` is the example's."""
        return self.example_id if column == "id" and column not in self.data else self.data[column]


@dataclass(frozen=True, slots=True)
class ArtifactVersion:
    """An immutable version of a named, typed thing. ``digest`` covers type, files, examples and metadata."""

    project: str
    name: str
    type: str
    version: int
    digest: str
    created_ns: int
    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    files: list[ArtifactFile] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    examples: int = 0
    run_id: str | None = None

    @property
    def ref(self) -> str:
        """The stable reference, ``name:v3``."""
        return f"{self.name}:v{self.version}"


class NodeKind(StrEnum):
    """What lineage connects."""

    RUN = "run"
    ARTIFACT = "artifact"
    SPAN = "span"
    TRACE = "trace"
    QUEUE = "queue"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """``source`` fed into ``target``: dataset -> run (relation ``used``), run -> model (``produced``),
    model -> deployment (``serves``). Runs are named by id, artifacts by ``name:v3``."""

    project: str
    source_kind: NodeKind
    source: str
    relation: str
    target_kind: NodeKind
    target: str
    time_ns: int = 0


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """All that is upstream and downstream of one node."""

    kind: NodeKind
    name: str
    upstream: list[LineageEdge] = field(default_factory=list)
    downstream: list[LineageEdge] = field(default_factory=list)
