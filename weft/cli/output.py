"""How the commands print: tables for people, JSON for scripts, errors without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft.errors import InputError, WeftError
from weft.formatting import MISSING
from weft.query import pointer
from weft.records import dumps

_WIDE = 400
_WIDEST_CELL = 40
STATUS_STYLE = {
    "ok": "green",
    "finished": "green",
    "error": "bold red",
    "failed": "bold red",
    "crashed": "bold red",
    "preempted": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
}


def console() -> Console:
    """The terminal on standard output; where it is none, lines are as long as they need to be."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=_WIDE, soft_wrap=True)


@contextmanager
def pointing(where: str | None) -> Iterator[None]:
    """Where an expression is wrong, show it with a caret under the mistake; the error goes on."""
    try:
        yield
    except InputError as error:
        if where is not None and error.column is not None:
            shown = pointer(where, error.column)
            Console(stderr=True, highlight=False).print(Text(shown), soft_wrap=True)
        raise


def fail(error: WeftError) -> None:
    """Print what is wrong and what to do about it."""
    terminal = Console(stderr=True, highlight=False)
    terminal.print(Text(f"error: {error.message}", style="bold red"), soft_wrap=True)
    if error.remedy:
        terminal.print(Text(f"  {error.remedy}"), soft_wrap=True)
    terminal.print(Text(f"  [{error.code}] see docs/errors.md", style="dim"), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print JSON for scripts: records as objects, one document."""
    sys.stdout.write(dumps(value).decode() + "\n")


def print_table(columns: Mapping[str, str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """Print rows under ``columns`` (title -> "left" or "right"); text of users is printed as it is, never as markup.

    The last column gives way where the terminal is narrow.
    """
    if not rows:
        console().print(Text(empty))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    cells = [[_cell(value) for value in row] for row in rows]
    last = len(columns) - 1
    for place, (title, side) in enumerate(columns.items()):
        needed = max(len(title), *(line[place].cell_len for line in cells))
        table.add_column(
            title,
            justify="right" if side == "right" else "left",
            no_wrap=True,
            min_width=None if place == last else min(needed, _WIDEST_CELL),
        )
    for line in cells:
        table.add_row(*line)
    console().print(table)


def _cell(value: Any) -> Text:
    text = MISSING if value is None else str(value)
    line = " ".join(text.split())
    return Text(line, style=STATUS_STYLE.get(line, ""))


def preview(value: Any, width: int = 60) -> str:
    """One line of a value."""
    text = value if isinstance(value, str) else "" if value is None else dumps(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
