"""What people said, out of a queue: a dataset version (a golden set) and lines of JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.evals.dataset import version_of
from weft.records import ArtifactVersion, Example, ItemStatus, LabelQuery, ReviewItem, ReviewLabel, ReviewQueue, dumps
from weft.records.rubrics import FieldType, Rubric
from weft.repositories import Store


def label_rows(store: Store, queue: ReviewQueue, *, complete: bool = False) -> Iterator[dict[str, Any]]:
    """Each item of a queue that anybody has labelled as a row, with every version of its labels, in serving order;
    only those that are complete where asked."""
    labels = _labels(store, queue)
    for item in _items(store, queue):
        said = labels.get(item.item_id, [])
        if said and (item.status is ItemStatus.LABELLED or not complete):
            yield _row(item, said)


def write_labels(store: Store, queue: ReviewQueue, path: Path, *, complete: bool = False) -> int:
    """Write :func:`label_rows` as lines of JSON; returns how many. Raises InputError where the file cannot be."""
    count = 0
    try:
        with path.open("wb") as file:
            for row in label_rows(store, queue, complete=complete):
                file.write(dumps(row) + b"\n")
                count += 1
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", field="out") from None
    return count


def golden_set(
    store: Store, queue: ReviewQueue, name: str, *, aliases: tuple[str, ...] = ("golden",), simulated: bool = False
) -> ArtifactVersion:
    """The complete items of a queue as a version of the dataset ``name``.

    An example has the input's columns (``input`` where it is no dict), ``output``, ``label``, ``value``, the
    ``answers`` that decided, and ``expected`` where it is known: the corrected answer, else the output that people
    judged best, else what the item showed as expected. Labels that no person gave are left out unless ``simulated``.
    Raises InputError where no item is complete.
    """
    rubrics = {one.version: Rubric.parse(one.rubric) for one in store.reviews.list_rubrics(queue.queue_id)}
    labels = _labels(store, queue)
    done = [
        item
        for item in _items(store, queue)
        if item.status is ItemStatus.LABELLED and (simulated or not item.simulated)
    ]
    if not done:
        raise InputError(
            f"The queue {queue.name!r} has no complete item that a person labelled.",
            remedy="Label some first.",
            field="queue",
        )
    shared = Counter(item.example_id for item in done)
    examples = []
    for item in sorted(done, key=lambda item: item.item_id):
        lone = item.example_id is not None and shared[item.example_id] == 1
        name_of = item.example_id if lone and item.example_id is not None else item.item_id
        examples.append(Example(name_of, _data(item, _deciding(labels.get(item.item_id, [])), rubrics)))
    facts = {"review_queue": queue.name, "score_name": queue.score_name, "rubric_version": queue.rubric_version}
    version = version_of(queue.project, name, examples, metadata=facts)
    return store.artifacts.create_version(version, examples=examples, aliases=aliases)


def _data(item: ReviewItem, said: list[ReviewLabel], rubrics: dict[int, Rubric]) -> dict[str, Any]:
    given = item.shown.get("input")
    data = dict(given) if isinstance(given, dict) else {"input": given}
    answers: dict[str, Any] = {}
    corrected = None
    best = 1.0
    for label in said:
        rubric = rubrics[label.rubric_version]
        best = rubric.bounds[1]
        answers |= label.answers
        for field in rubric.fields:
            if field.type is FieldType.CORRECTED and label.answers.get(field.name):
                corrected = label.answers[field.name]
    data |= {"output": item.shown.get("output"), "label": item.label, "value": item.value, "answers": answers}
    if corrected is not None:
        data["expected"] = corrected
    elif item.value == best and "output" in item.shown:
        data["expected"] = item.shown["output"]
    elif "expected" in item.shown:
        data["expected"] = item.shown["expected"]
    for one in ("run_id", "trace_id", "span_id"):
        if (where := getattr(item, one)) is not None:
            data[one] = where
    return data


def _deciding(labels: list[ReviewLabel]) -> list[ReviewLabel]:
    standing = [label for label in labels if label.counted]
    last = [label for label in standing if label.stage == 2]
    return last or standing


def _row(item: ReviewItem, labels: list[ReviewLabel]) -> dict[str, Any]:
    named = ("item_id", "run_id", "example_id", "repetition", "trace_id", "span_id")
    known = {name: getattr(item, name) for name in named if getattr(item, name) is not None}
    told = ("status", "label", "value", "u", "p", "wave", "shown", "machine", "gold", "flagged", "simulated")
    return {**known, **{name: getattr(item, name) for name in told}, "labels": labels}


def _items(store: Store, queue: ReviewQueue) -> Iterator[ReviewItem]:
    cursor: str | None = None
    while True:
        page = store.reviews.list_items(queue.queue_id, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _labels(store: Store, queue: ReviewQueue) -> dict[str, list[ReviewLabel]]:
    found: dict[str, list[ReviewLabel]] = {}
    cursor: str | None = None
    while True:
        page = store.reviews.list_labels(LabelQuery(queue.queue_id, cursor=cursor))
        for label in page.items:
            found.setdefault(label.item_id, []).append(label)
        cursor = page.cursor
        if cursor is None:
            return found
