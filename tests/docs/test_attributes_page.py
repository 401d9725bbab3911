"""The page of attributes names every attribute that becomes a column, and no operation or kind is missing."""

from __future__ import annotations

import re
from pathlib import Path

from weft.otlp import names
from weft.otlp.dialects import DIALECTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "attributes.md").read_text(encoding="utf-8")


def expanded(quoted: str) -> set[str]:
    head, brace, rest = quoted.partition("{")
    inner, _, tail = rest.partition("}")
    return {f"{head}{word}{tail}" for word in inner.split(",")} if brace else {quoted}


def documented(text: str) -> set[str]:
    return {name.removesuffix("N.*") for quoted in re.findall(r"`([^`]+)`", text) for name in expanded(quoted)}


def test_every_attribute_of_a_column_is_in_the_table_of_its_dialect() -> None:
    for dialect, fields in DIALECTS.items():
        _, heading, rest = PAGE.partition(f"\n### {dialect}\n")
        assert heading, dialect
        table = rest.partition("\n#")[0]
        rows = {row.split("|")[1].strip().strip("`"): documented(row) for row in table.splitlines() if "`" in row}
        wanted: dict[str, set[str]] = {}
        for field in fields:
            wanted.setdefault(field.column, set()).add(field.key)
        assert {column: keys - {column} for column, keys in rows.items()} == wanted, dialect


def test_every_operation_and_kind_is_on_the_page() -> None:
    words = (names.OPERATION_KINDS, names.OI_KINDS, names.OPERATION_KINDS.values(), names.OI_KINDS.values())
    assert {word for group in words for word in group} - documented(PAGE) == set()
    assert names.SEMCONV_VERSION in PAGE
