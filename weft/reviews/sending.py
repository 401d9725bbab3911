"""Any query over spans as a source of review: what it finds is drawn as an evaluation's answers are."""

from __future__ import annotations

from itertools import chain

from weft import recording
from weft.errors import InputError
from weft.records import SpanQuery
from weft.repositories import Store
from weft.reviews.cases import scores_of, spans_of
from weft.reviews.policy import ReviewPolicy, RoutingReport
from weft.reviews.queue import Queue

MOST = 10_000


def send_to_review(
    query: str,
    queue: str | ReviewPolicy,
    *,
    project: str | None = None,
    budget: float = 1.0,
    judge: str | None = None,
    limit: int = MOST,
) -> RoutingReport:
    """Send the spans that an expression of the query language finds to people, through the current session's store.

    ``queue`` is a policy, or the name of a queue: then the share ``budget`` of the spans is sent, those about which
    ``judge`` (the name of a score) is ambiguous more often, and without one all with the same chance. The estimate of
    the queue speaks of all spans found, at most the ``limit`` newest. Raises InputError where nothing is found.
    """
    recorder = recording.require("weft.send_to_review")
    store = recorder.caught_up()
    asked = SpanQuery(project=recorder.project if project is None else project, where=query)
    return send_spans(store, asked, policy_of(queue, budget=budget, judge=judge), limit)


def policy_of(queue: str | ReviewPolicy, *, budget: float = 1.0, judge: str | None = None) -> ReviewPolicy:
    """The policy, or the one that a queue's name stands for."""
    if isinstance(queue, ReviewPolicy):
        return queue
    return ReviewPolicy(queue, judge=judge, budget=budget, audit_floor=min(0.05, budget))


def send_spans(store: Store, query: SpanQuery, policy: ReviewPolicy, limit: int = MOST) -> RoutingReport:
    """Route the spans that a query of one project finds. Raises InputError without a project or any span."""
    project = _project(query)
    spans = list(spans_of(store, query, limit))
    if not spans:
        raise _nothing(query)
    rules = policy.all_rules
    wanted = (
        None if any(rule.scores is None for rule in rules) else {*chain.from_iterable(r.scores or () for r in rules)}
    )
    if policy.judge is not None and wanted is not None:
        wanted.add(policy.judge)
    scores = scores_of(store, project, spans, wanted) if wanted is None or wanted else []
    return policy.route_spans(store, project, spans, scores)


def send_by_hand(store: Store, query: SpanQuery, queue: str, limit: int = MOST) -> int:
    """Put the spans into a queue that exists, without a draw: served first, never counted. Returns how many are new.
    Raises InputError as :func:`send_spans`, NotFoundError for an unknown queue."""
    opened = Queue.open(store, _project(query), queue)
    spans = list(spans_of(store, query, limit))
    if not spans:
        raise _nothing(query)
    return sum(opened.send(span) for span in spans)


def _project(query: SpanQuery) -> str:
    if query.project is None:
        raise InputError("The spans are of no project.", remedy="Name it.", field="project")
    return query.project


def _nothing(query: SpanQuery) -> InputError:
    return InputError(
        f"No span of the project {query.project!r} matches.", remedy="Try it with `weft traces`.", field="query"
    )
