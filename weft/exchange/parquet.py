"""Parquet: a row a span, columns for what is filtered and sorted, JSON text for what is nested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import IO, Any

from weft.errors import InputError, MissingExtraError
from weft.records import RecordType, Score, Span, decode, dumps, loads

_ROWS = 5_000  # a row group
_NESTED = {"input", "output", "attributes", "events", "links", "resource", "metadata", "failure"}
_INTEGERS = {"start_ns", "end_ns", "time_ns", "repetition"}
_NUMBERS = {"cost_usd", "value", "confidence"}


def write(file: IO[bytes], records: Iterable[Span | Score], kind: type[Span] | type[Score]) -> int:
    """Write records of one kind; returns how many. Raises MissingExtraError without pyarrow."""
    pa, pq = _arrow()
    schema = pa.schema([(field.name, _type(pa, field.name)) for field in fields(kind)])
    count, left = 0, iter(records)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while rows := list(islice(left, _ROWS)):
            columns = {name: [_cell(name, getattr(row, name)) for row in rows] for name in schema.names}
            writer.write_table(pa.table(columns, schema=schema))
            count += len(rows)
    return count


def read(path: Path) -> Iterator[Span | Score]:
    """The spans or scores of a file. Raises InputError where it holds neither, MissingExtraError without pyarrow."""
    pa, pq = _arrow()
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}.", field="path") from None
    with file:
        kind = RecordType.SCORE if "score_id" in file.schema_arrow.names else RecordType.SPAN
        number = 0
        for batch in file.iter_batches(_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield _record(f"{path.name}, row {number}", kind, row)


def _record(place: str, kind: RecordType, row: dict[str, Any]) -> Span | Score:
    try:
        given = {name: loads(value) if name in _NESTED else value for name, value in row.items() if value is not None}
        record = decode(kind, dumps(given))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{place}: this is no span or score of Weft: {error}.",
            remedy="Name a file that `weft export --format parquet` has written.",
            field="path",
        ) from None
    assert isinstance(record, Span | Score)
    return record


def _type(pa: Any, name: str) -> Any:
    if name in _INTEGERS or name.endswith("_tokens"):
        return pa.int64()
    return pa.float64() if name in _NUMBERS else pa.string()


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _NESTED:
        return dumps(value).decode()
    # A lone surrogate is no UTF-8; what Parquet cannot hold is written as the replacement character.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional package
        from pyarrow import parquet as pq  # noqa: PLC0415 - as above
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    return pa, pq
