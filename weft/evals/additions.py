"""One example more: a span becomes a row of a dataset, as a new version that leads back to its trace."""

from __future__ import annotations

from typing import Any

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.evals.dataset import version_of
from weft.records import ArtifactVersion, Example, LineageEdge, NodeKind, Span
from weft.repositories import Store

ABSENT: Any = object()


def example_of(span: Span, expected: Any = ABSENT) -> Example:
    """A span as an example: its arguments as columns (``input`` where it is no dict), ``expected`` where one is given,
    ``trace_id`` and ``span_id``; the span's id is the example's."""
    given = span.input if isinstance(span.input, dict) else {"input": span.input}
    answer = {} if expected is ABSENT else {"expected": expected}
    return Example(span.span_id, {**given, **answer, "trace_id": span.trace_id, "span_id": span.span_id})


def add_example(store: Store, span: Span, name: str, *, expected: Any = ABSENT) -> ArtifactVersion:
    """The new version of the dataset ``name`` with the span in it; a dataset of that name is begun where there is none.

    A span that is in it already is replaced, so that an expected answer can be corrected. Raises InputError where the
    artifact is no dataset or the name is none.
    """
    try:
        base: ArtifactVersion | None = store.artifacts.get_version(span.project, name)
    except NotFoundError:
        base = None
    if base is not None and base.type != "dataset":
        raise InputError(f"The artifact {base.ref} is a {base.type}, not a dataset.", field="name")
    examples = [] if base is None else _examples(store, base)
    new = example_of(span, expected)
    places = [at for at, example in enumerate(examples) if example.example_id == new.example_id]
    if places:
        examples[places[0]] = new
    else:
        examples.append(new)
    version = version_of(
        span.project,
        name,
        examples,
        metadata={} if base is None else base.metadata,
        description=None if base is None else base.description,
    )
    stored = store.artifacts.create_version(version, examples=examples)
    edge = (NodeKind.TRACE, span.trace_id, "became", NodeKind.ARTIFACT, stored.ref)
    store.artifacts.add_edge(LineageEdge(span.project, *edge, clock.now_ns()))
    return stored


def _examples(store: Store, version: ArtifactVersion) -> list[Example]:
    found: list[Example] = []
    cursor: str | None = None
    while True:
        page = store.artifacts.list_examples(version.project, version.ref, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
