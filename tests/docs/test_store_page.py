"""The diagram of the store names each table."""

from __future__ import annotations

import re
from pathlib import Path

from weft.store.tables import metadata

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "store.md"


def test_the_diagram_shows_every_table_and_no_other() -> None:
    diagram = re.search(r"```mermaid\nerDiagram\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert diagram is not None
    shown = set()
    for line in diagram[1].splitlines():
        left, _, right, *_ = line.split()
        shown |= {left, right}
    assert shown == {table.name for table in metadata.sorted_tables}
