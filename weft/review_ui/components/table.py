"""The table component: columns and rows as records; a click on a row opens its address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weft.review_ui.components.assets import renderer


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``align`` is "" or "r"; ``low`` ones vanish on a narrow page; ``domain`` is the range of whiskers.

    A width in px grows with the content where the column is of figures (``align`` "r") or is to be read ``whole``."""

    label: str
    width: str = ""
    align: str = ""
    mono: bool = False
    low: bool = False
    domain: tuple[float, float] | None = None
    whole: bool = False


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
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    key: str,
    chosen: Sequence[str] | None = None,
    keys: bool = True,
    csv: bool = True,
) -> list[str]:
    """Draw a table; returns the ids of the rows that are ticked.

    ``chosen`` (not None) gives each row a box to tick; ``keys`` makes j, k and enter work on the table; ``csv``
    offers the rows as a file.
    """
    data = {
        "columns": [
            {
                "label": c.label,
                "width": c.width,
                "align": c.align,
                "mono": c.mono,
                "low": c.low,
                "whole": c.whole,
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
        "csv": f"weft-{key}" if csv and rows else None,
    }
    ticked = list(chosen or ())
    result = renderer("table", "values", "whisker")(
        key=key, data=data, default={"chosen": ticked}, on_chosen_change=_nothing
    )
    return list(result.chosen or ())


def _nothing() -> None:
    """A callback must be there for a value to arrive."""
