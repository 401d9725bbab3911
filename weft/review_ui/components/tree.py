"""The span tree component: rows in depth-first order, times relative to the trace's start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

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
    children: int
    href: str


def tree(rows: Sequence[TreeRow], *, total: int, selected: str, key: str, height: int = 640) -> None:
    """Draw the tree, ``total`` ns long; a click on a span opens its address."""
    renderer("tree")(
        key=key, data={"rows": [asdict(row) for row in rows], "total": total, "selected": selected, "height": height}
    )
