"""The span tree component: rows in depth-first order, times relative to the trace's start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from weft.review_ui.components.assets import renderer


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A span in the tree; ``start`` and ``length`` in ns from the start of the trace, ``duration`` as shown."""

    id: str
    depth: int
    name: str
    kind: str
    status: str
    start: int
    length: int
    duration: str
    children: bool


def tree(rows: Sequence[TreeRow], *, total: int, selected: str, href: str, key: str, height: int = 640) -> None:
    """Draw the tree, ``total`` ns long; a click on a span opens the address ``href`` with ``span=`` added."""
    # A row travels as a list: a trace of 30,000 spans is 2 MB so, and 7 MB as objects.
    data = {"rows": [astuple(row) for row in rows], "total": total, "selected": selected, "href": href}
    renderer("tree")(key=key, data={**data, "height": height})
