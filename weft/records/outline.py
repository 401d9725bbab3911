"""A trace as a tree that is read in windows: its spans in the order of a depth-first walk, figures rolled up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, TypeVar

from weft.records.spans import Span

N = TypeVar("N", int, float)
_BY_START = itemgetter(2, 0)
VERDICTS = frozenset({"judge", "scorer", "evaluation"})


class OutlineRow(NamedTuple):
    """A span in the tree.

    ``parent`` is the place of its parent's row, -1 at the top; ``below`` counts the rows of its subtree, which follow
    it at once; ``start_ns`` is relative to the trace's start; ``length_ns`` is None while the span is open;
    ``tokens``, ``cost_usd`` and ``errors`` are sums over the span and all below it.
    """

    span_id: str
    depth: int
    parent: int
    below: int
    name: str
    kind: str
    status: str
    start_ns: int
    length_ns: int | None
    tokens: int | None
    cost_usd: float | None
    errors: int
    model: str | None


class Branch(NamedTuple):
    """What of a span the tree is made of."""

    span_id: str
    parent_span_id: str | None
    start_ns: int
    end_ns: int | None
    name: str
    kind: str
    status: str
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None

    @classmethod
    def of(cls, span: Span) -> Branch:
        """The branch of a span."""
        return cls(*(getattr(span, name) for name in cls._fields))


@dataclass(frozen=True, slots=True)
class Outline:
    """All rows of a trace in tree order. ``errors`` are the places of the failed spans, ``culprit`` the place of the
    span to look at first; ``open`` says that the trace still runs."""

    rows: list[OutlineRow]
    start_ns: int
    length_ns: int
    errors: list[int]
    culprit: int
    open: bool


def outline(spans: Sequence[Branch]) -> Outline:
    """The outline of a trace's spans (at least one): parents before children, siblings by start.

    A span whose parent is not among them stands at the top; so does one of a ring of parents.
    """
    start = min(span.start_ns for span in spans)
    end = max(span.end_ns or span.start_ns for span in spans)
    ordered, parents = _depth_first(spans)
    n = len(ordered)
    depth, below = [0] * n, [0] * n
    failed = [at for at, span in enumerate(ordered) if span.status == "error"]
    errors = [0] * n
    for at in failed:
        errors[at] = 1
    tokens = [_sum(span.input_tokens, span.output_tokens) for span in ordered]
    costs = [span.cost_usd for span in ordered]
    for at in range(n - 1, -1, -1):  # a subtree is behind its root, so that its sums are ready before they are added
        parent = parents[at]
        if parent >= 0:
            below[parent] += below[at] + 1
            errors[parent] += errors[at]
            if tokens[at] is not None:
                tokens[parent] = _sum(tokens[parent], tokens[at])
            if costs[at] is not None:
                costs[parent] = _sum(costs[parent], costs[at])
    for at, parent in enumerate(parents):
        if parent >= 0:
            depth[at] = depth[parent] + 1
    rows = [
        OutlineRow(
            span.span_id, depth[at], parents[at], below[at], span.name, span.kind, span.status, span.start_ns - start,
            None if span.end_ns is None else span.end_ns - span.start_ns, tokens[at], costs[at], errors[at], span.model,
        )
        for at, span in enumerate(ordered)
    ]  # fmt: skip
    running = any(span.end_ns is None for span in spans)
    return Outline(rows, start, end - start, failed, _culprit(failed, parents), running)


def without_verdicts(spans: Iterable[Branch]) -> list[Branch]:
    """The spans without those that judge, and without what is below those."""
    spans = list(spans)
    hidden = {span.span_id for span in spans if span.kind in VERDICTS}
    grown = bool(hidden)
    while grown:
        below = {span.span_id for span in spans if span.parent_span_id in hidden} - hidden
        grown = bool(below)
        hidden |= below
    return [span for span in spans if span.span_id not in hidden]


def _depth_first(spans: Sequence[Branch]) -> tuple[list[Branch], list[int]]:
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Branch]] = {}
    for span in sorted(spans, key=_BY_START):
        up = span.parent_span_id
        children.setdefault(up if up in known and up != span.span_id else None, []).append(span)
    ordered: list[Branch] = []
    parents: list[int] = []
    seen: set[str] = set()

    def walk(tops: Iterable[Branch]) -> None:
        stack = [(span, -1) for span in reversed(list(tops))]
        while stack:
            span, parent = stack.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            at = len(ordered)
            ordered.append(span)
            parents.append(parent)
            if span.span_id in children:
                stack += [(child, at) for child in reversed(children[span.span_id])]

    walk(children.get(None, ()))
    if len(ordered) < len(known):
        for span in spans:  # a ring of parents has no top: the walk enters it anywhere
            if span.span_id not in seen:
                walk([span])
    return ordered, parents


def _culprit(failed: Sequence[int], parents: Sequence[int]) -> int:
    """The first failed span that no failed child explains, else the root."""
    blamed = {parents[at] for at in failed}
    return next((at for at in failed if at not in blamed), 0)


def _sum(a: N | None, b: N | None) -> N | None:
    return b if a is None else a if b is None else a + b
