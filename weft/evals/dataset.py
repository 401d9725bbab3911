"""Datasets: rows with stable ids and splits, from anywhere, published as versions of an artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft import clock, digests, ids, recording
from weft.errors import InputError, MissingExtraError
from weft.evals.dataset_diff import DatasetDiff, diff
from weft.evals.row_files import csv_rows, jsonl_rows, parquet_rows, row_of, write_csv, write_jsonl, write_parquet
from weft.evals.rows import numbered, plain_row, with_splits
from weft.records import ArtifactVersion, Example, LineageEdge, NodeKind, Span, SpanQuery

if TYPE_CHECKING:
    import pandas as pd

    from weft.repositories import Store

Rows = Iterable[Mapping[str, Any] | Example]
_PAGE = 500


class Dataset:
    """Named rows, each a dict of JSON values.

    The columns ``id`` (else the digest of the row) and ``split`` name the example and its part; the other ones are
    its data, ``expected`` among them by custom. ``ref`` is the published version that the rows come from, ``selection``
    what was taken of it. ``rows`` may be a function that gives the rows anew whenever it is called: they are then read
    as they are needed and never all in memory, and :attr:`is_streamed` is true. Raises InputError, naming the row, for
    what is no row and for an id given twice.
    """

    def __init__(self, name: str = "dataset", rows: Rows | Callable[[], Rows] = ()) -> None:
        if not ids.is_name(name):
            raise InputError(
                f"The dataset name {name!r} cannot stand in an address.",
                remedy=f"Use {ids.NAME_RULE}.",
                field="name",
            )
        self.name = name
        self._stream: Callable[[], Rows] | None = rows if callable(rows) else None
        self._examples: list[Example] = [] if callable(rows) else list(numbered(rows))
        self._facts: tuple[int, str] | None = None
        self.ref: str | None = None
        self.selection: dict[str, Any] = {}
        self._whole: Dataset | None = None

    @classmethod
    def from_jsonl(cls, path: str | Path, name: str | None = None, *, stream: bool = False) -> Dataset:
        """One JSON object a line; empty lines are passed over. Raises InputError naming file and line, where it is
        streamed not before that line is read."""
        return cls._from_file(jsonl_rows, path, name, stream)

    @classmethod
    def from_csv(cls, path: str | Path, name: str | None = None, *, stream: bool = False) -> Dataset:
        """A CSV file with a header line; all values are text. Raises InputError naming file and line."""
        return cls._from_file(csv_rows, path, name, stream)

    @classmethod
    def from_parquet(cls, path: str | Path, name: str | None = None, *, stream: bool = False) -> Dataset:
        """A Parquet file; NaN is read as None, times and decimals as text. Raises InputError, MissingExtraError."""
        return cls._from_file(parquet_rows, path, name, stream)

    @classmethod
    def _from_file(
        cls, read: Callable[[Path], Iterator[dict[str, Any]]], path: str | Path, name: str | None, stream: bool
    ) -> Dataset:
        file = Path(path)
        return cls(name or file.stem, (lambda: read(file)) if stream else read(file))

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, name: str = "dataset") -> Dataset:
        """The rows of a data frame; NaN is None, times are text. Raises InputError for what is no data frame."""
        if not hasattr(frame, "to_dict") or not hasattr(frame, "columns"):
            raise InputError(f"A {type(frame).__name__} is no data frame.", field="frame")
        return cls(name, [plain_row(row) for row in frame.to_dict("records")])

    @classmethod
    def from_hf(cls, given: Any, name: str = "dataset", *, stream: bool = False) -> Dataset:
        """The rows of a ``datasets.Dataset``, or of a ``DatasetDict``, whose keys become the splits. Raises InputError
        for anything else, and for columns that are no JSON values, such as images."""
        parts: dict[str | None, Any] = dict(given) if isinstance(given, Mapping) else {None: given}
        if not parts or not all(hasattr(part, "features") and hasattr(part, "__iter__") for part in parts.values()):
            raise InputError(f"A {type(given).__name__} is no dataset of Hugging Face.", field="given")

        def rows() -> Iterator[dict[str, Any]]:
            for split, part in parts.items():
                told = {} if split is None else {"split": split}
                yield from ({**plain_row(row), **told} for row in part)

        return cls(name, rows if stream else rows())

    @classmethod
    def from_calls(cls, calls: Iterable[Any], name: str = "calls") -> Dataset:
        """The inputs of calls as columns and their ``output``; ``trace_id`` and ``span_id`` lead back."""
        rows = [
            {**call.inputs, "output": call.output, "trace_id": call.trace_id, "span_id": call.id, "id": call.id}
            for call in calls
        ]
        return cls(name, rows)

    @classmethod
    def from_spans(
        cls, spans: Iterable[Span] | SpanQuery | str, name: str = "spans", *, expected: bool = False
    ) -> Dataset:
        """What was asked in production: the arguments of each span as columns (``input`` where it is no dict), the
        answer as ``output``, or as ``expected`` where that is asked; ``trace_id`` and ``span_id`` lead back.

        ``spans`` are spans, or what finds them in the session's project: a :class:`weft.records.SpanQuery` (without its
        ``limit``), or an expression of the query language such as ``kind == "llm" and cost_usd > 0.01``. Raises
        InputError for an expression that is none, WeftError where one is given without a session.
        """
        found = _found(spans) if isinstance(spans, SpanQuery | str) else spans
        rows: list[dict[str, Any]] = []
        for span in found:
            given = span.input if isinstance(span.input, dict) else {"input": span.input}
            answer = {"expected" if expected else "output": span.output}
            rows.append({**given, **answer, "trace_id": span.trace_id, "span_id": span.span_id, "id": span.span_id})
        return cls(name, rows)

    @classmethod
    def from_artifact(cls, ref: str, project: str | None = None, *, stream: bool = False) -> Dataset:
        """The published version ``name``, ``name:alias`` or ``name:v3``. Raises NotFoundError, or InputError where
        the artifact is no dataset."""
        recorder = recording.require("weft.Dataset.get")
        project = project or recorder.project
        version = recorder.store.artifacts.get_version(project, ref)
        if version.type != "dataset":
            raise InputError(f"The artifact {version.ref} is a {version.type}, not a dataset.", field="ref")
        rows = partial(examples_of, recorder.store, project, version.ref)
        dataset = cls(version.name, rows if stream else rows())
        dataset.ref = version.ref
        return dataset

    get = from_artifact

    @classmethod
    def versions(cls, name: str, project: str | None = None) -> list[ArtifactVersion]:
        """The published versions of a dataset, oldest first. Raises NotFoundError."""
        recorder = recording.require("weft.Dataset.versions")
        found = recorder.store.artifacts.list_versions(project or recorder.project, name)
        return sorted(found, key=lambda version: version.version)

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
        stays there in every later version. The traces that rows came from lead to the version. A streamed dataset is
        read into memory. Raises InputError for other shares, StoreError or ServerError.
        """
        if isinstance(aliases, str):  # a text is a sequence of letters too
            raise InputError(
                f"The aliases are the text {aliases!r}, not a list.",
                remedy=f"Use aliases=[{aliases!r}].",
                field="aliases",
            )
        if splits is not None:
            self.examples = list(with_splits(self.examples, splits))
        recorder = recording.require("Dataset.publish")
        examples = self.examples
        version = version_of(
            recorder.project,
            self.name,
            examples,
            metadata=metadata,
            description=description,
            run_id=recorder.run_id,
        )
        stored = recorder.store.artifacts.create_version(version, examples=examples, aliases=aliases)
        for trace_id in dict.fromkeys(filter(None, map(_trace_id, examples))):
            edge = (NodeKind.TRACE, trace_id, "became", NodeKind.ARTIFACT, stored.ref)
            recorder.record(LineageEdge(recorder.project, *edge, clock.now_ns()))
        self.ref, self.selection, self._whole = stored.ref, {}, None
        return stored

    def ensure_published(self) -> str | None:
        """The version that the rows come from; published now where it is not yet, the whole of which this is a part.

        What is streamed is not published by itself: None then, unless it comes from a version.
        """
        if self.ref is None and self._whole is not None:
            self.ref = self._whole.ensure_published()
        elif self.ref is None and not self.is_streamed:
            self.ref = self.publish().ref
        return self.ref

    @property
    def is_streamed(self) -> bool:
        """Whether the rows are read anew each time, and never all kept."""
        return self._stream is not None

    @property
    def examples(self) -> list[Example]:
        """All examples; of a streamed dataset they are read into a list each time."""
        return self._examples if self._stream is None else list(self)

    @examples.setter
    def examples(self, examples: list[Example]) -> None:
        self._examples, self._stream, self._facts = examples, None, None

    @property
    def digest(self) -> str:
        """The digest of all rows, ids and splits; a streamed dataset is read through once for it."""
        return self._look()[1]

    def _look(self) -> tuple[int, str]:
        if self._facts is None or self._stream is None:
            hasher, count = digests.Rolling(), 0
            for count, example in enumerate(self, start=1):  # noqa: B007 - its last value counts
                hasher.add_json([example.example_id, example.split, example.data])
            self._facts = count, hasher.digest()
        return self._facts

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The data of every example."""
        return [example.data for example in self]

    @property
    def splits(self) -> dict[str, int]:
        """How many examples each split has."""
        counts: dict[str, int] = {}
        for example in self:
            if example.split is not None:
                counts[example.split] = counts.get(example.split, 0) + 1
        return counts

    def split(self, name: str) -> Dataset:
        """The examples of one split. Raises InputError where there is no such split."""
        have = self.splits
        if name not in have:
            known = ", ".join(sorted(have)) or "none"
            raise InputError(f"The dataset {self.name} has no split {name!r}; it has: {known}.", field="split")
        return self._filtered(lambda example: example.split == name, split=name)

    def head(self, n: int) -> Dataset:
        """The first ``n`` examples."""
        return self._take(list(islice(self, n)), first=n)

    def where(self, keep: Callable[[dict[str, Any]], bool]) -> Dataset:
        """The examples whose data ``keep`` says yes to."""
        return self._filtered(lambda example: keep(example.data), where=getattr(keep, "__name__", "filter"))

    def select(self, indices: Iterable[int]) -> Dataset:
        """The examples at these places."""
        places, examples = list(indices), self.examples
        return self._take([examples[place] for place in places], places=places)

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> Dataset:
        """A dataset of these rows behind those here; published, it is the next version. Raises InputError."""
        return Dataset(self.name, [*self.examples, *list(Dataset(self.name, rows))])

    def diff(self, other: Dataset | str) -> DatasetDiff:
        """What leads from this dataset to ``other``, or to that version: examples added, removed and changed."""
        return diff(self, Dataset.get(other) if isinstance(other, str) else other)

    def to_jsonl(self, path: str | Path) -> None:
        """Write one JSON object a line, with ``id`` and ``split``. Raises InputError where it cannot be written."""
        write_jsonl(Path(path), self)

    def to_csv(self, path: str | Path) -> None:
        """Write a CSV file with ``id`` and ``split``; a value that is no text stands as JSON. Raises InputError."""
        write_csv(Path(path), self)

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file with ``id`` and ``split``. Raises MissingExtraError, and InputError where a column holds
        values of several types."""
        write_parquet(Path(path), self)

    def to_pandas(self) -> pd.DataFrame:
        """One row an example. Raises MissingExtraError without pandas."""
        try:
            import pandas as pd  # noqa: PLC0415 - optional and heavy
        except ImportError:
            raise MissingExtraError("pandas", "all") from None
        return pd.DataFrame([{"id": example.example_id, **example.data} for example in self])

    def to_hf(self) -> Any:
        """A ``datasets.Dataset``. Raises MissingExtraError without that package."""
        try:
            datasets: Any = import_module("datasets")  # optional and heavy
        except ImportError:
            raise MissingExtraError("datasets", install="datasets") from None
        return datasets.Dataset.from_list([row_of(example) for example in self])

    def _filtered(self, keep: Callable[[Example], bool], **selection: Any) -> Dataset:
        if self._stream is None:
            return self._take([example for example in self._examples if keep(example)], **selection)
        return self._take(lambda: (example for example in self if keep(example)), **selection)

    def _take(self, examples: list[Example] | Callable[[], Iterator[Example]], **selection: Any) -> Dataset:
        taken = Dataset(self.name, examples)
        taken.ref, taken.selection = self.ref, {**self.selection, **selection}
        taken._whole = self._whole or self
        return taken

    def __len__(self) -> int:
        return len(self._examples) if self._stream is None else self._look()[0]

    def __getitem__(self, place: int) -> Example:
        return self.examples[place]

    def __iter__(self) -> Iterator[Example]:
        return iter(self._examples) if self._stream is None else numbered(self._stream())

    def __repr__(self) -> str:
        size = "streamed" if self.is_streamed else f"{len(self)} examples"
        return f"Dataset({self.ref or self.name!r}, {size})"


def examples_of(store: Store, project: str, ref: str) -> Iterator[Example]:
    """The examples of a published version, a page at a time. Raises NotFoundError."""
    cursor: str | None = None
    while True:
        page = store.artifacts.list_examples(project, ref, cursor=cursor)
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def _found(asked: SpanQuery | str) -> Iterator[Span]:
    recorder = recording.require("Dataset.from_spans")
    query = SpanQuery(where=asked) if isinstance(asked, str) else asked
    query = replace(query, project=query.project or recorder.project, limit=_PAGE, cursor=None)
    store = recorder.caught_up()
    while True:
        page = store.spans.list_spans(query)
        yield from page.items
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


def _trace_id(example: Example) -> str | None:
    told = example.data.get("trace_id")
    return told if isinstance(told, str) and ids.is_trace_id(told) else None


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
