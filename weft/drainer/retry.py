"""Rejected records once more: after an upgrade, or when what was wrong has been mended."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.journal import Folder, Journal, replace_file


def retry_rejected(directory: Path) -> int:
    """Give what lies in ``rejected/`` back to the journal, for the next drain; returns the number of records.

    What is refused again is put aside again. A crash in between may give a record back twice: stored it is once, by
    its ids. Raises OSError, and StoreError where the journal cannot be written; nothing is taken away before it is
    in the journal.
    """
    folder = Folder.of(directory)
    if not folder.rejected.is_dir():
        return 0
    journal = Journal.open(directory)
    count = 0
    try:
        for path in sorted(folder.rejected.glob("*.jsonl")):
            claimed = path.with_suffix(".retrying")
            os.replace(path, claimed)  # the drainer may put more aside under the same name meanwhile
        for path in sorted(folder.rejected.glob("*.retrying")):
            found = list(rows(path))
            for row in found:
                journal.append(int(row["type"]), payload(folder, row))
            if journal.lost():
                break
            note_retried(folder, len(found))
            path.unlink()
            for row in found:
                if "file" in row:
                    with contextlib.suppress(FileNotFoundError):
                        _beside(folder, row).unlink()
            count += len(found)
    finally:
        journal.close()
    return count


def read_retried(folder: Folder) -> int:
    """How many rejected records were given back since the folder was made."""
    try:
        return int(_counter(folder).read_bytes())
    except (OSError, ValueError):
        return 0


def note_retried(folder: Folder, more: int) -> None:
    """Count records that were given back. Raises OSError."""
    replace_file(_counter(folder), str(read_retried(folder) + more).encode())


def _counter(folder: Folder) -> Path:
    return folder.rejected / "retried"


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file under ``rejected/``."""
    for line in path.read_bytes().splitlines():
        with contextlib.suppress(ValueError):  # a line that a crash cut short: its record is still in the journal
            yield json.loads(line)


def payload(folder: Folder, row: dict[str, Any]) -> bytes:
    """What a record holds. Raises OSError where its file is gone."""
    return _beside(folder, row).read_bytes() if "file" in row else base64.b64decode(row["payload"])


def _beside(folder: Folder, row: dict[str, Any]) -> Path:
    return folder.rejected / Path(str(row["file"])).name
