"""Artifacts, dataset examples and lineage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH = 1024


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact: its path inside it (posix, relative), its digest and size.

    A reference has the ``url`` of its content, which is not kept. Its ``digest`` is that of the content where ``etag``
    is None; else of the address and the ``etag`` that the place gave; an empty ``etag`` says that nothing is checked.
    """

    path: str
    digest: str
    size_bytes: int
    url: str | None = None
    etag: str | None = None


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
    """A version of a named, typed thing. ``digest`` covers type, files, examples and metadata as they were logged.

    ``files`` is empty where versions are listed; ``file_count`` and ``size_bytes`` are always told. What it is made of
    never changes; description, metadata, tags, aliases and ``expires_ns`` may.
    """

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
    tags: list[str] = field(default_factory=list)
    expires_ns: int | None = None
    file_count: int = 0
    size_bytes: int = 0

    @property
    def ref(self) -> str:
        """The stable reference, ``name:v3``."""
        return f"{self.name}:v{self.version}"


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What is to change about a version; None leaves it as it is.

    ``aliases`` are all that shall name it, beside ``latest``; an empty ``description`` and an ``expires_ns`` of 0 take
    away what was there.
    """

    description: str | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None
    aliases: list[str] | None = None
    expires_ns: int | None = None


@dataclass(frozen=True, slots=True)
class PendingVersion:
    """A version on its way to the store: its content lies in ``outbox/FOLDER`` of the directory that logged it."""

    version: ArtifactVersion
    folder: str
    aliases: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """How long media that runs log are kept: those older than ``days`` go, and all but the newest ``steps`` of a name.

    The newest of each name in a run stays; tables, texts, histograms and files of a run are no media here.
    """

    days: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class ArtifactCollection:
    """What a collection removed, or would remove: references of versions, how many ``media`` that runs logged (a name
    and step each), and how many contents nothing needs then."""

    versions: list[str] = field(default_factory=list)
    blobs: int = 0
    size_bytes: int = 0
    dry_run: bool = False
    media: int = 0


def is_inside(path: str) -> bool:
    """Whether a path can stand in an artifact: relative, posix, without ``..``, drives or empty parts."""
    return (
        isinstance(path, str)
        and 0 < len(path) <= _LONGEST_PATH
        and not any(bad in path for bad in ("\x00", "\\"))
        and not PurePosixPath(path).is_absolute()
        and not PureWindowsPath(path).drive
        and all(part not in ("", ".", "..") for part in path.split("/"))
    )


def clash_of(paths: Iterable[str]) -> str | None:
    """A path that is a file and a folder of others at once, which no disk can hold; None where there is none."""
    files = set(paths)
    folders: set[str] = set()
    for path in files:
        while (path := path.rpartition("/")[0]) and path not in folders:
            folders.add(path)
    return min(files & folders, default=None)


def is_digest(text: object) -> bool:
    """Whether ``text`` is written as digests are: 64 hex digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


class NodeKind(StrEnum):
    """What lineage connects."""

    RUN = "run"
    ARTIFACT = "artifact"
    SPAN = "span"
    TRACE = "trace"
    QUEUE = "queue"
    DEPLOYMENT = "deployment"
    REGISTRY = "registry"


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
