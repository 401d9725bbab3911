"""The page of attributes names every attribute that becomes a column, and no operation or kind is missing."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from weft.otlp import names

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "attributes.md").read_text(encoding="utf-8")


def documented() -> set[str]:
    found: set[str] = set()
    for quoted in re.findall(r"`([^`]+)`", PAGE):
        head, brace, rest = quoted.partition("{")
        inner, _, tail = rest.partition("}")
        found.update(f"{head}{word}{tail}" for word in inner.split(",")) if brace else found.add(quoted)
    return found


def test_every_attribute_of_a_column_is_on_the_page() -> None:
    columns = (
        *(names.MODELS, names.PROVIDERS, names.MODEL_VERSIONS, names.THREADS, names.USERS, names.COSTS),
        *(names.INPUT_COUNTS, names.OUTPUT_COUNTS, names.CACHED_COUNTS, names.REASONING_COUNTS),
        *(names.OPERATION_KINDS, names.OI_KINDS, names.OPERATION_KINDS.values(), names.OI_KINDS.values()),
    )
    assert set(chain(*columns)) - documented() == set()
    assert names.SEMCONV_VERSION in PAGE
