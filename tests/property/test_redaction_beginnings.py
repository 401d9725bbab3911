"""The one pass over long data misses no beginning of a secret."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.records import redaction
from weft.records.redaction import Patterns

KEY = b"sk-abc123def456ghi789jkl"
FILLING = b"the quick brown fox: jumps over_ the lazy-dog 42 " * 1500


@given(st.integers(0, len(FILLING)), st.sampled_from(redaction._STARTS))
@settings(deadline=None)
def test_every_beginning_is_seen_wherever_it_stands(at: int, start: bytes) -> None:
    assert redaction._begins(FILLING[:at] + start + FILLING[at:])


@pytest.mark.parametrize("at", [0, 1, 70_000, len(FILLING) - 1, len(FILLING)])
def test_secrets_in_long_data_are_found(at: int) -> None:
    assert Patterns().may_find(FILLING[:at] + b" " + KEY + FILLING[at:])


def test_long_data_without_a_beginning_is_left_at_once() -> None:
    assert not redaction._begins(FILLING)
    assert not Patterns().may_find(FILLING)
