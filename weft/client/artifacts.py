"""Artifacts and blobs of a Weft server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from weft import digests
from weft.client.wire import Wire, parse, segment
from weft.errors import ServerError, StoreError
from weft.records import ArtifactVersion, Example, LineageEdge, LineageGraph, NodeKind, Page


def _home(project: str, *parts: str) -> str:
    return "/".join(["/api/projects", segment(project), *(segment(part) for part in parts)])


class RemoteArtifacts:
    """Artifacts, aliases, dataset examples, lineage."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create_version(
        self, version: ArtifactVersion, *, examples: Sequence[Example] | None = None, aliases: Sequence[str] = ()
    ) -> ArtifactVersion:
        """Store a version; equal content returns the version that exists."""
        body = {"version": version, "examples": examples and list(examples), "aliases": list(aliases)}
        stored: ArtifactVersion = parse(ArtifactVersion, self._wire.post(_home(version.project, "artifacts"), body))
        return stored

    def get_version(self, project: str, ref: str) -> ArtifactVersion:
        """The version that ``ref`` names."""
        found: ArtifactVersion = parse(ArtifactVersion, self._wire.get(_home(project, "artifacts", ref)))
        return found

    def list_versions(self, project: str, name: str) -> list[ArtifactVersion]:
        """All versions of one artifact."""
        found = self._wire.get(_home(project, "artifacts", name, "versions"))
        versions: list[ArtifactVersion] = parse(list[ArtifactVersion], found)
        return versions

    def list_artifacts(self, project: str, *, type: str | None = None) -> list[ArtifactVersion]:
        """The newest version of each artifact, by name."""
        found = self._wire.get(_home(project, "artifacts"), type=type)
        versions: list[ArtifactVersion] = parse(list[ArtifactVersion], found)
        return versions

    def set_alias(self, project: str, name: str, alias: str, version: int) -> None:
        """Move an alias to a version."""
        self._wire.put(_home(project, "artifacts", name, "aliases", alias), {"version": version})

    def list_examples(
        self, project: str, ref: str, *, split: str | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Example]:
        """A page of a dataset version's examples."""
        path = _home(project, "artifacts", ref, "examples")
        page: Page[Example] = parse(Page[Example], self._wire.get(path, split=split, limit=limit, cursor=cursor))
        return page

    def add_edge(self, edge: LineageEdge) -> None:
        """Add an edge of lineage."""
        self._wire.post(_home(edge.project, "lineage"), edge)

    def use_version(self, project: str, ref: str, run_id: str, *, relation: str = "used") -> ArtifactVersion:
        """The version that a reference names, noted as fed into a run."""
        body = {"run_id": run_id, "relation": relation}
        used: ArtifactVersion = parse(ArtifactVersion, self._wire.post(_home(project, "artifacts", ref, "uses"), body))
        return used

    def lineage(self, project: str, kind: NodeKind, name: str, *, depth: int | None = None) -> LineageGraph:
        """All that is upstream and downstream of one node."""
        found = self._wire.get(_home(project, "lineage"), kind=str(kind), name=name, depth=depth)
        graph: LineageGraph = parse(LineageGraph, found)
        return graph


class RemoteBlobs:
    """Content-addressed bytes, scoped by project."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def put(self, project: str, data: bytes) -> str:
        """Store bytes; returns their digest."""
        answer = self._wire.call("POST", _home(project, "blobs"), content=data, content_type="application/octet-stream")
        digest: str = answer.json()["digest"]
        return digest

    def put_file(self, project: str, path: Path) -> str:
        """Store the bytes of a file; returns their digest. Raises OSError."""
        answer = self._wire.call("POST", _home(project, "blobs"), content=path, content_type="application/octet-stream")
        digest: str = answer.json()["digest"]
        return digest

    def pieces(self, project: str, digest: str) -> Iterator[bytes]:
        """The bytes of a digest piece by piece; where they are damaged or break off, an error is raised at the end."""
        seen = digests.running()
        received = self._wire.stream(_home(project, "blobs", digest))

        def checked() -> Iterator[bytes]:
            for piece in received:
                seen.update(piece)
                yield piece
            if seen.hexdigest() != digest:
                raise StoreError(f"The blob {digest} is damaged.", remedy="Restore it from a backup.", field="digest")

        return checked()

    def get(self, project: str, digest: str) -> bytes:
        """The bytes of a digest."""
        return self._wire.call("GET", _home(project, "blobs", digest)).content

    def has(self, project: str, digest: str) -> bool:
        """Whether there are bytes of a digest."""
        try:
            self._wire.call("HEAD", _home(project, "blobs", digest))
        except ServerError as error:
            if error.status == 404:
                return False
            raise
        return True
