"""Where content of versions may lie on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.drainer import outbox
from weft.recording import Recorder
from weft.settings import Settings
from weft.training.artifacts.cache import Cache


@dataclass(frozen=True, slots=True)
class Place:
    """The Weft directory of ``settings``; ``folder`` of its outbox holds a version that waits for its upload, which
    the ``recorder`` journaled."""

    settings: Settings
    recorder: Recorder | None = None
    folder: str | None = None

    @property
    def directory(self) -> Path:
        """The Weft directory."""
        return self.settings.dir

    def cache(self, *, always: bool = False) -> Cache | None:
        """The cache, where content comes from another machine; ``always``: also where it does not."""
        far = self.settings.url is not None or self.settings.blobs is not None
        return Cache(self.directory, self.settings.cache_bytes) if far or always else None

    def waiting(self, digest: str) -> Path | bytes | None:
        """A content that lies in the outbox still."""
        return None if self.folder is None else outbox.read_content(self.directory, self.folder, digest)
