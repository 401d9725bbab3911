"""What runs log besides numbers: images, sounds, tables, histograms, figures, files, a record a name and step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = (
    *("image", "audio", "video", "html", "object3d", "histogram", "figure", "text", "table", "plot", "file"),
    "mixed",
)
LONGEST_NAME = 1024  # characters
MOST_DATA = 4 * 1024 * 1024  # bytes of JSON; what is larger is a blob that the data refers to


@dataclass(frozen=True, slots=True)
class Logged:
    """What a run logged under one name at one step from one source (rank or process).

    ``data`` is the JSON object of one value, whose ``kind`` says what it is, or ``{"items": [...]}`` of several;
    ``kind`` is then that of all, or ``mixed``. Bytes are in the project's blobs, named by references
    (:mod:`weft.records.media`).
    """

    run_id: str
    project: str
    name: str
    step: int
    time_ns: int
    kind: str
    data: dict[str, Any]
    source: str = ""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The values, also where it is one."""
        items = self.data.get("items")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else [self.data]


@dataclass(frozen=True, slots=True)
class LoggedSummary:
    """What a run logged under a name from one source: the kind of the latest, how many steps, the first and last."""

    run_id: str
    name: str
    source: str
    kind: str
    count: int
    first_step: int
    last_step: int
