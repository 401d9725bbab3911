"""The tests that docs/explanation/faults.md names exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_names_exists() -> None:
    table = (ROOT / "docs" / "explanation" / "faults.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| fault")]
    for row in rows:
        room = ""
        named = re.findall(r"`((?:\w+/)*(?:test_\w+\.py)?)`", row.rsplit("|", 2)[1])
        assert named, row
        for name in named:
            room = name.rpartition("/")[0] if "/" in name else room
            assert (ROOT / "tests" / room / name.rpartition("/")[2]).exists(), name
