"""The page of scorers has a row for every scorer with all its settings, and an example of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from weft import scorers
from weft.monitors import Monitor
from weft.scorers.asking import AskingScorer
from weft.scorers.base import Configured, FunctionScorer, Scorer
from weft.scorers.dataset import DatasetScorer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "scorers.md").read_text(encoding="utf-8")
EXAMPLES = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SHARED = {*AskingScorer.model_fields, "name"}
OWN = [
    found
    for found in (getattr(scorers, name) for name in scorers.__all__)
    if isinstance(found, type)
    and issubclass(found, Configured)
    and found not in (Scorer, DatasetScorer, FunctionScorer)
]


@pytest.mark.parametrize("scorer", OWN, ids=lambda scorer: scorer.__name__)
def test_every_scorer_is_there_with_its_settings(scorer: type[Configured]) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{scorer.__name__}` |")]
    text = rows[0] if rows else PAGE.partition(f"`{scorer.__name__}` is dataset-level")[2].partition("\n## ")[0]
    assert text, f"there is no row of {scorer.__name__}"
    wanted = {field.alias or name for name, field in scorer.model_fields.items()} - SHARED
    assert {name for name in wanted if not re.search(rf"\b{name}\b", text)} == set()
    assert re.search(rf"\b{scorer.__name__}\(", EXAMPLES), f"no example of {scorer.__name__}"


def test_the_endpoint_and_the_monitor_have_their_settings() -> None:
    for name in SHARED - {"name", "via"}:
        assert f"`{name}`" in PAGE, name
    table = PAGE.partition("\n## Monitors")[2]
    for name in Monitor.__dataclass_fields__:
        assert name == "_" or f"`{name}`" in table, name
