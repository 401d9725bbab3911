"""A bounded cache of downloaded content by digest, and of the versions that it belongs to, in the Weft directory."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict
from pathlib import Path

from weft import digests, ids
from weft.records import ArtifactFile, ArtifactVersion, dumps, loads
from weft.records.artifacts import is_digest
from weft.store.files import place

_LEFT = 0.9  # of the bound, after the oldest went
_READ_ONLY = 0o444


class Cache:
    """Files that only this class writes; nobody changes them, so that they can be links elsewhere."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.root = Path(directory) / "cache"
        self._most = most_bytes
        self._held: int | None = None

    def find(self, digest: str) -> Path | None:
        """The file of a digest, checked; one that was damaged goes."""
        path = self._path(digest)
        if not path.is_file():
            return None
        if digests.of_file(path) != digest:
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # another's cache: it is only its age
            os.utime(path)
        return path

    def keep(self, digest: str, content: Path | bytes) -> None:
        """Keep a content whose digest is known to be right; a cache that cannot be written keeps nothing."""
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if size > self._most:
            return
        path = self._path(digest)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = path.with_name(f"{ids.new_id()}.part")
            try:
                part.write_bytes(content) if isinstance(content, bytes) else place(content, part)
                part.chmod(_READ_ONLY)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            self._held = None if self._held is None else self._held + size
            self._bound()

    def size_bytes(self) -> int:
        """How much it holds."""
        return sum(size for _, size, _ in self._files())

    def clean(self, most_bytes: int = 0) -> int:
        """Let the longest unused go until at most ``most_bytes`` are left; how many bytes went."""
        files = sorted(self._files())
        held = sum(size for _, size, _ in files)
        gone = 0
        for _, size, path in files:
            if held - gone <= most_bytes:
                break
            path.unlink(missing_ok=True)
            gone += size
        self._held = held - gone
        return gone

    def remember(self, project: str, ref: str, version: ArtifactVersion) -> None:
        """Keep what a reference named when it was asked for."""
        path = self._version(project, ref)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = path.with_name(f"{ids.new_id()}.part")
            part.write_bytes(dumps(asdict(version)))
            part.replace(path)

    def recall(self, project: str, ref: str) -> ArtifactVersion | None:
        """What a reference named when it was last asked for."""
        try:
            told = loads(self._version(project, ref).read_bytes())
            told["files"] = [ArtifactFile(**file) for file in told["files"]]
            return ArtifactVersion(**told)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _bound(self) -> None:
        if self._held is None:
            self._held = self.size_bytes()
        if self._held > self._most:
            self.clean(int(self._most * _LEFT))

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in (self.root / "files").glob("*/*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        return found

    def _path(self, digest: str) -> Path:
        name = digest if is_digest(digest) else digests.of_bytes(digest.encode())
        return self.root / "files" / name[:2] / name

    def _version(self, project: str, ref: str) -> Path:
        return self.root / "versions" / f"{digests.of_json([project, ref])}.json"
