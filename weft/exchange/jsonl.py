"""JSON lines: one record a line, ``{"record": "span", ...}`` with every field of the record, exact both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from weft.errors import InputError
from weft.records import RecordType, Score, Span, decode, dumps, loads

_KINDS = {"span": RecordType.SPAN, "score": RecordType.SCORE}
_WORDS = {Span: "span", Score: "score"}


def write(file: IO[bytes], records: Iterable[Span | Score]) -> None:
    """Write the records, a line each."""
    for record in records:
        row: dict[str, Any] = {"record": _WORDS[type(record)]}
        row.update((field.name, getattr(record, field.name)) for field in fields(record))
        file.write(dumps(row) + b"\n")


def read(path: Path) -> Iterator[Span | Score]:
    """The records of a file. Raises InputError naming the line of what is no record."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _record(f"{path.name}, line {number}", line)


def _record(place: str, line: bytes) -> Span | Score:
    try:
        row = loads(line)
        kind = _KINDS[row["record"]]
        record = decode(kind, line)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"{place}: this is no span or score of Weft: {error}.",
            remedy="Name a file that `weft export --format jsonl` has written.",
            field="path",
        ) from None
    assert isinstance(record, Span | Score)
    return record
