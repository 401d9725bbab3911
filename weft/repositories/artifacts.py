"""The part of the store's contract that is about artifacts and their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from weft.records import ArtifactVersion, Example, LineageEdge, LineageGraph, NodeKind, Page
from weft.records.artifacts import ArtifactCollection, MediaLimit, VersionChange


class Artifacts(Protocol):
    """Artifacts, aliases, dataset examples, lineage."""

    def create_version(
        self, version: ArtifactVersion, *, examples: Sequence[Example] | None = None, aliases: Sequence[str] = ()
    ) -> ArtifactVersion:
        """Store a version; its number is set here. Equal content (``digest``) returns the version that exists.

        The alias ``latest`` moves to it, with every alias in ``aliases``. Where ``run_id`` is set, the edge
        run -> artifact ``produced`` is stored in the same transaction. Raises InputError for a path that leads
        elsewhere and where the content of a file is not in ``blobs``.
        """
        ...

    def get_version(self, project: str, ref: str) -> ArtifactVersion:
        """The version named ``name``, ``name:alias``, ``name:v3``, ``name:3`` or ``name:DIGEST``; no suffix means
        ``latest``. With its files."""
        ...

    def list_versions(self, project: str, name: str) -> list[ArtifactVersion]:
        """Every version without its files, the first one first."""
        ...

    def list_artifacts(self, project: str, *, type: str | None = None) -> list[ArtifactVersion]:
        """The newest version of each artifact without its files, by name."""
        ...

    def set_alias(self, project: str, name: str, alias: str, version: int) -> None: ...
    def remove_alias(self, project: str, name: str, alias: str) -> None:
        """Raises NotFoundError."""
        ...

    def change_version(self, project: str, name: str, version: int, change: VersionChange) -> ArtifactVersion:
        """Change what may be changed about a version."""
        ...

    def delete_version(
        self, project: str, name: str, version: int, *, author: str, force: bool = False
    ) -> ArtifactVersion:
        """Delete a version; its number is not given again, its content goes with a collection.

        Raises ConflictError where it serves, is registered, or has an alias beside ``latest`` and is not forced.
        """
        ...

    def collect(
        self,
        project: str | None = None,
        *,
        dry_run: bool = False,
        author: str = "",
        media: MediaLimit | None = None,
    ) -> ArtifactCollection:
        """Delete versions that outlived their time and that nothing holds, logged media over the limit, and all content
        that nothing refers to and that was put over a day ago or was a deleted version's; ``dry_run`` only tells what
        would go. Without ``media`` the limit is that of the store's settings. Raises InputError for a bad limit."""
        ...

    def list_examples(
        self, project: str, ref: str, *, split: str | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Example]: ...
    def add_edge(self, edge: LineageEdge) -> None: ...
    def use_version(self, project: str, ref: str, run_id: str, *, relation: str = "used") -> ArtifactVersion:
        """The version that a reference (also ``registry/name:stage``) names, noted as fed into a run of the project: a
        decision. Raises NotFoundError."""
        ...

    def lineage(self, project: str, kind: NodeKind, name: str, *, depth: int | None = None) -> LineageGraph:
        """All edges reachable upstream and downstream, each once, nearest first; with ``depth``, so many steps away.

        Beside the edges that were added there are those from runs to the runs that they began, and from the model
        versions that answered to the runs (of a span or trace, to it). A version in the registry is one node for all
        projects.
        """
        ...


class Blobs(Protocol):
    """Content-addressed bytes, scoped by project."""

    def put(self, project: str, data: bytes) -> str:
        """Store bytes; returns their digest."""
        ...

    def put_all(self, project: str, contents: Sequence[bytes]) -> list[str]:
        """Store many small contents at once; returns their digests in order."""
        ...

    def put_file(self, project: str, path: Path) -> str:
        """Store the bytes of a file, without having them in memory; returns their digest. Raises OSError."""
        ...

    def put_files(self, project: str, paths: Sequence[Path]) -> list[tuple[str, int]]:
        """Store the bytes of files, of which only what is not there yet is sent; digest and size of each in order.

        Interrupted, it has kept what it was done with. Raises OSError.
        """
        ...

    def known(self, project: str, wanted: Iterable[str]) -> set[str]:
        """Which of these digests there are bytes of; they are kept for a day then, as if they had been put."""
        ...

    def has(self, project: str, digest: str) -> bool: ...
    def get(self, project: str, digest: str) -> bytes: ...
    def fetch(self, project: str, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Digest and bytes of many small blobs, in no order. Raises NotFoundError where one is not there."""
        ...

    def pieces(self, project: str, digest: str) -> Iterator[bytes]:
        """The same bytes piece by piece; where they are damaged, StoreError is raised at their end."""
        ...

    def write_to(self, project: str, digest: str, path: Path) -> None:
        """Write the bytes into a file, as quickly as can be; StoreError where they are damaged. Raises OSError."""
        ...

    def received(self, project: str, digest: str) -> int:
        """How many bytes of an upload in parts have come."""
        ...

    def append(self, project: str, digest: str, offset: int, data: bytes, *, size_bytes: int) -> int:
        """The next part of an upload; with the last one it is a blob. Returns how many bytes have come."""
        ...
