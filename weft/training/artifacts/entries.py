"""One file of a version, as a list or a path of it gives; and the folder that a download leaves behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any

from weft.records import ArtifactFile

if TYPE_CHECKING:
    from weft.training.artifacts.logged import LoggedArtifact


@dataclass(frozen=True, slots=True)
class Named:
    """What all versions of an artifact have in common; ``Api().artifact_collection(type, name)`` has them."""

    name: str
    type: str
    project: str
    entity: str = ""


class Downloaded(PosixPath):
    """A path that was downloaded to; a text may be added to it, as ``folder + "/weights.bin"``."""

    def __add__(self, text: str) -> str:
        return str(self) + text

    def endswith(self, text: str | tuple[str, ...]) -> bool:
        """Whether the path as a text ends so."""
        return str(self).endswith(text)

    def startswith(self, text: str | tuple[str, ...]) -> bool:
        """Whether the path as a text begins so."""
        return str(self).startswith(text)


class LoggedFile:
    """A file of a version: the fields of :class:`weft.records.ArtifactFile`, and its bytes."""

    def __init__(self, artifact: LoggedArtifact, file: ArtifactFile) -> None:
        self._artifact = artifact
        self._file = file

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._file, name)

    def __eq__(self, other: object) -> bool:
        return self._file == (other._file if isinstance(other, LoggedFile) else other)

    def __hash__(self) -> int:
        return hash(self._file)

    def __repr__(self) -> str:
        return repr(self._file)

    @property
    def record(self) -> ArtifactFile:
        """What is stored of it."""
        return self._file

    @property
    def name(self) -> str:
        """Its path in the artifact."""
        return self._file.path

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._file.size_bytes

    @property
    def ref(self) -> str | None:
        """Where the content of a reference is; None for a file."""
        return self._file.url

    def ref_target(self) -> str:
        """Where the content of a reference is. Raises ValueError for a file, which has its content here."""
        if self._file.url is None:
            raise ValueError(f"{self._file.path!r} is a file, not a reference: download() it")
        return self._file.url

    def read(self) -> bytes:
        """Its bytes. Raises StoreError where they are damaged."""
        return self._artifact._read(self._file)

    def download(
        self, root: str | Path | None = None, skip_cache: bool = False, *, replace: bool = True, exist_ok: bool = True
    ) -> Path:
        """Write it below ``root`` (default that of the artifact's download); returns where it is then."""
        return self._artifact._fetched([self._file], root, skip_cache=skip_cache) / self._file.path


class Files(list[ArtifactFile]):
    """The files of a version; called, as one can read and download them."""

    def __init__(self, artifact: LoggedArtifact, files: Iterable[ArtifactFile]) -> None:
        super().__init__(files)
        self._artifact = artifact

    def __call__(self, names: Iterable[str] | None = None, per_page: int = 50) -> list[LoggedFile]:
        """The files, or those of these names; ``per_page`` changes nothing."""
        wanted = None if names is None else set(names)
        return [LoggedFile(self._artifact, file) for file in self if wanted is None or file.path in wanted]


class Manifest:
    """The files of a version by path: ``manifest.entries["weights.bin"].size``."""

    def __init__(self, files: Iterable[Any]) -> None:
        self.entries: dict[str, Any] = {file.path: file for file in files}
