"""``sent.json``: how far the segments of a folder have been sent, by address of a server."""

from __future__ import annotations

import json
from collections import defaultdict

from weft.journal import Folder

Sent = dict[str, dict[str, int]]


def load_sent(folder: Folder) -> Sent:
    """By address: the offset of each segment, ``WRITER-SEQUENCE``; empty where none can be read."""
    try:
        known = json.loads(folder.sent.read_bytes())
    except (OSError, ValueError):  # none yet, or cut short: the server passes over what it has
        return {}
    return known if isinstance(known, dict) else {}


def read_sent(folder: Folder) -> dict[tuple[str, int], list[int]]:
    """The offsets of each segment (writer, sequence), one for every server that has begun to take it."""
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for segments in load_sent(folder).values():
        for name, offset in segments.items():
            writer, _, sequence = name.rpartition("-")
            if sequence.isdecimal():
                found[writer, int(sequence)].append(offset)
    return found
