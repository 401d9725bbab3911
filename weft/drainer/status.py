"""What a drainer leaves for others to see: ``status.json`` and the records under ``rejected/``."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from weft import clock
from weft.drainer.retry import read_retried
from weft.journal import Folder, read_losses, replace_file

_INLINE_BYTES = 1024 * 1024


@dataclass(slots=True)
class Status:
    """``rejected`` counts the records put aside and not given back since, ``damaged`` those of all that were put aside
    which could not be read; ``lost`` what writers could not keep.

    ``destination`` is ``ok`` or why the store or server takes nothing now. ``newer`` names segments of a format
    that this Weft does not know: a newer one must drain them.
    """

    rejected: int = 0
    damaged: int = 0
    last_error: str | None = None
    last_error_ns: int | None = None
    destination: str = "ok"
    newer: list[str] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)

    def failed(self, error: str) -> None:
        """Remember the last error."""
        self.last_error = error
        self.last_error_ns = clock.now_ns()


def read_status(directory: Path) -> Status:
    """The state of the journal in a Weft directory, as its last drainer left it."""
    folder = Folder.of(directory)
    status = load_status(folder)
    status.rejected = max(0, status.rejected - read_retried(folder))
    return status


def load_status(folder: Folder) -> Status:
    """What a drainer goes on from: ``rejected`` counts what was given back as well."""
    known: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(folder.status.read_bytes())
    names = {name for name in Status.__slots__ if name in known}
    status = Status(**{name: known[name] for name in names})
    status.lost = read_losses(folder.lost)
    return status


def write_status(folder: Folder, status: Status) -> None:
    """Leave the state for others; what cannot be written now is written with the next change."""
    with contextlib.suppress(OSError):
        replace_file(folder.status, json.dumps(asdict(status)).encode())


def keep_rejected(folder: Folder, writer: str, segment: int, end: int, *, type: int, reason: str, data: bytes) -> None:
    """Keep a record that cannot be read or stored. Raises OSError: it must not be passed over unless it is kept.

    After a crash a record may be kept twice; (writer, segment, end) tells.
    """
    line: dict[str, Any] = {
        "time_ns": clock.now_ns(),
        "writer": writer,
        "segment": segment,
        "end": end,
        "type": type,
        "reason": reason[:4000],
    }
    if len(data) > _INLINE_BYTES:
        line["file"] = f"{writer}-{segment}-{end}.bin"
        replace_file(folder.rejected / line["file"], data)
    else:
        line["payload"] = base64.b64encode(data).decode("ascii")
    fd = os.open(folder.rejected / f"{writer}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "ab") as file:
        file.write(json.dumps(line).encode("utf-8", "backslashreplace") + b"\n")
