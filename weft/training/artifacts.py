"""Artifacts: named, typed, versioned files with a digest, and the edges to the runs that made or used them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from weft import clock, digests, ids
from weft.errors import InputError, NotFoundError, StoreError, WeftError
from weft.recording import Recorder
from weft.records import ArtifactFile, ArtifactVersion
from weft.repositories import Blobs
from weft.tracing.capture import capture


class Artifact:
    """Files, bytes and metadata to be stored as a version of ``name``.

    Raises InputError where ``name`` or ``type`` cannot stand in an address.
    """

    def __init__(
        self, name: str, type: str, description: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.name = _checked_name(name, "name")
        self.type = _checked_name(type, "type")
        self.description = description
        self.metadata = dict(metadata or {})
        self._content: dict[str, Path | bytes] = {}

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

    def __repr__(self) -> str:
        return f"<weft artifact {self.name} ({self.type}, {len(self._content)} files, not logged yet)>"

    @property
    def paths(self) -> list[str]:
        """The paths of the files inside, sorted."""
        return sorted(self._content)

    def add_file(self, path: str | Path, name: str | None = None) -> Artifact:
        """Add a file under ``name`` (default: its own). Raises InputError where it is not a file or ``name`` is bad."""
        source = Path(path)
        if not source.is_file():
            raise InputError(f"There is no file {os.fspath(path)!r}.", remedy="Check the path.", field="path")
        return self._add(source.name if name is None else name, source.absolute())

    def add_dir(self, path: str | Path, name: str | None = None) -> Artifact:
        """Add all files below a folder, under ``name/`` if given; links to folders are not followed."""
        folder = Path(path)
        if not folder.is_dir():
            raise InputError(f"There is no folder {os.fspath(path)!r}.", remedy="Check the path.", field="path")
        for source in _files_below(folder):
            inside = source.relative_to(folder).as_posix()
            self._add(inside if name is None else f"{name}/{inside}", source.absolute())
        return self

    def add_bytes(self, data: bytes | str, name: str) -> Artifact:
        """Add a file made of ``data`` (text as UTF-8) under ``name``."""
        return self._add(name, data.encode() if isinstance(data, str) else bytes(data))

    def contents(self) -> Iterator[tuple[str, Path | bytes]]:
        """Path inside and content of every file, sorted by path."""
        for inside in self.paths:
            yield inside, self._content[inside]

    def _add(self, inside: str, source: Path | bytes) -> Artifact:
        inside = checked_path(inside)
        if inside in self._content and self._content[inside] != source:
            raise InputError(f"The artifact {self.name!r} has a file {inside!r} already.", field="name")
        self._content[inside] = source
        return self


class LoggedArtifact:
    """A stored version of an artifact."""

    def __init__(self, blobs: Blobs | None, version: ArtifactVersion) -> None:
        self._blobs = blobs
        self._stored = version
        self.name = version.name
        self.type = version.type
        self.version = version.version
        self.ref = version.ref
        self.digest = version.digest
        self.aliases = list(version.aliases)
        self.description = version.description
        self.metadata = dict(version.metadata)
        self.files = list(version.files)

    def __repr__(self) -> str:
        return f"<weft artifact {self.ref} ({self.type}, {len(self.files)} files)>"

    def file(self, path: str) -> bytes:
        """The bytes of one file. Raises NotFoundError where there is none, StoreError where they are damaged."""
        for entry in self.files:
            if entry.path == path:
                return b"".join(self._pieces(entry))
        raise NotFoundError(
            f"{self.ref} has no file {path!r}.", remedy=f"It has {[e.path for e in self.files][:10]}.", field="path"
        )

    def download(self, root: str | Path | None = None) -> Path:
        """Write all files below ``root`` (default ``artifacts/NAME-vN``); returns that folder.

        What is there under the same paths is replaced. Raises InputError where the folder cannot be written, and
        StoreError where a stored path leads out of ``root`` or a file's bytes are damaged.
        """
        folder = Path("artifacts", f"{self.name}-v{self.version}") if root is None else Path(root)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return self._write_below(folder)
        except OSError as error:
            raise InputError(
                f"{self.ref} cannot be written to {os.fspath(folder)!r}: {error.strerror}.",
                remedy="Name a folder that can be written.",
                field="root",
            ) from error

    def _write_below(self, folder: Path) -> Path:
        real = folder.resolve()
        for entry in self.files:
            try:
                target = real / checked_path(entry.path)
            except InputError as error:
                raise StoreError(f"{self.ref} holds a hostile path {entry.path!r}.", field="path") from error
            if not target.parent.resolve().is_relative_to(real) or target.is_dir():
                raise StoreError(
                    f"{self.ref} cannot write {entry.path!r}: a link or folder in {folder} is in the way.",
                    remedy="Download into an empty folder.",
                    field="root",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, self._pieces(entry))
        return folder

    def _pieces(self, entry: ArtifactFile) -> Iterator[bytes]:
        if self._blobs is None:
            raise WeftError(f"{self.ref} was not kept: Weft is disabled.", remedy="Set WEFT_MODE=online.", field="mode")
        seen = digests.running()
        for piece in self._blobs.pieces(self._stored.project, entry.digest):
            seen.update(piece)
            yield piece
        if seen.hexdigest() != entry.digest:
            raise StoreError(f"The file {entry.path!r} of {self.ref} is damaged.", remedy="Run `weft doctor`.")


def log_artifact(recorder: Recorder, run_id: str, artifact: Artifact, aliases: Sequence[str]) -> LoggedArtifact:
    """Store ``artifact`` as made by the run; the content first, then the version and its edge in one transaction."""
    if isinstance(aliases, str):  # a text is a sequence of letters too
        raise InputError(
            f"The aliases are the text {aliases!r}, not a list.", remedy=f"Use aliases=[{aliases!r}].", field="aliases"
        )
    for alias in aliases:
        _checked_name(alias, "alias")
    if recorder.settings.mode == "disabled":
        return LoggedArtifact(None, _version(recorder, run_id, artifact, aliases, keep=False))
    version = _version(recorder, run_id, artifact, aliases, keep=True)
    stored = recorder.store.artifacts.create_version(version, aliases=[a for a in aliases if a != "latest"])
    return LoggedArtifact(recorder.store.blobs, stored)


def use_artifact(recorder: Recorder, run_id: str, ref: str) -> LoggedArtifact:
    """The version that ``ref`` names, with an edge to the run that uses it."""
    if recorder.settings.mode == "disabled":
        raise WeftError(f"The artifact {ref!r} cannot be read: Weft is disabled.", remedy="Set WEFT_MODE=online.")
    return LoggedArtifact(recorder.store.blobs, recorder.store.artifacts.use_version(recorder.project, ref, run_id))


def checked_path(inside: str) -> str:
    """A path inside an artifact: relative, posix, without ``..``, links or drives. Raises InputError."""
    path = PurePosixPath(inside)
    parts = inside.split("/")
    bad = (
        not inside
        or "\x00" in inside
        or "\\" in inside
        or path.is_absolute()
        or PureWindowsPath(inside).drive
        or any(part in ("", ".", "..") for part in parts)
    )
    if bad:
        raise InputError(
            f"The path {inside!r} cannot stand in an artifact.",
            remedy="Use a relative path with '/' and without '..'.",
            field="name",
        )
    return inside


def _version(
    recorder: Recorder, run_id: str, artifact: Artifact, aliases: Sequence[str], *, keep: bool
) -> ArtifactVersion:
    files: list[ArtifactFile] = []
    for inside, source in artifact.contents():
        try:
            digest, size_bytes = _kept(recorder, source) if keep else _seen(source)
        except OSError as error:
            raise InputError(f"The file {os.fspath(source)!r} cannot be read: {error}.", field="path") from error
        files.append(ArtifactFile(inside, digest, size_bytes))
    metadata = capture(artifact.metadata)
    content = {"type": artifact.type, "metadata": metadata, "files": [[f.path, f.digest] for f in files]}
    return ArtifactVersion(
        project=recorder.project,
        name=artifact.name,
        type=artifact.type,
        version=0,
        digest=digests.of_json(content),
        created_ns=clock.now_ns(),
        description=artifact.description,
        metadata=metadata,
        files=files,
        aliases=list(aliases),
        run_id=run_id,
    )


def _kept(recorder: Recorder, source: Path | bytes) -> tuple[str, int]:
    """Digest and size of a content that was stored; of a file what it is now, however large."""
    if isinstance(source, bytes):
        return recorder.store.blobs.put(recorder.project, source), len(source)
    return recorder.store.blobs.put_file(recorder.project, source), source.stat().st_size


def _seen(source: Path | bytes) -> tuple[str, int]:
    if isinstance(source, bytes):
        return digests.of_bytes(source), len(source)
    return digests.of_file(source), source.stat().st_size


def _checked_name(text: str, what: str) -> str:
    if not isinstance(text, str) or not ids.is_name(text):
        raise InputError(
            f"The artifact's {what} {text!r} cannot stand in an address.",
            remedy="Use letters, digits, '.', '_', '-' and spaces, beginning with a letter or digit.",
            field=what,
        )
    return text


def _files_below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(root, name)
            if path.is_file():  # not a socket, a pipe or a broken link
                yield path


def _write(target: Path, pieces: Iterator[bytes]) -> None:
    """Write whole or not at all; a link at ``target`` is replaced, not followed."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".weft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
