"""Datasets: rows with stable ids and splits, from anywhere, published as versions of an artifact."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft import clock, digests, ids, recording
from weft.errors import InputError, MissingExtraError
from weft.records import ArtifactVersion, Example, Span

if TYPE_CHECKING:
    import pandas as pd

_ID_DIGITS = 20


class Dataset:
    """Named rows, each a dict of JSON values.

    The columns ``id`` (else the digest of the row) and ``split`` name the example and its part; the other ones are
    its data, ``expected`` among them by custom. ``ref`` is the published version that the rows come from, ``selection``
    what was taken of it. Raises InputError, naming the row, for what is no row and for an id given twice.
    """

    def __init__(self, name: str = "dataset", rows: Iterable[Mapping[str, Any] | Example] = ()) -> None:
        if not ids.is_name(name):
            raise InputError(
                f"The dataset name {name!r} cannot stand in an address.",
                remedy="Use letters, digits, '.', '_', '-' and spaces, beginning with a letter or digit.",
                field="name",
            )
        self.name = name
        self.examples: list[Example] = list(_numbered(rows))
        self.ref: str | None = None
        self.selection: dict[str, Any] = {}
        self._whole: Dataset | None = None

    @classmethod
    def from_jsonl(cls, path: str | Path, name: str | None = None) -> Dataset:
        """One JSON object a line; empty lines are passed over. Raises InputError naming file and line."""
        return cls(name or Path(path).stem, list(_jsonl_rows(Path(path))))

    @classmethod
    def from_csv(cls, path: str | Path, name: str | None = None) -> Dataset:
        """A CSV file with a header line; all values are text. Raises InputError naming file and line."""
        return cls(name or Path(path).stem, list(_csv_rows(Path(path))))

    @classmethod
    def from_parquet(cls, path: str | Path, name: str | None = None) -> Dataset:
        """A Parquet file; NaN is read as None, times and decimals as text. Raises InputError, MissingExtraError."""
        return cls(name or Path(path).stem, _parquet_rows(Path(path)))

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, name: str = "dataset") -> Dataset:
        """The rows of a data frame; NaN is None, times are text. Raises InputError for what is no data frame."""
        if not hasattr(frame, "to_dict") or not hasattr(frame, "columns"):
            raise InputError(f"A {type(frame).__name__} is no data frame.", field="frame")
        return cls(name, [_plain_row(row) for row in frame.to_dict("records")])

    @classmethod
    def from_calls(cls, calls: Iterable[Any], name: str = "calls") -> Dataset:
        """The inputs of calls as columns and their ``output``; ``trace_id`` and ``span_id`` lead back."""
        rows = [
            {**call.inputs, "output": call.output, "trace_id": call.trace_id, "span_id": call.id, "id": call.id}
            for call in calls
        ]
        return cls(name, rows)

    @classmethod
    def from_spans(cls, spans: Iterable[Span], name: str = "spans", *, expected: bool = False) -> Dataset:
        """What was asked in production: the arguments of each span as columns (``input`` where it is no dict), the
        answer as ``output``, or as ``expected`` where that is asked; ``trace_id`` and ``span_id`` lead back."""
        rows: list[dict[str, Any]] = []
        for span in spans:
            given = span.input if isinstance(span.input, dict) else {"input": span.input}
            answer = {"expected" if expected else "output": span.output}
            rows.append({**given, **answer, "trace_id": span.trace_id, "span_id": span.span_id, "id": span.span_id})
        return cls(name, rows)

    @classmethod
    def from_artifact(cls, ref: str, project: str | None = None) -> Dataset:
        """The published version ``name``, ``name:alias`` or ``name:v3``. Raises NotFoundError, or InputError where
        the artifact is no dataset."""
        recorder = recording.require("weft.Dataset.get")
        project = project or recorder.project
        version = recorder.store.artifacts.get_version(project, ref)
        if version.type != "dataset":
            raise InputError(f"The artifact {version.ref} is a {version.type}, not a dataset.", field="ref")
        examples: list[Example] = []
        cursor: str | None = None
        while True:
            page = recorder.store.artifacts.list_examples(project, version.ref, cursor=cursor)
            examples += page.items
            cursor = page.cursor
            if cursor is None:
                break
        dataset = cls(version.name, examples)
        dataset.ref = version.ref
        return dataset

    get = from_artifact

    def publish(
        self,
        aliases: Sequence[str] = (),
        *,
        splits: Mapping[str, float] | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> ArtifactVersion:
        """Store the rows as a version of the artifact ``name``; equal rows give the version that exists.

        ``splits`` are shares that sum to 1: an example without a split is put into one by the digest of its id, so it
        stays there in every later version. Raises InputError for other shares, StoreError or ServerError.
        """
        if isinstance(aliases, str):  # a text is a sequence of letters too
            raise InputError(
                f"The aliases are the text {aliases!r}, not a list.",
                remedy=f"Use aliases=[{aliases!r}].",
                field="aliases",
            )
        if splits is not None:
            self.examples = list(_with_splits(self.examples, splits))
        recorder = recording.require("Dataset.publish")
        version = version_of(
            recorder.project,
            self.name,
            self.examples,
            metadata=metadata,
            description=description,
            run_id=recorder.run_id,
        )
        stored = recorder.store.artifacts.create_version(version, examples=self.examples, aliases=aliases)
        self.ref, self.selection, self._whole = stored.ref, {}, None
        return stored

    def ensure_published(self) -> str:
        """The version that the rows come from; published now where it is not yet, the whole of which this is a part."""
        if self.ref is None:
            self.ref = self.publish().ref if self._whole is None else self._whole.ensure_published()
        return self.ref

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The data of every example."""
        return [example.data for example in self.examples]

    @property
    def splits(self) -> dict[str, int]:
        """How many examples each split has."""
        counts: dict[str, int] = {}
        for example in self.examples:
            if example.split is not None:
                counts[example.split] = counts.get(example.split, 0) + 1
        return counts

    def split(self, name: str) -> Dataset:
        """The examples of one split. Raises InputError where there is no such split."""
        if name not in self.splits:
            have = ", ".join(sorted(self.splits)) or "none"
            raise InputError(f"The dataset {self.name} has no split {name!r}; it has: {have}.", field="split")
        return self._take([e for e in self.examples if e.split == name], split=name)

    def head(self, n: int) -> Dataset:
        """The first ``n`` examples."""
        return self._take(self.examples[:n], first=n)

    def where(self, keep: Callable[[dict[str, Any]], bool]) -> Dataset:
        """The examples whose data ``keep`` says yes to."""
        return self._take([e for e in self.examples if keep(e.data)], where=getattr(keep, "__name__", "filter"))

    def select(self, indices: Iterable[int]) -> Dataset:
        """The examples at these places."""
        places = list(indices)
        return self._take([self.examples[place] for place in places], places=places)

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> Dataset:
        """A dataset of these rows behind those here; published, it is the next version. Raises InputError."""
        return Dataset(self.name, [*self.examples, *list(Dataset(self.name, rows))])

    def to_pandas(self) -> pd.DataFrame:
        """One row an example. Raises MissingExtraError without pandas."""
        try:
            import pandas as pd  # noqa: PLC0415 - optional and heavy
        except ImportError:
            raise MissingExtraError("pandas", "all") from None
        return pd.DataFrame([{"id": example.example_id, **example.data} for example in self.examples])

    def _take(self, examples: list[Example], **selection: Any) -> Dataset:
        taken = Dataset(self.name, examples)
        taken.ref, taken.selection = self.ref, {**self.selection, **selection}
        taken._whole = self._whole or self
        return taken

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> Example:
        return self.examples[place]

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    def __repr__(self) -> str:
        return f"Dataset({self.ref or self.name!r}, {len(self)} examples)"


def version_of(
    project: str,
    name: str,
    examples: Sequence[Example],
    *,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    run_id: str | None = None,
) -> ArtifactVersion:
    """The version that these examples are, not stored yet: its digest covers ids, splits, data and metadata."""
    facts = dict(metadata or {})
    content = [[example.example_id, example.split, example.data] for example in examples]
    return ArtifactVersion(
        project=project,
        name=name,
        type="dataset",
        version=0,
        digest=digests.of_json({"type": "dataset", "examples": content, "metadata": facts}),
        created_ns=clock.now_ns(),
        description=description,
        metadata=facts,
        examples=len(examples),
        run_id=run_id,
    )


def _plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a data frame as JSON values: numpy's scalars as Python's, what is missing as None, times as text."""
    plain: dict[str, Any] = {}
    for key, value in row.items():
        item = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
        if isinstance(item, datetime.date | datetime.time):
            item = None if str(item) == "NaT" else item.isoformat()
        plain[str(key)] = None if isinstance(item, float) and math.isnan(item) else item
    return plain


def _numbered(rows: Iterable[Mapping[str, Any] | Example]) -> Iterator[Example]:
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Example):
            example, given = row, True
        else:
            example, given = _example(row, number)
        count = seen[example.example_id] = seen.get(example.example_id, 0) + 1
        if count > 1:
            if given:
                raise InputError(f"Row {number} has the id {example.example_id!r} of an earlier row.", field="id")
            example = replace(example, example_id=f"{example.example_id}-{count}")
        yield example


def _example(row: Mapping[str, Any], number: int) -> tuple[Example, bool]:
    if not isinstance(row, Mapping):
        raise InputError(
            f"Row {number} is a {type(row).__name__}, not a dict.",
            remedy="Give a list of dicts; of a data frame, frame.to_dict('records').",
            field="rows",
        )
    data = {str(key): value for key, value in row.items() if key not in ("id", "split")}
    for key, value in data.items():
        problem = _not_json(value)
        if problem:
            raise InputError(f"Row {number}: the value of {key!r} {problem}.", field=key)
    given, split = row.get("id"), row.get("split")
    example_id = digests.of_json(data)[:_ID_DIGITS] if given in (None, "") else str(given)
    return Example(example_id, data, None if split in (None, "") else str(split)), given not in (None, "")


def _not_json(value: Any) -> str:
    if value is None or isinstance(value, str | bool | int):
        return ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"is {value}; use None for what is missing"
    if isinstance(value, list | tuple):
        return next((problem for item in value if (problem := _not_json(item))), "")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            return "is a dict whose keys are not all text"
        return next((problem for item in value.values() if (problem := _not_json(item))), "")
    return f"holds a {type(value).__name__}, which is not a JSON value"


def _with_splits(examples: Iterable[Example], shares: Mapping[str, float]) -> Iterator[Example]:
    if not shares or any(not share >= 0 for share in shares.values()) or not math.isclose(sum(shares.values()), 1):
        raise InputError(f"The splits {dict(shares)} do not sum to 1.", field="splits")
    for example in examples:
        if example.split is not None:
            yield example
            continue
        draw = int(digests.of_json(["split", example.example_id])[:13], 16) / 16**13
        chosen = ""
        for name, share in shares.items():
            if draw >= 0 and share > 0:
                chosen = name
            draw -= share
        yield replace(example, split=chosen)


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", field="path") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text.", remedy="Save it as UTF-8.", field="path") from None


def _jsonl_rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_text_of(path).split("\n"), start=1):
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
            if problem := _not_json(value):
                raise InputError(f"{path}, line {number}: the value of {key!r} {problem}.", field=key)
        yield row


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    text = _text_of(path)
    # The module's limit on a cell, 128 kB, is one for the process; a longer document in a cell is nothing odd.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
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


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    try:
        import pyarrow as arrow  # noqa: PLC0415 - optional and heavy
        from pyarrow import parquet  # noqa: PLC0415 - likewise
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}", field="path") from None
    for row in rows:
        for key, value in row.items():
            if isinstance(value, float) and math.isnan(value):
                row[key] = None
            elif isinstance(value, datetime.date | datetime.time):
                row[key] = value.isoformat()
            elif isinstance(value, Decimal):
                row[key] = str(value)
    return rows
