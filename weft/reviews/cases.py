"""What routing looks at: an answer with all that is known of it before anyone labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from weft.records import Sample, SampleStatus, Score, ScoreQuery, ScoreSource, Span, SpanQuery
from weft.repositories import Store

_FEW_TRACES = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One answer: a sample of an evaluation or a span. ``scores`` are the machines' and ``feedback`` is people's;
    ``found`` are the queries that a span of its trace matches."""

    shown: dict[str, Any]
    scores: list[Score] = field(default_factory=list)
    feedback: list[Score] = field(default_factory=list)
    found: frozenset[str] = frozenset()
    run_id: str | None = None
    example_id: str | None = None
    repetition: int | None = None
    trace_id: str | None = None
    span_id: str | None = None

    def score(self, name: str) -> Score | None:
        """The machine's score of this name, if any."""
        return next((score for score in self.scores if score.name == name), None)

    @property
    def names(self) -> list[Any]:
        """What tells the case from every other."""
        if self.example_id is not None:
            return [self.run_id, self.example_id, self.repetition]
        return ["span", self.trace_id, self.span_id]


def cases_of_samples(samples: Iterable[Sample], scores: Iterable[Score], *, show_expected: bool = False) -> list[Case]:
    """A case for each sample that has an answer."""
    by_sample: dict[tuple[str | None, str | None, int | None], list[Score]] = {}
    for score in scores:
        by_sample.setdefault((score.run_id, score.example_id, score.repetition), []).append(score)
    cases = []
    for sample in samples:
        if sample.status != SampleStatus.OK:
            continue
        shown = {"input": sample.input, "output": sample.output}
        if show_expected:
            shown["expected"] = sample.expected
        given = by_sample.get((sample.run_id, sample.example_id, sample.repetition), [])
        cases.append(
            Case(
                shown,
                *_told(given),
                run_id=sample.run_id,
                example_id=sample.example_id,
                repetition=sample.repetition,
                trace_id=sample.trace_id,
                span_id=sample.span_id,
            )
        )
    return cases


def cases_of_spans(spans: Iterable[Span], scores: Iterable[Score]) -> list[Case]:
    """A case for each span, with the scores of that very span."""
    by_span: dict[tuple[str | None, str | None], list[Score]] = {}
    for score in scores:
        by_span.setdefault((score.trace_id, score.span_id), []).append(score)
    return [
        Case(
            {"input": span.input, "output": span.output},
            *_told(by_span.get((span.trace_id, span.span_id), [])),
            run_id=span.run_id,
            trace_id=span.trace_id,
            span_id=span.span_id,
        )
        for span in spans
    ]


def scores_of(store: Store, project: str, spans: Sequence[Span], names: Iterable[str] | None) -> list[Score]:
    """The scores of spans that are stored: those of the given names, all of them where None."""
    traces = {span.trace_id for span in spans}
    if names is None or len(traces) <= _FEW_TRACES:
        queries = [ScoreQuery(trace_id=trace_id) for trace_id in sorted(traces)]
    else:
        queries = [ScoreQuery(project=project, name=name) for name in sorted(set(names))]
    return [score for query in queries for score in _scores(store, query) if score.trace_id in traces]


def looked_up(
    store: Store, project: str, cases: Sequence[Case], queries: Iterable[str], feedback: Iterable[str]
) -> list[Case]:
    """The cases with what the store knows of them: which queries a span of their trace matches, and people's feedback
    of these names."""
    traces = {case.trace_id for case in cases if case.trace_id is not None}
    found: dict[str, set[str]] = {query: _matching(store, project, query, traces) for query in set(queries)}
    said: dict[str | None, list[Score]] = {}
    for name in set(feedback) if traces else ():
        for score in _scores(store, ScoreQuery(project=project, name=name, source=ScoreSource.HUMAN)):
            said.setdefault(score.trace_id, []).append(score)
    return [
        replace(
            case,
            found=case.found | {query for query, hits in found.items() if case.trace_id in hits},
            feedback=[*case.feedback, *said.get(case.trace_id, [])] if case.trace_id else case.feedback,
        )
        for case in cases
    ]


def _told(scores: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    human = [score for score in scores if score.source == ScoreSource.HUMAN]
    return [score for score in scores if score.source != ScoreSource.HUMAN], human


def _scores(store: Store, query: ScoreQuery) -> Iterator[Score]:
    cursor: str | None = None
    while True:
        page = store.evaluations.list_scores(replace(query, cursor=cursor))
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def _matching(store: Store, project: str, where: str, traces: set[str]) -> set[str]:
    """The traces among these in which a span matches."""
    if len(traces) <= _FEW_TRACES:
        asked = [SpanQuery(project=project, trace_id=trace_id, where=where, limit=1) for trace_id in sorted(traces)]
        return {query.trace_id for query in asked if query.trace_id and store.spans.list_spans(query).items}
    return {span.trace_id for span in spans_of(store, SpanQuery(project=project, where=where))} & traces


def spans_of(store: Store, query: SpanQuery, most: int | None = None) -> Iterator[Span]:
    """The spans that a query finds, page by page, at most so many."""
    query, left = replace(query, limit=1000), most
    while left is None or left > 0:
        page = store.spans.list_spans(query)
        taken = page.items if left is None else page.items[:left]
        yield from taken
        left = None if left is None else left - len(taken)
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)
