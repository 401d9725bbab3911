"""Documents of contents: whatever the bytes are, what is cut joins again and what is written is read."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.records import Span, SpanStatus
from weft.store import slices as s
from weft.store.sql import SqlStore, open_memory
from weft.testing.batches import batch_of

_ODD = st.sampled_from(
    [
        '[{"a":1e2,"a":1E+2}, {"b" : "\\u0041\\n"} ,\t{"c":[]}]',
        '{"messages": [{"role": "user", "content": "hi"},{"role":"user","content":"}, {"}],"n":1.0}',
        '[{"role":"user","parts":[{"type":"text","content":"' + "long " * 40 + '"}]}]',
        "}, {" * 30,
        "[{" * 50 + "}]" * 50,
        '"llm.input_messages.3.message.role"',
        "\u2028 \U0001f600 \x00 \ud800",
    ]
)
_TEXT = st.lists(st.one_of(_ODD, st.text(max_size=80)), max_size=4).map("".join)
_VALUE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), _TEXT
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def store() -> Iterator[SqlStore]:
    with contextlib.closing(open_memory()) as store:
        yield store


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@given(st.one_of(st.binary(max_size=3000), _TEXT.map(lambda text: (text * 3).encode("utf-8", "surrogatepass"))))
def test_slices_join_to_the_text(text: bytes) -> None:
    parts = s.cut(text)
    assert b"".join(parts) == text
    assert all(len(part) >= s.LEAST for part in parts[:-1])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.integers(1, 2**50), st.integers(0, 4095))))
def test_heads_are_read_as_they_were_written(parts: list[tuple[int, int, int, int]]) -> None:
    header = s.Header(77)
    digest = "ab" * 32
    for kind, length, content, slot in parts:
        if kind == s.REFERENCE:
            header.reference(length, content, slot)
        elif kind == s.BLOB:
            header.blob(length, digest)
        elif kind == s.SLOT:
            header.slot(length)
        else:
            header.literal(length)
    document = s.unpack(77, header.pack(3, [1, 0, 2**33, 0, 0, 5], b"body"))
    assert (document.flags, document.sizes, document.body) == (3, [1, 0, 2**33, 0, 0, 5], b"body")
    for (kind, length, content, slot), part in zip(parts, document.parts, strict=True):
        assert (part.kind, part.length) == (kind, length)
        assert (part.content, part.slot) == ((content, slot) if kind == s.REFERENCE else (0, 0))
        assert part.digest == (digest if kind == s.BLOB else "")


@given(st.lists(st.tuples(_VALUE, _VALUE, st.dictionaries(_TEXT, _VALUE, max_size=3)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_contents_are_read_as_they_were_written(
    store: SqlStore, numbers: Iterator[int], given_spans: list[tuple[Any, Any, dict[str, Any]]]
) -> None:
    spans = [
        Span(
            project="p",
            trace_id=f"{next(numbers):032x}",
            span_id="00000000000000aa",
            name="n",
            start_ns=1,
            end_ns=2,
            status=SpanStatus.OK,
            input=value,
            output=[value, other, value],
            attributes={**attributes, "gen_ai.input.messages": json.dumps([value, other], indent=number % 3)},
        )
        for number, (value, other, attributes) in enumerate(given_spans)
    ]
    for span in spans:
        assert store.ingest(batch_of("w", span, segment=next(numbers))).rejected == []
    for span in spans:
        read = store.spans.find_span(span.trace_id, span.span_id)
        assert read is not None
        assert (read.input, read.output, read.attributes) == (span.input, span.output, span.attributes)
