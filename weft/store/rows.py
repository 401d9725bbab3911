"""Spans as rows, with all that needs no database: checked columns, words, slices. Light: no SQL is imported here.

A row is made of lists, tuples, texts, bytes and numbers, so that one process can make it and another one store it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from weft.otlp.normalize import columns
from weft.records import Span, SpanStatus
from weft.store import values as v
from weft.store.cutting import cut
from weft.store.slices import FACETED, INPUT_FOLLOWS, OUTPUT_FOLLOWS
from weft.store.wording import of_span

PLAIN = (  # the columns of the table ``spans`` but for ``id`` and ``content``
    *("trace_id", "span_id", "parent_span_id", "project", "run_id", "name", "kind", "status", "status_message"),
    *("start_ns", "end_ns", "duration_ns", "model", "provider", "model_version", "input_tokens", "output_tokens"),
    *("cached_tokens", "reasoning_tokens", "cost_usd", "thread_id", "user_id", "scope", "writer", "facets"),
)
# What span_row makes. ``texts`` are JSON in the order of SECTIONS, None for what says nothing; ``attributes`` are those
# that ``facets`` do not tell.
ROW = (*PLAIN, "flags", "texts")
AT = {name: index for index, name in enumerate(ROW)}
INPUT_WORDS, OUTPUT_WORDS, CUT = range(3)  # of what stands in the place of ``texts`` when a row is shaped
_NAME, _PROJECT, _FLAGS, _TEXTS = (AT[name] for name in ("name", "project", "flags", "texts"))
# How names of attributes begin that may say what a span's input and output are.
SPEAKING = (
    "gen_ai.",
    "llm.",
    "input.",
    "output.",
    "ai.",
    "traceloop.",
    "langfuse.",
    "mlflow.",
    "pydantic_ai.",
    "retrieval.",
    "reranker.",
)
_STATUSES = frozenset({SpanStatus.UNSET, SpanStatus.OK, SpanStatus.ERROR})


def span_row(span: Span, *, decoded: bool = False) -> list[Any]:
    """A span as :data:`ROW`, its texts as JSON.

    ``decoded``: it was read from OTLP; ids are right, and input and output are what the attributes and events say.
    Raises ValueError naming the field that is wrong.
    """
    start = v.int64(span.start_ns, "start_ns")
    end = v.int64_or_none(span.end_ns, "end_ns")
    if not decoded:
        v.trace_id(span.trace_id)
        v.span_id(span.span_id)
        if span.parent_span_id is not None:
            v.span_id(span.parent_span_id, "parent_span_id")
    attributes = v.mapping(span.attributes, "attributes")
    facets, rest = v.divided(attributes)
    run_id, name, kind, message, model, provider, version, thread_id, user_id, scope, writer = _texts(span)
    return [
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        v.project_name(span.project),
        run_id,
        name,
        kind,
        (span.status if span.status in _STATUSES else SpanStatus.UNSET).value,
        message,
        start,
        end,
        -1 if end is None else max(0, end - start),
        model,
        provider,
        version,
        v.int64_or_none(span.input_tokens, "input_tokens"),
        v.int64_or_none(span.output_tokens, "output_tokens"),
        v.int64_or_none(span.cached_tokens, "cached_tokens"),
        v.int64_or_none(span.reasoning_tokens, "reasoning_tokens"),
        v.number_or_none(span.cost_usd, "cost_usd"),
        thread_id,
        user_id,
        scope,
        writer,
        facets,
        FACETED | (INPUT_FOLLOWS | OUTPUT_FOLLOWS if decoded else _follows(span)),
        [
            None if span.input is None else v.to_json(span.input),
            None if span.output is None else v.to_json(span.output),
            v.to_json(rest) if rest else None,
            v.to_json(v.listing(span.events, "events")) if span.events else None,
            v.to_json(v.listing(span.links, "links")) if span.links else None,
            v.to_json(v.mapping(span.resource, "resource")) if span.resource else None,
        ],
    ]


def shaped(row: list[Any]) -> list[Any]:
    """A row of :func:`span_row` with what of its texts is stored in the place of them; they are not needed any more.

    What is stored is a tuple: the words of its input and of its output, and the rest cut into slices (:data:`CUT`).
    """
    texts = row[_TEXTS]
    if not isinstance(texts, tuple):
        words = of_span(row[_NAME], texts[0], texts[1])
        for place, flag in enumerate((INPUT_FOLLOWS, OUTPUT_FOLLOWS)):
            if row[_FLAGS] & flag:
                texts[place] = None
        row[_TEXTS] = (*words, cut(row[_PROJECT], texts))
    return row


_WORDS: tuple[tuple[str, Callable[[Any, str], str | None]], ...] = (
    ("run_id", v.identifier_or_none),
    ("name", v.words),
    ("kind", v.words),
    ("status_message", v.words_or_none),
    ("model", v.clipped),
    ("provider", v.words_or_none),
    ("model_version", v.clipped),
    ("thread_id", v.clipped),
    ("user_id", v.clipped),
    ("scope", v.words_or_none),
    ("writer", v.identifier_or_none),
)
_given = attrgetter(*(field for field, _ in _WORDS))


def _texts(span: Span) -> Sequence[str | None]:
    """The words of a span, cleaned. One look at all of them tells that most need no cleaning."""
    given: Sequence[Any] = _given(span)
    try:
        joined = "".join([text for text in given if text is not None])
    except TypeError:
        joined = "\0"
    sound = joined.isascii() and "\0" not in joined and len(joined) <= v.ID_LENGTH and "" not in given
    if sound and span.name is not None and span.kind is not None:
        return given
    return [clean(text, field) for text, (field, clean) in zip(given, _WORDS, strict=True)]


def _follows(span: Span) -> int:
    """Which of input and output need not be kept, because the attributes and events say the same."""
    if (span.input is None and span.output is None) or not any(name.startswith(SPEAKING) for name in span.attributes):
        return 0
    said = columns(span.attributes, span.events)
    return (INPUT_FOLLOWS if _same(said.get("input"), span.input) else 0) | (
        OUTPUT_FOLLOWS if _same(said.get("output"), span.output) else 0
    )


def _same(one: Any, other: Any) -> bool:
    return other is not None and v.to_json(one) == v.to_json(other)
