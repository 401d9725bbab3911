"""The table component: columns and rows as records, the clicked address as its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``align`` is "" or "r"; ``low`` ones vanish on a narrow page; ``domain`` is the range of whiskers."""

    label: str
    width: str = ""
    align: str = ""
    mono: bool = False
    low: bool = False
    domain: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text, the text on hover, an address, a status word, a swatch, an interval, the value to sort by."""

    text: str | None = None
    hover: str | None = None
    href: str | None = None
    status: str | None = None
    colour: str | None = None
    interval: tuple[float, float | None, float | None] | None = None
    value: float | str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells in the order of the columns; ``href`` opens on click, ``row_id`` names it when chosen."""

    cells: Sequence[Cell | str | None]
    href: str | None = None
    row_id: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader did: ``open`` is the address clicked, ``chosen`` the ids of the rows ticked."""

    open: str | None = None
    chosen: list[str] = field(default_factory=list)


@cache
def _renderer() -> Any:
    return st.components.v2.component(
        "weft_table",
        html='<div class="root"></div>',
        css=(_HERE / "table.css").read_text("utf-8"),
        js=(_HERE / "table.js").read_text("utf-8"),
    )


def _cell(cell: Cell | str | None) -> Any:
    if not isinstance(cell, Cell):
        return cell
    spec = {
        "t": cell.text,
        "h": cell.hover,
        "a": cell.href,
        "s": cell.status,
        "c": cell.colour,
        "i": cell.interval,
        "v": cell.value,
    }
    return {name: value for name, value in spec.items() if value is not None}


def table(
    columns: Sequence[Column], rows: Sequence[Row], *, key: str, chosen: Sequence[str] | None = None, keys: bool = True
) -> Answer:
    """Draw a table. ``chosen`` (not None) gives each row a box to tick; ``keys`` makes j, k and enter work on it."""
    data = {
        "columns": [
            {
                "label": c.label,
                "width": c.width,
                "align": c.align,
                "mono": c.mono,
                "low": c.low,
                **({"domain": c.domain} if c.domain else {}),
            }
            for c in columns
        ],
        "rows": [
            {"cells": [_cell(cell) for cell in row.cells], "href": row.href, "id": row.row_id, "current": row.current}
            for row in rows
        ],
        "choose": chosen is not None,
        "chosen": list(chosen or ()),
        "keys": keys,
    }
    result = _renderer()(
        key=key,
        data=data,
        default={"chosen": list(chosen or ())},
        on_open_change=_nothing,
        on_chosen_change=_nothing,
    )
    return Answer(open=result.open, chosen=list(result.chosen or ()))


def _nothing() -> None:
    """A callback must be there for a value to arrive."""
