from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.records import (
    Failure,
    RecordType,
    RunKind,
    RunUpdate,
    Score,
    ScoreSource,
    Span,
    SpanStatus,
    decode,
    dumps,
    encode,
    loads,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_comes_back_exact_with_nul_surrogates_and_long_integers(value: object) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("value", [2**80, {"n": -(2**70)}, ["\ud800", 2**64], {2**65: 1}])
def test_integers_over_64_bits_stay_integers(value: object) -> None:
    back = loads(dumps(value))
    assert str(back) == str(value) or back == {str(2**65): 1}
    assert loads(memoryview(dumps(value))) == loads(dumps(value).decode()) == back


def test_a_span_comes_back() -> None:
    span = Span("p", "a" * 32, "b" * 16, "x\ud800\x00", 1, input=2**80, status=SpanStatus.ERROR)
    record_type, payload = encode(span)
    assert record_type is RecordType.SPAN
    assert decode(record_type, payload) == span


def test_enums_and_failures_come_back_typed() -> None:
    score = Score("i", "p", "exact", 1, ScoreSource.CODE, failure=Failure("ValueError", "no"))
    assert decode(*encode(score)) == score
    update = RunUpdate("r", "p", 1, kind=RunKind.TRAIN, failure={"type": "E", "message": "m"})
    assert decode(*encode(update)) == update


def test_fields_of_a_newer_version_are_ignored() -> None:
    payload = dumps({"run_id": "r", "project": "p", "time_ns": 1, "invented": True})
    assert decode(RecordType.RUN, payload) == RunUpdate("r", "p", 1)


@pytest.mark.parametrize(
    ("number", "payload", "text"),
    [
        (999, b"{}", "unknown"),
        (1, b"[]", "not a JSON object"),
        (2, b'{"run_id":"r","project":"p","time_ns":1,"kind":"x"}', "RunKind"),
    ],
)
def test_what_is_no_observation_is_refused(number: int, payload: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        decode(number, payload)


def test_every_record_is_frozen() -> None:
    assert all(f.name for f in fields(Span))
    with pytest.raises(AttributeError):
        Span("p", "a" * 32, "b" * 16, "x", 1).name = "y"  # type: ignore[misc]
