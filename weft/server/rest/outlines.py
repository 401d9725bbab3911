"""Traces as trees that are read in windows, for pages that draw only what is in sight."""

from __future__ import annotations

import threading
from collections import OrderedDict

from fastapi import APIRouter, Request
from starlette.responses import Response

from weft.errors import InputError
from weft.records import SpanQuery
from weft.records.outline import Outline
from weft.repositories import Store
from weft.server.arguments import one, parameters, required
from weft.server.replies import reply

_MOST_ROWS = 1000
_MOST_FOUND = 1000
_KEPT_ROWS = 120_000


def router(store: Store) -> APIRouter:
    """The routes of outlines."""
    routes = APIRouter(prefix="/api", tags=["traces"])
    kept = _Kept(store)

    @routes.get(
        "/traces/{trace_id:text}/outline",
        summary="A window of the trace's tree: rows in depth-first order, figures rolled up",
        openapi_extra=parameters(span="the span that the window is put around; its place is `at` in the answer"),
    )
    def get_outline(
        trace_id: str, request: Request, first: int = 0, count: int = 200, verdicts: bool = True
    ) -> Response:
        tree = kept.outline(trace_id, verdicts=verdicts)
        span, at = one(request, "span"), None
        if not 0 < count <= _MOST_ROWS:
            raise InputError(f"count is {count}.", remedy=f"Ask for 1 to {_MOST_ROWS} rows.", field="count")
        if span is not None:
            at = next((place for place, row in enumerate(tree.rows) if row.span_id == span), tree.culprit)
            first = max(0, at - count // 2)
        first = max(0, first)
        return reply(
            {
                "spans": len(tree.rows),
                "start_ns": tree.start_ns,
                "length_ns": tree.length_ns,
                "open": tree.open,
                "culprit": tree.culprit,
                "errors": tree.errors,
                "at": at,
                "first": first,
                "rows": tree.rows[first : first + count],
            }
        )

    @routes.get(
        "/traces/{trace_id:text}/find",
        summary="Places in the trace's tree of the spans whose name, input or output hold a text",
        openapi_extra=parameters(text="what is searched, in any case"),
    )
    def find(trace_id: str, request: Request, verdicts: bool = True) -> Response:
        text = required(request, "text")
        tree = kept.outline(trace_id, verdicts=verdicts)
        needle = text.casefold()
        places = {at for at, row in enumerate(tree.rows) if needle in row.name.casefold()}
        query = SpanQuery(trace_id=trace_id, text=text, limit=_MOST_FOUND)
        holding = {span.span_id for span in store.spans.list_spans(query).items} if text.strip() else set()
        places |= {at for at, row in enumerate(tree.rows) if row.span_id in holding}
        return reply({"places": sorted(places)})

    return routes


class _Kept:
    """The outlines of traces that have ended, the last ones that were asked for; nothing of them changes any more
    unless spans are added, which the count of spans tells."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._outlines: OrderedDict[tuple[str, bool], tuple[object, Outline]] = OrderedDict()

    def outline(self, trace_id: str, *, verdicts: bool) -> Outline:
        """The outline of a trace. Raises NotFoundError."""
        key = trace_id, verdicts
        mark = self._mark(trace_id)
        with self._lock:
            found = self._outlines.get(key)
            if found is not None and found[0] == mark:
                self._outlines.move_to_end(key)
                return found[1]
        tree = self._store.spans.get_outline(trace_id, verdicts=verdicts)
        with self._lock:
            self._outlines.pop(key, None)
            if mark is not None and not tree.open:
                self._outlines[key] = mark, tree
                while sum(len(kept.rows) for _, kept in self._outlines.values()) > _KEPT_ROWS:
                    self._outlines.popitem(last=False)
        return tree

    def _mark(self, trace_id: str) -> object:
        summaries = self._store.spans.list_traces(SpanQuery(trace_id=trace_id, limit=1)).items
        if not summaries:
            return None
        one_ = summaries[0]
        return one_.spans, one_.errors, one_.root.span_id, one_.root.end_ns, one_.input_tokens, one_.output_tokens
