"""What a run makes and uses: artifacts, and the calls of its project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.records import RegistryVersion
from weft.tracing.calls import Call, read_call, read_calls
from weft.training.artifacts import Artifact, LoggedArtifact, log_artifact, use_artifact
from weft.training.core import RunCore
from weft.training.linking import link


class RunArtifacts(RunCore):
    """The methods of a run that have to do with artifacts."""

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | Path,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> LoggedArtifact:
        """Store an artifact, or a file or folder as one, as made by this run.

        Equal content gives the version that exists. When this returns, the content is safe and may change; with a
        server it is uploaded beside the program (``.wait()``), offline by ``weft sync``. Raises InputError for a bad
        name or path, StoreError where it cannot be kept.
        """
        if name is not None and not isinstance(name, str):
            raise InputError(f"The artifact's name is {name!r}.", remedy="Use aliases=[...].", field="name")
        made = Artifact.of(artifact_or_path, name, type or "files")
        return log_artifact(self._recorder, self.id, made, aliases or (), tags or ())

    def link_artifact(
        self, artifact: Artifact | LoggedArtifact | str, target_path: str, aliases: Sequence[str] | None = None
    ) -> RegistryVersion:
        """Make an artifact's version one of a name in the registry, ``registry/NAME``; one that is not logged yet is.

        Raises InputError for what is no artifact, NotFoundError, ConflictError where the name is another type's.
        """
        if isinstance(artifact, Artifact):
            artifact = self.log_artifact(artifact)
        return link(self._recorder, artifact, target_path, aliases=aliases or ())

    def use_artifact(
        self,
        artifact_or_name: str | LoggedArtifact | Artifact,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> LoggedArtifact:
        """The artifact ``name``, ``name:alias`` or ``name:v3``, noted as used by this run; a project may come before
        it, ``project/name:alias``. One that is not logged yet is logged first, with ``aliases``.

        Raises NotFoundError, and InputError where it is not of ``type``. Offline, and with the server away, it is what
        the cache has. ``use_as`` is accepted and changes nothing.
        """
        if isinstance(artifact_or_name, Artifact):
            drawn = artifact_or_name
            artifact_or_name = drawn.logged if drawn.state != "draft" else self.log_artifact(drawn, aliases=aliases)
        return use_artifact(self._recorder, self.id, artifact_or_name, type)

    def log_model(
        self, path: str | Path, name: str | None = None, aliases: Sequence[str] | None = None
    ) -> LoggedArtifact:
        """Store a file or folder as a version of the model ``name`` (default: the run's)."""
        return self.log_artifact(path, name or f"{self.id}-model", "model", aliases)

    def link_model(
        self,
        path: str | Path,
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
    ) -> RegistryVersion:
        """Store a file or folder as a version of a model, and make it one of a name in the registry."""
        return self.link_artifact(self.log_model(path, name), f"registry/{registered_model_name}", aliases or ())

    def use_model(self, name: str) -> Path:
        """Download a model; the path of its file, or of the folder where it has several."""
        used = self.use_artifact(name)
        folder = used.download()
        return folder / used.files[0].path if len(used.files) == 1 else folder


class RunCalls(RunCore):
    """The methods of a run that read calls."""

    def get_calls(
        self, filter: Mapping[str, Any] | None = None, *, limit: int | None = None, offset: int = 0
    ) -> list[Call]:
        """The project's calls as stored, the earliest first: ``get_calls(filter={"op_names": ["answer"]})``.

        The filters are those of :func:`weft.tracing.calls.read_calls`. Raises InputError for another one.
        """
        return list(read_calls(self._recorder.caught_up(), self.project, filter, limit=limit, offset=offset))

    def get_call(self, call_id: str) -> Call:
        """One call of the project as stored, by its id. Raises NotFoundError."""
        return read_call(self._recorder.caught_up(), self.project, call_id)
