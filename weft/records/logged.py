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


@dataclass(frozen=True, slots=True)
class TableQuery:
    """A page of a table that a run logged, the latest or the one at ``step``.

    ``where`` is an expression over its columns (``score < 0.5 and "cat" in answer``; ``column["odd name"]``); ``text``
    keeps rows of which a text contains it. ``order``: names of columns, ``-`` in front for descending. ``columns``
    chooses some; ``first`` rows are passed over.
    """

    run_id: str
    name: str
    source: str | None = None
    step: int | None = None
    where: str | None = None
    text: str | None = None
    order: list[str] | None = None
    columns: list[str] | None = None
    first: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class TablePage:
    """Rows of a table: their numbers in it and their cells. ``total`` rows are in it, ``matched`` fit the query.

    A text of over 2,000 characters is ``{"_weft": "cut", "text": its beginning, "characters": how many}``.
    """

    step: int
    source: str
    columns: list[dict[str, str]]
    total: int
    matched: int
    numbers: list[int]
    rows: list[list[Any]]


@dataclass(frozen=True, slots=True)
class TableGroup:
    """The rows of a table that are alike in some columns: how many, and of each column of numbers
    ``{"mean", "minimum", "maximum", "count"}``."""

    keys: list[Any]
    rows: int
    figures: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class TableJoin:
    """Tables of several runs side by side, a row a value of the column ``key``.

    Rows come by how much the runs differ in them, most first, in all columns or in ``compare``; ``where`` and ``text``
    keep rows of which that of some run fits. ``changed`` leaves out those in which no run differs.
    """

    run_ids: list[str]
    name: str
    key: str
    compare: list[str] | None = None
    where: str | None = None
    text: str | None = None
    changed: bool = False
    first: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class JoinedRow:
    """One value of the key: the cells of each run (None where it has no such row), and in which columns they differ."""

    key: Any
    cells: list[list[Any] | None]
    differs: list[str]


@dataclass(frozen=True, slots=True)
class JoinedPage:
    """Rows of several tables: ``run_ids`` have one, ``figures`` are the means of its columns of numbers by run.

    ``repeated`` counts rows that were passed over because their key came before in the same table.
    """

    run_ids: list[str]
    columns: list[dict[str, str]]
    total: int
    matched: int
    differing: int
    repeated: int
    figures: list[dict[str, float]]
    rows: list[JoinedRow]
