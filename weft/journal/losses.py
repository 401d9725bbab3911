"""What could not be kept: counted by reason, said once, left in a small file for others to see."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from pathlib import Path

_log = logging.getLogger("weft")
_REASONS = {errno.ENOSPC: "disk full", errno.EDQUOT: "disk quota", errno.EROFS: "read-only"}
_REMEDIES = {
    "quota": "Raise WEFT_JOURNAL_QUOTA_BYTES, or see `weft doctor` why the journal is not drained.",
    "disk full": "Free some space: recording goes on by itself then.",
    "closed": "The session they belong to has ended: call weft.init before recording more.",
    "disk quota": "Free some space: recording goes on by itself then.",
}


class QuotaError(OSError):
    """The journal may not grow."""


def reason_of(error: BaseException) -> str:
    """The reason under which a failure is counted."""
    if isinstance(error, QuotaError):
        return "quota"
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0, errno.errorcode.get(error.errno or 0, "OSError"))
    return type(error).__name__


class Losses:
    """The count of one writer. The caller serialises calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[str, int] = {}
        self._saved: dict[str, int] = {}

    def add(self, reason: str) -> bool:
        """Count one lost record; True for the first of its reason."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        return self._counts[reason] == 1

    def counts(self) -> dict[str, int]:
        """Records lost so far, by reason."""
        return dict(self._counts)

    def save(self, writer: str) -> None:
        """Leave the count in the folder; what cannot be written now is tried again next time."""
        counts = self.counts()
        if counts == self._saved:
            return
        with contextlib.suppress(OSError):
            replace_file(self._folder / f"{writer}.json", json.dumps(counts).encode())
            self._saved = counts


def say(reason: str, detail: object) -> None:
    """Log that records are lost from now on. Hold no lock: a handler may itself record."""
    text = f" ({detail})" if detail else ""
    _log.error("Weft cannot keep records: %s%s. %s", reason, text, _REMEDIES.get(reason, "See `weft doctor`."))


def read_losses(folder: Path) -> dict[str, int]:
    """What all writers of a folder lost, by reason."""
    total: dict[str, int] = {}
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            for reason, count in json.loads(path.read_bytes()).items():
                total[reason] = total.get(reason, 0) + int(count)
    return total


def replace_file(path: Path, data: bytes) -> None:
    """Write a small file so that readers see the old or the new one, never half. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(draft, path)
