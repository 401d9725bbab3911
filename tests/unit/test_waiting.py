from __future__ import annotations

import pytest

from weft.testing.waiting import wait_for


def test_the_first_true_answer_comes_back() -> None:
    answers = iter([None, [], [1]])
    assert wait_for(lambda: next(answers)) == [1]


def test_it_gives_up_and_says_what_it_saw() -> None:
    with pytest.raises(TimeoutError, match=r"Nothing came within 0 s; the last answer was \[\]"):
        wait_for(list, timeout_s=0)
