"""Where the content of a version comes from: the store, the cache, the outbox, or the place that a reference names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from weft import digests
from weft.errors import NotFoundError, StoreError, WeftError
from weft.records import ArtifactFile, ArtifactVersion
from weft.repositories import Blobs
from weft.store.files import place
from weft.training.artifacts.cache import Cache
from weft.training.artifacts.references import bring, state_of

SMALL_BYTES = 1024 * 1024
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of one version. ``blobs`` is None where no store can be asked; ``cache`` None where none is kept;
    ``waiting(digest)`` is a content that has not reached the store."""

    version: ArtifactVersion
    blobs: Blobs | None
    cache: Cache | None = None
    waiting: Callable[[str], Path | bytes | None] | None = None

    def small(self, files: Sequence[ArtifactFile]) -> Iterator[tuple[str, bytes]]:
        """Digest and bytes of each small file, in no order."""
        wanted: list[str] = []
        for digest in dict.fromkeys(file.digest for file in files):
            near = self._near(digest)
            if near is not None:
                yield digest, near if isinstance(near, bytes) else near.read_bytes()
            else:
                wanted.append(digest)
        for start in range(0, len(wanted), _AT_ONCE):
            blobs = self._asked()
            for digest, data in blobs.fetch(self.version.project, wanted[start : start + _AT_ONCE]):
                if digests.of_bytes(data) != digest:
                    raise damaged(self.version, next(file.path for file in files if file.digest == digest))
                if self.cache is not None:
                    self.cache.keep(digest, data)
                yield digest, data

    def write(self, file: ArtifactFile, target: Path) -> None:
        """Write one file, checked. Raises StoreError where it is damaged, OSError."""
        if file.url is not None:
            self._refer(file, target)
            return
        near = self._near(file.digest)
        if isinstance(near, bytes):
            target.write_bytes(near)
        elif near is not None:
            place(near, target)
        else:
            self._asked().write_to(self.version.project, file.digest, target)
            if self.cache is not None:
                self.cache.keep(file.digest, target)

    def pieces(self, file: ArtifactFile) -> Iterator[bytes]:
        """The bytes of one file piece by piece, checked at the end."""
        near = self._near(file.digest)
        if near is None:
            seen = digests.running()
            for piece in self._asked().pieces(self.version.project, file.digest):
                seen.update(piece)
                yield piece
            if seen.hexdigest() != file.digest:
                raise damaged(self.version, file.path)
            return
        yield near if isinstance(near, bytes) else near.read_bytes()

    def problems(self) -> list[str]:
        """What is wrong with any content in the store, or with a reference, a line each."""
        found = []
        blobs = self._asked()
        for file in self.version.files:
            if file.url is not None:
                found += [] if (wrong := state_of(file)) is None else [wrong]
                continue
            try:
                for _ in blobs.pieces(self.version.project, file.digest):
                    pass
            except (NotFoundError, StoreError) as error:
                found.append(f"{file.path}: {error.message}")
        return found

    def _refer(self, file: ArtifactFile, target: Path) -> None:
        near = None if self.cache is None or file.etag == "" else self.cache.find(file.digest)
        if near is not None:
            place(near, target)
            return
        bring(file, target)
        if self.cache is not None and file.etag is None:
            self.cache.keep(file.digest, target)

    def _near(self, digest: str) -> Path | bytes | None:
        found: Path | bytes | None = None if self.cache is None else self.cache.find(digest)
        if found is None and self.waiting is not None:
            found = self.waiting(digest)
        return found

    def _asked(self) -> Blobs:
        if self.blobs is None:
            raise NotFoundError(
                f"The content of {self.version.name!r} is not in this machine's cache, and the store cannot be asked.",
                remedy="Download it once with WEFT_MODE=online, or run `weft artifact get`.",
                field="mode",
            )
        return self.blobs


def damaged(version: ArtifactVersion, path: str) -> StoreError:
    """The error for a file that is not what was stored."""
    return StoreError(f"The file {path!r} of {version.ref} is damaged.", remedy="Run `weft doctor`.", field="path")


def not_kept(version: ArtifactVersion) -> WeftError:
    """The error for a version of a run that records nothing."""
    return WeftError(f"{version.ref} was not kept: Weft is disabled.", remedy="Set WEFT_MODE=online.", field="mode")
