"""The span tree component: rows in depth-first order, times relative to the trace's start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


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


@cache
def _renderer() -> Any:
    return st.components.v2.component(
        "weft_tree",
        html='<div class="root"></div>',
        css=(_HERE / "tree.css").read_text("utf-8"),
        js=(_HERE / "tree.js").read_text("utf-8"),
    )


def tree(rows: Sequence[TreeRow], *, total: int, selected: str, key: str, height: int = 640) -> str | None:
    """Draw the tree (``total`` ns long); returns the address of the span that was clicked, if one was."""
    data = {"rows": [asdict(row) for row in rows], "total": total, "selected": selected, "height": height}
    opened: str | None = _renderer()(key=key, data=data, on_open_change=_nothing).open
    return opened


def _nothing() -> None:
    """A callback must be there for a value to arrive."""
