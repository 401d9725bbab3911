"""Whatever a model writes, the judge reads a sound verdict or says that there is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from weft.errors import InputError
from weft.scorers import Judge

JUDGE = Judge(model="any")
VERDICTS = hs.fixed_dictionaries(
    {"value": hs.floats(0, 1)},
    optional={"confidence": hs.floats(0, 1), "explanation": hs.text(), "more": hs.integers()},
)


@given(hs.one_of(hs.text(), hs.text(alphabet='{}[]":,0123456789.eE-valueNlabt ')))
def test_any_text_is_a_verdict_or_refused(reply: str) -> None:
    try:
        found = JUDGE.read(reply)
    except InputError as error:
        message = str(error)
    else:
        assert found.value is not None
        assert 0 <= found.value <= 1
        return
    assert "judge" in message


@given(hs.text(alphabet="abc \n`[]}:"), VERDICTS, hs.text())
def test_a_verdict_is_found_among_words(before: str, verdict: dict[str, object], after: str) -> None:
    found = JUDGE.read(before + json.dumps(verdict) + after)
    assert found.value == pytest.approx(verdict["value"])
    assert found.explanation == verdict.get("explanation")
