"""Expressions on both databases against a plain interpreter of their trees: random ones over random spans."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft import clock, query
from weft.query import And, AnySpan, Compare, Contains, Field, FieldType, HasKey, IsNone, Moment, Not, OneOf, Or
from weft.records import Score, ScoreSource, Span, SpanQuery, SpanStatus, Writer
from weft.store import SqlStore, open_url
from weft.testing import batch_of, memory_store
from weft.testing.contract_observations import T, trace

SECOND = 1_000_000_000
NOW = T + 3600 * SECOND
WORDS = ["gold", "Gold", "silver", "gpt-4o", "ask", 'say "50%_"', "Grüße", "a\\b"]
NUMBERS = [-1, 0, 1, 2, 3, 0.5, 2.5, 1e6]
KEYS = ["tier", "n", "user.tier", 'odd " key', "weft.tags", "nowhere"]


def some_spans(seed: int = 7) -> tuple[list[Span], list[Score]]:
    """Spans of a few traces, every field there and missing, and scores of them."""
    chance = random.Random(seed)

    def maybe(values: list[Any]) -> Any:
        return chance.choice([None, *values])

    spans: list[Span] = []
    for number in range(1, 41):
        start = T + chance.randrange(6) * SECOND // 2
        values = [*WORDS, *NUMBERS, True, False, ["gold", "ask"], [], None, {"a": 1}]
        attributes = {key: chance.choice(values) for key in chance.sample(KEYS[:5], chance.randrange(5))}
        if chance.random() < 0.3:
            attributes["weft.tags"] = chance.sample(WORDS, 2)
        open_ = chance.random() < 0.2
        spans.append(
            Span(
                project="p",
                trace_id=trace(number % 9 + 1),
                span_id=f"{number:016x}",
                parent_span_id=None if number < 9 else f"{number % 9 or 8:016x}",
                name=chance.choice(WORDS),
                start_ns=start,
                end_ns=None if open_ else start + chance.choice([0, SECOND // 2, SECOND, 2 * SECOND, 2 * SECOND + 1]),
                kind=chance.choice(["op", "llm", "tool"]),
                status=SpanStatus.UNSET if open_ else chance.choice([SpanStatus.OK, SpanStatus.ERROR]),
                status_message=maybe(WORDS),
                model=maybe(WORDS),
                provider=maybe(WORDS),
                thread_id=maybe(["t", "u"]),
                input_tokens=maybe([0, 1, 2, 3]),
                output_tokens=maybe([0, 1, 2, 3]),
                cost_usd=maybe([0.0, 0.5, 2.5, 3.0]),
                input=maybe([*WORDS, {"q": "gold ask"}]),
                output=maybe([*WORDS, ["silver"]]),
                attributes=attributes,
                writer=chance.choice(["alive", "gone", None]),
            )
        )
    scores = [
        Score(
            f"s{n}",
            "p",
            chance.choice(["quality", "thumbs"]),
            T + n,
            ScoreSource.HUMAN,
            value=maybe([0.0, 0.5, 1.0]),
            label=maybe(["up", "down", "gold"]),
            trace_id=(of := chance.choice(spans)).trace_id,
            span_id=of.span_id,
        )
        for n in range(30)
    ]
    return spans, scores


@dataclass
class Reference:
    """What an expression means, in Python: True, False or None for unknown."""

    spans: list[Span]
    scores: list[Score]

    def of_trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def root(self, trace_id: str) -> Span:
        return min(self.of_trace(trace_id), key=lambda s: (s.parent_span_id is not None, s.start_ns, s.span_id))

    def score(self, name: str, span: Span, source: ScoreSource | None = None) -> Score | None:
        found = [s for s in self.scores if (s.trace_id, s.span_id, s.name) == (span.trace_id, span.span_id, name)]
        return max(found, key=lambda s: (s.time_ns, s.score_id), default=None)

    def holds(self, node: Any, span: Span) -> bool | None:
        match node:
            case And(parts):
                found = [self.holds(part, span) for part in parts]
                return False if False in found else None if None in found else True
            case Or(parts):
                found = [self.holds(part, span) for part in parts]
                return True if True in found else None if None in found else False
            case Not(part):
                inner = self.holds(part, span)
                return None if inner is None else not inner
            case AnySpan(part):
                return any(self.holds(part, other) for other in self.of_trace(span.trace_id))
            case OneOf(field, values):
                return self.holds(Or(tuple(Compare(field, "==", value) for value in values)), span)
            case IsNone(field):
                if field.name == "scores":
                    return self.score(field.key, self.whose(field, span)) is None
                return self.value(field, span) is None
            case HasKey(field, key):
                whose = self.whose(field, span)
                if field.name == "scores":
                    return self.score(key, whose) is not None
                return self.kept(whose.attributes.get(key)) is not None
            case Contains(field, text):
                return self.contains(field, text, span)
            case Compare(field, op, Field() as other):
                number = query.FIELDS.get(field.name, query.TRACE_FIELDS.get(field.name))
                kind = str if number.type is FieldType.TEXT else float
                sides = [self.value(one, span, kind) for one in (field, other)]
                return None if None in sides else self.compared(sides[0], op, sides[1])
            case Compare(field, op, value):
                return self.compare(field, op, value, span)
        raise AssertionError(node)

    def compare(self, field: Field, op: str, value: Any, span: Span) -> bool | None:
        if isinstance(value, Moment):
            value = value.at(NOW)
        found = self.value(field, span, type(value))
        if isinstance(value, Fraction) and found is not None:
            found = round(found * SECOND)
        return None if found is None else self.compared(found, op, value)

    @staticmethod
    def compared(left: Any, op: str, right: Any) -> bool:
        if isinstance(left, str):
            left, right = left.encode(), right.encode()
        return {
            "==": left == right,
            "<": left < right,
            "<=": left <= right,
            ">": left > right,
            ">=": left >= right,
        }[op]

    def contains(self, field: Field, text: str, span: Span) -> bool | None:
        whose = self.whose(field, span)
        if field.name == "tags":
            return text in self.tags(whose)
        if field.name in {"input", "output", "text"}:
            raise AssertionError("words have a test of their own")
        found = self.value(field, span, None)
        if isinstance(found, list):
            return text in found
        return self.lower(text) in self.lower(found) if isinstance(found, str) else None

    @staticmethod
    def lower(text: str) -> str:
        return "".join(char.lower() if char.isascii() else char for char in text)

    @staticmethod
    def tags(span: Span) -> list[str]:
        found = span.attributes.get("weft.tags")
        return found if isinstance(found, list) else []

    @staticmethod
    def kept(value: Any) -> Any:
        return None if isinstance(value, dict) else value

    def whose(self, field: Field, span: Span) -> Span:
        return self.root(span.trace_id) if field.of == "root" else span

    def value(self, field: Field, span: Span, kind: Any = None) -> Any:
        """The field's value; of what has another type than ``kind``, None."""
        if field.of == "trace":
            return self.total(field.name.removeprefix("trace."), span.trace_id)
        span = self.whose(field, span)
        if field.name == "attributes":
            found = self.kept(span.attributes.get(field.key))
            if kind is None:
                return found
            fits = isinstance(found, (int, float) if kind in (int, float) else kind)
            return found if fits and isinstance(found, bool) == (kind is bool) else None
        if field.name in {"scores", "feedback"}:
            score = self.score(field.key or "thumbs", span)
            text = field.name == "feedback" or kind is str
            return None if score is None else score.label if text else score.value
        if field.name == "status":
            if span.end_ns is None:
                return "interrupted" if span.writer == "gone" else "running"
            return span.status.value
        return self.plain(field.name, span)

    @staticmethod
    def plain(name: str, span: Span) -> Any:
        if name == "duration_s":
            return None if span.duration_ns is None else span.duration_ns / SECOND
        if name == "total_tokens":
            both = [n for n in (span.input_tokens, span.output_tokens) if n is not None]
            return sum(both) if both else None
        if name == "is_root":
            return span.parent_span_id is None
        names = {"thread": "thread_id", "start": "start_ns", "end": "end_ns", "parent": "parent_span_id"}
        return getattr(span, names.get(name, name))

    def total(self, name: str, trace_id: str) -> Any:
        spans, root = self.of_trace(trace_id), self.root(trace_id)
        if name in {"start", "duration_s"}:
            return self.plain(name, root)
        if name == "spans":
            return len(spans)
        if name == "errors":
            return sum(span.status is SpanStatus.ERROR for span in spans)
        found = [value for value in (self.plain(name, span) for span in spans) if value is not None]
        return sum(found) if found else None


SPANS, SCORES = some_spans()
REFERENCE = Reference(SPANS, SCORES)

words = st.sampled_from(WORDS)
numbers = st.sampled_from(NUMBERS)
of = st.sampled_from(["span", "span", "root"])
ops = st.sampled_from(["==", "<", "<=", ">", ">="])
texts = st.builds(Field, st.sampled_from(["name", "kind", "model", "provider", "status_message", "thread"]), of=of)
amounts = st.builds(Field, st.sampled_from(["input_tokens", "output_tokens", "total_tokens", "cost_usd"]), of=of) | (
    st.builds(Field, st.sampled_from([f"trace.{n}" for n in ("spans", "errors", "cost_usd", "total_tokens")])).map(
        lambda field: Field(field.name, of="trace")
    )
)
durations = st.builds(Field, st.just("duration_s"), of=of) | st.just(Field("trace.duration_s", of="trace"))
members = st.builds(Field, st.just("attributes"), st.sampled_from(KEYS), of=of)
scored = st.builds(Field, st.just("scores"), st.sampled_from(["quality", "thumbs"]), of=of)
lengths = st.sampled_from([Fraction(n) for n in (-1, 0, SECOND // 2, SECOND, 2 * SECOND, 10**9 * SECOND)]) | (
    st.just(Fraction(3, 2))
)
moments = st.sampled_from([Moment(T + n * SECOND // 2) for n in range(6)] + [Moment(-3600 * SECOND, relative=True)])
leaves = st.one_of(
    st.builds(Compare, texts, ops, words),
    st.builds(Compare, amounts, ops, numbers),
    st.builds(Compare, durations, ops, lengths),
    st.builds(Compare, st.builds(Field, st.sampled_from(["start", "end"]), of=of), ops, moments),
    st.builds(Compare, members, ops, words | numbers),
    st.builds(Compare, members, st.just("=="), st.booleans()),
    st.builds(Compare, scored, ops, words | numbers),
    st.builds(
        Compare, st.just(Field("status")), st.just("=="), st.sampled_from(["ok", "error", "running", "interrupted"])
    ),
    st.builds(Compare, st.just(Field("feedback")), st.just("=="), st.sampled_from(["up", "down"])),
    st.builds(Compare, st.builds(Field, st.just("is_root"), of=of), st.just("=="), st.booleans()),
    st.builds(Compare, texts, ops, texts | members | scored),
    st.builds(Compare, amounts | durations, ops, amounts | durations | members | scored),
    st.builds(OneOf, texts, st.lists(words, min_size=1, max_size=3).map(tuple)),
    st.builds(OneOf, members, st.lists(words | numbers, min_size=1, max_size=3).map(tuple)),
    st.builds(Contains, texts | members | st.just(Field("tags")), words | st.sampled_from(["OLD", "s", "%", "\\"])),
    st.builds(IsNone, texts | amounts | durations | members | scored | st.just(Field("end"))),
    st.builds(HasKey, st.just(Field("attributes")), st.sampled_from(KEYS)),
    st.builds(HasKey, st.just(Field("scores")), st.sampled_from(["quality", "none"])),
)


def trees(inner: Any) -> Any:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, parts) | st.builds(Or, parts)


conditions = st.recursive(leaves, trees, max_leaves=5)
expressions = st.recursive(leaves | st.builds(AnySpan, conditions), trees, max_leaves=6)


def fill(store: SqlStore) -> SqlStore:
    writers = [Writer("alive", T, 1, "h"), Writer("gone", T, 2, "h", ended=True)]
    report = store.ingest(batch_of("w", *writers, *SPANS, *SCORES))
    assert report.rejected == []
    return store


@pytest.fixture(scope="module")
def sqlite() -> Iterator[SqlStore]:
    store = fill(memory_store())
    yield store
    store.close()


@pytest.fixture(scope="module")
def postgres(new_postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    store = fill(open_url(new_postgres(), tmp_path_factory.mktemp("blobs")))
    yield store
    store.close()


def check(store: SqlStore, node: Any) -> None:
    text = query.write(node)
    clock.replace(lambda: NOW)
    wanted = [span.span_id for span in SPANS if REFERENCE.holds(query.parse(text), span)]
    found = [span.span_id for span in store.spans.list_spans(SpanQuery(where=text, limit=100)).items]
    assert sorted(found) == wanted, text
    traces = sorted({span.trace_id for span in SPANS if span.span_id in wanted})
    listed = store.spans.list_traces(SpanQuery(where=text, limit=100)).items
    assert sorted(item.root.trace_id for item in listed) == traces, text
    assert store.spans.count_spans(SpanQuery(where=text)) == len(wanted), text
    assert store.spans.count_traces(SpanQuery(where=text)) == len(traces), text


HOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@HOW
@given(expressions)
def test_expressions_mean_the_same_on_sqlite(sqlite: SqlStore, node: Any) -> None:
    check(sqlite, node)


@pytest.mark.postgres
@HOW
@given(expressions)
def test_expressions_mean_the_same_on_postgres(postgres: SqlStore, node: Any) -> None:
    check(postgres, node)


@given(expressions)
def test_a_written_tree_is_read_as_it_was(node: Any) -> None:
    text = query.write(node)
    assert query.write(query.parse(text)) == text


@pytest.mark.soak
@pytest.mark.postgres
@settings(HOW, max_examples=5000)
@given(expressions)
def test_many_expressions(sqlite: SqlStore, postgres: SqlStore, node: Any) -> None:
    check(sqlite, node)
    check(postgres, node)


@pytest.mark.parametrize("name", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GOLD", {"gold", "Gold"}),
        ("gol", set()),
        ("gol*", {"gold", "Gold"}),
        ("grüsse", {"Grüße"}),
        ("50 say", {'say "50%_"'}),
        ("gold nowhere", set()),
    ],
)
def test_contents_are_searched_by_words(request: pytest.FixtureRequest, name: str, text: str, wanted: set[str]) -> None:
    store = request.getfixturevalue(name)

    def found(where: str) -> set[str]:
        return {span.span_id for span in store.spans.list_spans(SpanQuery(where=where, limit=100)).items}

    by_name = {span.span_id for span in SPANS if span.name in wanted}
    there = {}
    for section in ("input", "output"):
        values = [*wanted, *([{"q": "gold ask"}] if "gold" in wanted else [])]
        inside = {span.span_id for span in SPANS if getattr(span, section) in values}
        here = {span.span_id for span in SPANS if getattr(span, section) is not None or section == "input"}
        there[section] = inside | (by_name & here)
        assert found(f"{query.quoted(text)} in {section}") == there[section]
        assert found(f"{query.quoted(text)} not in {section}") == {span.span_id for span in SPANS} - there[section]
    either = there["input"] | there["output"]
    assert found(f"{query.quoted(text)} in text") == either
    assert found(f"{query.quoted(text)} in text and not is_root or is_root and {query.quoted(text)} in text") == either


def test_the_corpus_has_every_case() -> None:
    assert {REFERENCE.value(Field("status"), span) for span in SPANS} == {"ok", "error", "running", "interrupted"}
    assert any(REFERENCE.tags(span) for span in SPANS)
