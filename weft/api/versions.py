"""Artifacts as they are read: versions, the names that have them, types of names."""

from __future__ import annotations

from typing import Any

from weft.api.collections import ArtifactType, Collection, types_of, version_of
from weft.api.opened import Opened
from weft.api.records import Records
from weft.errors import InputError, NotFoundError
from weft.training.artifacts import LoggedArtifact


class ArtifactReading(Opened):
    """The part of :class:`weft.Api` that reads artifacts."""

    def artifacts(
        self, project: str | None = None, name: str | None = None, *, type: str | None = None, **more: Any
    ) -> Records[Any]:
        """The newest version of each artifact of a project (default WEFT_PROJECT), of this ``type``.

        As other trackers have it, ``artifacts(type_name, "project/name")`` are all versions of a name, the newest
        first, ready for ``download``.
        """
        if name is not None:
            return self.artifact_collection(more.get("type_name") or project or "", name).artifacts()
        return Records(self.store.artifacts.list_artifacts(self.project(project), type=type))

    def artifact(self, name: str, project: str | None = None, *, type: str | None = None) -> LoggedArtifact:
        """The artifact ``name``, ``name:alias`` or ``name:v3``, ready for ``download``; a project may come before it,
        ``project/name:alias``. Raises NotFoundError, and InputError where it is not of ``type``."""
        return version_of(self, name, project, type=type)

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Records[LoggedArtifact]:
        """All versions of ``project/name``, the newest first. Raises NotFoundError."""
        return self.artifact_collection(type_name, name).artifacts()

    def artifact_types(self, project: str | None = None, start: str | None = None) -> Records[ArtifactType]:
        """The types of a project's artifacts (default WEFT_PROJECT)."""
        return types_of(self, self.project(project))

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """One of them. Raises NotFoundError."""
        for found in self.artifact_types(project):
            if found.name == type_name:
                return found
        raise NotFoundError(f"There is no artifact of type {type_name!r} in {self.project(project)!r}.", field="type")

    def artifact_collections(self, project_name: str, type_name: str, **paging: Any) -> Records[Collection]:
        """The names of the artifacts of a type in a project."""
        home = self.project(project_name)
        return ArtifactType(self, home, type_name).collections()

    def artifact_collection(self, type_name: str, name: str) -> Collection:
        """One name of a type, ``project/name``, with all its versions. Raises NotFoundError."""
        before, _, last = name.rpartition("/")
        return ArtifactType(self, self.project(before or None), type_name).collection(last.partition(":")[0])

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is such a version."""
        try:
            return self.artifact(name, type=type) is not None
        except (NotFoundError, InputError):
            return False

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether there is such a name of a type."""
        try:
            return self.artifact_collection(type, name) is not None
        except NotFoundError:
            return False
