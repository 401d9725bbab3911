"""The journal's folder and the names in it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_SEGMENT_NAME = re.compile(r"([0-9a-z]{1,32})-(\d{6,})\.seg")
FORGET = ".forget"
_MAPPABLE = frozenset({"ext2", "ext3", "ext4", "xfs", "tmpfs"})
_MOUNTS = "/proc/self/mounts"


class SegmentFile(NamedTuple):
    """A segment file by its name; sorts by writer, then sequence number."""

    writer: str
    sequence: int
    path: Path


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths of the journal in a Weft directory (``WEFT_DIR``)."""

    root: Path

    @classmethod
    def of(cls, directory: Path) -> Folder:
        """The journal's folder of a Weft directory."""
        return cls(Path(directory) / "journal")

    @property
    def spare(self) -> Path:
        """Zero-filled segments for anyone to take."""
        return self.root / "spare"

    @property
    def big(self) -> Path:
        """Payloads that have a file of their own."""
        return self.root / "big"

    @property
    def rejected(self) -> Path:
        """Records that could not be read or stored."""
        return self.root / "rejected"

    @property
    def lost(self) -> Path:
        """What writers could not keep: one small file a writer that lost something."""
        return self.root / "lost"

    @property
    def lock(self) -> Path:
        """The lock of the drainer."""
        return self.root / "drainer.lock"

    @property
    def starting(self) -> Path:
        """When a drainer was last started."""
        return self.root / "drainer.starting"

    @property
    def log(self) -> Path:
        """What the drainer's process had to say."""
        return self.root / "drainer.log"

    @property
    def status(self) -> Path:
        """Counters and the last error of the drainer."""
        return self.root / "status.json"

    @property
    def requests(self) -> list[Path]:
        """Files of those who wait for stored records to be blanked."""
        return sorted(self.root.glob(f"*{FORGET}"))

    @property
    def sent(self) -> Path:
        """How far segments have been sent to a server."""
        return self.root / "sent.json"

    def create(self) -> None:
        """Make the folders, for this user only. Raises OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.spare, self.big, self.rejected, self.lost):
            path.mkdir(mode=0o700, exist_ok=True)

    def segment(self, writer: str, sequence: int) -> Path:
        """The path of a segment."""
        return self.root / f"{writer}-{sequence:06d}.seg"

    def segments(self) -> list[SegmentFile]:
        """The segments, by writer and sequence number; empty where there is no folder."""
        try:
            names = os.listdir(self.root)
        except FileNotFoundError:
            return []
        matches = filter(None, map(_SEGMENT_NAME.fullmatch, names))
        return sorted(SegmentFile(match[1], int(match[2]), self.root / match[0]) for match in matches)

    def used_bytes(self) -> int:
        """What segments, spares and payload files occupy."""
        return sum(_size(path) for path in (self.root, self.spare, self.big))


def _size(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # drained in the meantime
                continue
    return total


def can_map(directory: Path, mounts: str = _MOUNTS) -> bool:
    """Whether a shared mapping in ``directory`` is known to be safe: ext, xfs and tmpfs on Linux."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    target = os.path.realpath(directory)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[1])
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind in _MAPPABLE
