"""Artifacts of a Weft server."""

from __future__ import annotations

from collections.abc import Sequence

from weft.client.wire import Wire, parse, segment
from weft.records import ArtifactVersion, Example, LineageEdge, LineageGraph, NodeKind, Page
from weft.records.artifacts import ArtifactCollection, MediaLimit, VersionChange


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

    def remove_alias(self, project: str, name: str, alias: str) -> None:
        """Take an alias away."""
        self._wire.call("DELETE", _home(project, "artifacts", name, "aliases", alias))

    def change_version(self, project: str, name: str, version: int, change: VersionChange) -> ArtifactVersion:
        """Change what may be changed about a version."""
        path = _home(project, "artifacts", name, "versions", str(version))
        changed: ArtifactVersion = parse(ArtifactVersion, self._wire.post(path, change))
        return changed

    def delete_version(
        self, project: str, name: str, version: int, *, author: str, force: bool = False
    ) -> ArtifactVersion:
        """Delete a version; its content goes with a collection."""
        path = _home(project, "artifacts", name, "versions", str(version))
        answer = self._wire.call("DELETE", path, query={"author": author, "force": force}, again=False)
        gone: ArtifactVersion = parse(ArtifactVersion, answer.json())
        return gone

    def collect(
        self,
        project: str | None = None,
        *,
        dry_run: bool = False,
        author: str = "",
        media: MediaLimit | None = None,
    ) -> ArtifactCollection:
        """Delete what has outlived its time, and content that nothing refers to; ``dry_run`` only tells."""
        body = {"project": project, "dry_run": dry_run, "author": author, "media": media}
        done: ArtifactCollection = parse(ArtifactCollection, self._wire.post("/api/artifacts/collect", body))
        return done

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
