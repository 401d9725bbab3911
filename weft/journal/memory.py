"""Where a journal goes when its directory cannot be written: a folder in memory, this user's only."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from weft.digests import of_bytes

MEMORY_BYTES = 64 * 1024 * 1024  # the most that such a journal may hold
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what lies there is checked to be this user's own


def memory_directory(purpose: str) -> Path | None:
    """A folder in shared memory, or else in the place for temporary files, that this user's processes with the same
    ``purpose`` share.

    None where nothing can be written at all. A folder that somebody else has put there is not used.
    """
    for place in (_SHARED_MEMORY, Path(tempfile.gettempdir())):
        directory = place / f"weft-{os.getuid()}-{of_bytes(purpose.encode())[:12]}"
        with contextlib.suppress(OSError):
            directory.mkdir(mode=0o700, exist_ok=True)
            found = os.lstat(directory)
            ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
            if ours and os.access(directory, os.W_OK | os.X_OK):
                return directory
    return None
