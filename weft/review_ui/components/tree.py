"""The span tree component: rows in depth-first order, times relative to the trace's start."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weft.review_ui.components.assets import renderer


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A span in the tree; ``start`` and ``length`` in ns from the start of the trace, ``duration`` and ``note`` (model,
    tokens, cost) as shown."""

    id: str
    depth: int
    name: str
    kind: str
    status: str
    start: int
    length: int
    duration: str
    note: str
    children: bool


def packed(rows: Sequence[TreeRow], total: int) -> bytes:
    """A tree ``total`` ns long as it travels: columns, each text once; 30,000 spans are about 1 MB."""
    columns = {
        "ids": "".join(f"{row.id:>16}" for row in rows),
        "depth": [row.depth for row in rows],
        "start": [row.start // 1000 for row in rows],
        "length": [row.length // 1000 for row in rows],
        "children": [int(row.children) for row in rows],
        "total": total // 1000,
        "name": _words(row.name for row in rows),
        "kind": _words(row.kind for row in rows),
        "status": _words(row.status for row in rows),
        "duration": _words(row.duration for row in rows),
        "note": _words(row.note for row in rows),
    }
    return json.dumps(columns, separators=(",", ":")).encode()


def _words(texts: Iterable[str]) -> list[list[object]]:
    """The different texts, and the place of each row's text among them."""
    places: dict[str, int] = {}
    index = [places.setdefault(text, len(places)) for text in texts]
    return [list(places), list(index)]


def tree(rows: bytes, *, key: str) -> None:
    """Draw a tree from :func:`packed`; a click on a span puts ``span=`` into the address.

    Nothing here depends on which span is chosen (the component reads that from the address), so the rows are sent to a
    browser once and not again at each click.
    """
    renderer("tree")(key=key, data=rows)
