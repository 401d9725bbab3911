"""Datasets in files: JSONL, CSV and Parquet, read a piece at a time, and written."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from weft.errors import InputError, MissingExtraError
from weft.evals.rows import not_json, plain_row
from weft.records import Example
from weft.records.codec import dumps

_ROWS_AT_ONCE = 1_000
_LONGEST_CELL = 1_000_000_000  # characters of a CSV cell


def jsonl_rows(path: Path) -> Iterator[dict[str, Any]]:
    """One JSON object a line; empty lines are passed over. Raises InputError naming file and line."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)  # orjson would read integers over 64 bits as floats
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number}: not JSON ({error}).", field="path") from None
        except RecursionError:
            raise InputError(f"{path}, line {number}: nested too deep.", field="path") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: a {type(row).__name__}, not a JSON object.", field="path")
        for key, value in row.items():
            if problem := not_json(value):
                raise InputError(f"{path}, line {number}: the value of {key!r} {problem}.", field=key)
        yield row


def csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    """A CSV file with a header line; all values are text. Raises InputError naming file and line."""
    # The module's limit on a cell, 128 kB, is one for the process; a longer document in a cell is nothing odd.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    reader = csv.reader(_lines(path), strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            if not row:
                continue
            if header is None:
                header = row
                if len(set(header)) < len(header):
                    raise InputError(f"{path}, line {reader.line_num}: a column is named twice.", field="path")
            elif len(row) != len(header):
                raise InputError(
                    f"{path}, line {reader.line_num}: {len(row)} values under {len(header)} columns.", field="path"
                )
            else:
                yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not CSV ({error}).", field="path") from None


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """A Parquet file; NaN is None, times and decimals are text. Raises InputError, MissingExtraError."""
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    yield plain_row(row)
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}", field="path") from None


def write_jsonl(path: Path, examples: Iterable[Example]) -> None:
    """One JSON object a line, with ``id`` and, where there is one, ``split``. Raises InputError."""
    with _written(path) as file:
        for example in examples:
            file.write(dumps(row_of(example)).strip().decode() + "\n")


def write_csv(path: Path, examples: Iterable[Example]) -> None:
    """A CSV file of all columns of all examples; a text stands as it is, anything else as JSON, and what is missing is
    empty. Raises InputError."""
    rows = [row_of(example) for example in examples]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with _written(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(column)) for column in columns])


def write_parquet(path: Path, examples: Iterable[Example]) -> None:
    """A Parquet file. Raises MissingExtraError, and InputError where a column holds values of several types."""
    arrow, parquet = _arrow()
    try:
        parquet.write_table(arrow.Table.from_pylist([row_of(example) for example in examples]), path)
    except (OSError, arrow.ArrowException) as error:
        raise InputError(
            f"{path} cannot be written as Parquet: {error}", remedy="JSONL takes any rows.", field="path"
        ) from None


def row_of(example: Example) -> dict[str, Any]:
    """An example as a row: its id, its split where it has one, its data."""
    split = {} if example.split is None else {"split": example.split}
    return {"id": example.example_id, **split, **example.data}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).strip().decode()


def _lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file with their ends. Raises InputError naming the line that is not UTF-8."""
    try:
        with path.open("rb") as file:
            for number in itertools.count(1):
                line = file.readline()
                if not line:
                    return
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise InputError(
                        f"{path}, line {number}: not UTF-8 text.", remedy="Save it as UTF-8.", field="path"
                    ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", field="path") from None


def _written(path: Path) -> io.TextIOWrapper:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", field="path") from None


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow  # noqa: PLC0415 - optional and heavy
        from pyarrow import parquet  # noqa: PLC0415 - likewise
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    return arrow, parquet
