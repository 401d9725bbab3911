"""An artifact that is being put together; logging it makes a version."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weft.drainer.outbox import Content
from weft.errors import InputError, NotFoundError, WeftError
from weft.records.artifacts import ArtifactFile
from weft.training.artifacts import values
from weft.training.artifacts.entries import LoggedFile
from weft.training.artifacts.paths import checked_name, checked_path, files_below
from weft.training.artifacts.references import Reference, describe

if TYPE_CHECKING:
    from weft.training.artifacts.logged import ArtifactTTL, LoggedArtifact

POLICIES = ("mutable", "immutable")
Entry = Content | ArtifactFile
# What a logged artifact has of its version.
_OF_A_VERSION = {
    *("aliases", "created_at", "digest", "entity", "id", "manifest", "project", "qualified_name", "ref", "updated_at"),
    *("source_name", "source_version", "url", "checkout", "delete", "diff", "download", "file", "files", "get", "link"),
    *("logged_by", "new_draft", "used_by", "verify", "ttl", "collection", "commit_hash", "source_artifact"),
    *("source_collection", "source_entity", "source_project", "source_qualified_name", "is_link", "linked_artifacts"),
}

saver: Callable[[Artifact], LoggedArtifact] | None = None
"""Logs an artifact by the run at hand; :mod:`weft.training.run` sets it."""


class Artifact:
    """Files, bytes, references and metadata to be stored as a version of ``name``.

    ``incremental``: what the newest version has stays, but for what is added or removed here. ``use_as``,
    ``storage_region`` and ``digest_algorithm`` are accepted and change nothing. Once it is logged, what it has not of
    itself is its version's: ``artifact.aliases``, ``artifact.download()``. Raises InputError where ``name`` or
    ``type`` cannot stand in an address.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str | None = None,
    ) -> None:
        self.name = checked_name(name, "name")
        self.type = checked_name(type, "type")
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.incremental = incremental
        self.use_as = use_as
        self.tags: list[str] = []
        self.ttl: timedelta | ArtifactTTL | None = None
        self._content: dict[str, Entry] = {}
        self._removed: list[str] = []
        self._logged: LoggedArtifact | None = None
        self._scratch: Path | None = None

    @classmethod
    def of(cls, source: Artifact | str | Path, name: str | None = None, type: str = "files") -> Artifact:
        """``source`` itself, or an artifact of the file or folder it names."""
        if isinstance(source, Artifact):
            return source
        if not isinstance(source, str | os.PathLike):
            raise InputError(
                f"An artifact cannot be made of {source!r}.",
                remedy="Give a weft.Artifact, or the path of a file or folder.",
                field="artifact",
            )
        path = Path(source)
        artifact = cls(name or path.absolute().name, type)
        if path.is_dir():
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
        return artifact

    @classmethod
    def _from(cls, name: str, type: str, files: list[ArtifactFile]) -> Artifact:
        """A draft that begins with what a version has."""
        artifact = cls(name, type)
        artifact._content = {file.path: file for file in files}
        return artifact

    def __repr__(self) -> str:
        state = "not logged yet" if self._logged is None else "logged"
        return f"<weft artifact {self.name} ({self.type}, {len(self._content)} files, {state})>"

    @property
    def paths(self) -> list[str]:
        """The paths of the files inside, sorted."""
        return sorted(self._content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in _OF_A_VERSION:
            raise AttributeError(f"an artifact has no {name!r}")
        return getattr(self.logged, name)

    @property
    def size(self) -> int:
        """The bytes of all files as they are now."""
        return sum(_size(content) for content in self._content.values())

    @property
    def file_count(self) -> int:
        """How many files there are."""
        return len(self._content)

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return self._logged is None

    def finalize(self) -> None:
        """Nothing has to be closed: logging it makes the version."""

    def save(self, project: str | None = None, settings: Any = None) -> LoggedArtifact:
        """Log it as made by the current run; once it is logged, store what was changed. Raises WeftError where no run
        goes on; ``project`` and ``settings`` are the run's."""
        if self._logged is not None:
            return self._logged.save()
        assert saver is not None
        return saver(self)

    @property
    def logged(self) -> LoggedArtifact:
        """The version that logging it made. Raises WeftError where it was not logged."""
        if self._logged is None:
            raise WeftError(f"The artifact {self.name!r} was not logged.", remedy="Use run.log_artifact(artifact).")
        return self._logged

    def wait(self, timeout: float | None = None) -> LoggedArtifact:
        """The version that logging it made, once it is stored: see :meth:`LoggedArtifact.wait`."""
        return self.logged.wait(timeout)

    @property
    def state(self) -> str:
        """``draft`` until it is logged, then the version's."""
        return "draft" if self._logged is None else self._logged.state

    @property
    def version(self) -> str:
        """Which version it became: ``v3``. Raises WeftError where it was not logged."""
        return self.logged.version

    @property
    def number(self) -> int:
        """The version's number, from 1. Raises as :attr:`version`."""
        return self.logged.number

    def add_file(
        self,
        local_path: str | Path,
        name: str | None = None,
        is_tmp: bool = False,
        skip_cache: bool = False,
        policy: str = "mutable",
        overwrite: bool = False,
    ) -> Artifact:
        """Add a file under ``name`` (default: its own), as it is when the artifact is logged.

        ``policy="immutable"``: nobody changes the file before it is uploaded, so that no copy is needed. ``is_tmp``:
        the file may go; it is copied now. ``overwrite`` replaces what has that name. ``skip_cache`` changes nothing.
        Raises InputError where it is not a file or ``name`` is bad.
        """
        source = Path(local_path)
        if policy not in POLICIES:
            raise InputError(
                f"There is no policy {policy!r}.", remedy=f"Use one of {', '.join(POLICIES)}.", field="policy"
            )
        if not source.is_file():
            told = f"{os.fspath(local_path)!r} is a folder." if source.is_dir() else ""
            raise InputError(
                told or f"There is no file {os.fspath(local_path)!r}.",
                remedy="Use add_dir." if told else "Check the path.",
                field="local_path",
            )
        inside = source.name if name is None else name
        if overwrite:
            self._content.pop(inside, None)
        if is_tmp:
            source = Path(shutil.copy2(source, Path(tempfile.mkdtemp(dir=self._room()), source.name)))
        return self._add(inside, Content(source.absolute(), left=policy == "immutable"))

    def add_dir(
        self,
        local_path: str | Path,
        name: str | None = None,
        skip_cache: bool = False,
        policy: str = "mutable",
        merge: bool = False,
    ) -> Artifact:
        """Add all files below a folder, under ``name/`` if given; links to folders are not followed. ``merge``: files
        that have the names of others take their place. ``skip_cache`` changes nothing."""
        folder = Path(local_path)
        if not folder.is_dir():
            raise InputError(
                f"There is no folder {os.fspath(local_path)!r}.", remedy="Check the path.", field="local_path"
            )
        for source in files_below(folder):
            inside = source.relative_to(folder).as_posix()
            inside = inside if name is None else f"{name.rstrip('/')}/{inside}"
            self.add_file(source, inside, policy=policy, overwrite=merge)
        return self

    def add_bytes(self, data: bytes | str, name: str) -> Artifact:
        """Add a file made of ``data`` (text as UTF-8) under ``name``."""
        return self._add(name, Content(data.encode() if isinstance(data, str) else bytes(data)))

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: str = "mutable"
    ) -> Iterator[IO[Any]]:
        """A file to write, which is added under ``name`` at the end of the block, unless that raises.

        ``mode``: ``x`` or ``w`` for text, ``xb`` or ``wb`` for bytes; with ``w`` one of that name is replaced.
        ``policy`` changes nothing.
        """
        if mode not in ("x", "w", "xb", "wb"):
            raise InputError(f"A new file cannot be opened with {mode!r}.", remedy="Use 'w' or 'wb'.", field="mode")
        checked_path(name)
        if "x" in mode and name in self._content:
            raise self._has_already(name)
        path = Path(tempfile.mkdtemp(dir=self._room()), "file")
        with path.open("wb") as raw:
            file: IO[Any] = raw if "b" in mode else io.TextIOWrapper(raw, encoding=encoding or "utf-8", newline="")
            yield file
            file.flush()
            if file is not raw:
                file.detach()  # type: ignore[attr-defined]
        self._content.pop(name, None)
        self._add(name, Content(path))

    def add_reference(
        self,
        uri: str | LoggedFile,
        name: str | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
        *,
        etag: str | None = None,
        digest: str | None = None,
    ) -> Artifact:
        """Add what lies at an address without keeping a copy: ``s3://``, ``gs://``, ``http(s)://``, ``file://`` or
        another that fsspec knows; a folder or prefix is each file below it, at most ``max_objects`` (default 10,000).

        What is noted to know it again is the place's ETag, of local files the digest of the content; ``etag`` or
        ``digest`` (BLAKE3) that are known are taken as they are. Without ``checksum`` the place is not asked. A file of
        another version, ``other.get_path("x")``, is the same content here, stored once. Raises InputError where nothing
        is there, MissingExtraError where the address needs a package that is not installed.
        """
        if isinstance(uri, LoggedFile):
            inside = checked_path(name or uri.name)
            if uri.record.url is not None:
                return self._add(inside, replace(uri.record, path=inside))
            return self._add(inside, Content(uri.download(tempfile.mkdtemp(dir=self._room()))))
        wanted = Reference(str(uri), name, checksum, max_objects, etag, digest)
        for file in describe(wanted):
            self._add(checked_path(file.path), file)
        return self

    def add(self, obj: Any, name: str, overwrite: bool = False) -> Artifact:
        """Add a table, an image or another value that a run can log; :meth:`LoggedArtifact.get` gives it back by
        ``name``. ``overwrite`` replaces the one of that name. Raises InputError for anything else."""
        for path, content in values.files_of(obj, name):
            if overwrite or path.startswith(values.SHARED):
                self._content.pop(path, None)
            self._add(path, Content(content))
        return self

    def __getitem__(self, name: str) -> Any:
        return self.logged.get(name)

    def __setitem__(self, name: str, obj: Any) -> None:
        self.add(obj, name)

    def get_path(self, name: str) -> Entry:
        """The content that stands under a path. Raises NotFoundError."""
        if name not in self._content:
            raise NotFoundError(f"The artifact {self.name!r} has no file {name!r}.", field="name")
        return self._content[name]

    get_entry = get_path

    def remove(self, item: str | LoggedFile) -> Artifact:
        """Take a file out, or all below a folder. Raises NotFoundError where there is none."""
        name = item if isinstance(item, str) else item.name
        gone = [path for path in self._content if path == name or path.startswith(f"{name.rstrip('/')}/")]
        if not gone and not self.incremental:
            raise NotFoundError(f"The artifact {self.name!r} has no file {name!r}.", field="name")
        for path in gone:
            del self._content[path]
        self._removed.append(name.rstrip("/"))
        return self

    def contents(self) -> Iterator[tuple[str, Entry]]:
        """Path inside and content of every file, sorted by path."""
        for inside in self.paths:
            yield inside, self._content[inside]

    def _merged(self, base: list[ArtifactFile]) -> list[ArtifactFile]:
        """What of ``base`` stays beneath an incremental draft."""

        def stays(path: str) -> bool:
            return path not in self._content and not any(
                path == name or path.startswith(f"{name}/") for name in self._removed
            )

        return [file for file in base if stays(file.path)]

    def _add(self, inside: str, content: Entry) -> Artifact:
        inside = checked_path(inside)
        former = self._content.get(inside)
        if former is not None and former != content and not isinstance(former, ArtifactFile):
            raise self._has_already(inside)
        self._content[inside] = content
        return self

    def _has_already(self, inside: str) -> InputError:
        return InputError(
            f"The artifact {self.name!r} has a file {inside!r} already.", remedy="remove() it first.", field="name"
        )

    def _room(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="weft-artifact-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        return self._scratch


def _size(entry: Entry) -> int:
    if isinstance(entry, ArtifactFile):
        return entry.size_bytes
    return len(entry.source) if isinstance(entry.source, bytes) else entry.source.stat().st_size
