"""Feedback: thumbs, notes and scores on a span, at once, later, from another process, and over REST."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import tracing
from weft.errors import ConflictError, InputError, WeftError
from weft.records import Score, ScoreSource
from weft.testing.recorder import MemoryRecorder
from weft.tracing.human_scores import Feedback, feedback

TRACE, SPAN = "a" * 32, "b" * 16


@weft.op
def answer(question: str) -> str:
    feedback(tracing.get_current_span(), author="ann").note("while it runs")
    return question.upper()


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder() as active:
        yield active


def scores(recorder: MemoryRecorder) -> list[Score]:
    return [score for score in recorder.of(Score) if isinstance(score, Score)]


def test_thumbs_notes_and_scores_are_human_scores_of_the_span(recorder: MemoryRecorder) -> None:
    answer("tea?")
    span = recorder.span("answer")
    said = feedback(span, author="bob")
    up = said.thumbs_up("clear")
    said.score("helpful", 0.8, note="mostly")
    said.reaction("🎉")
    note, *others = scores(recorder)
    assert others[0] == up
    assert {(s.trace_id, s.span_id, s.project, s.source) for s in scores(recorder)} == {
        (span.trace_id, span.span_id, "test", ScoreSource.HUMAN)
    }
    assert (note.name, note.explanation, note.author) == ("note", "while it runs", "ann")
    assert [(s.name, s.value, s.label, s.explanation, s.author) for s in others] == [
        ("thumbs", 1.0, "up", "clear", "bob"),
        ("helpful", 0.8, None, "mostly", "bob"),
        ("reaction", None, "🎉", None, "bob"),
    ]
    assert all(score.metadata["feedback"] and not score.metadata.get("simulated") for score in scores(recorder))


def test_a_span_may_be_judged_after_it_has_ended(recorder: MemoryRecorder) -> None:
    with weft.span("chat") as span:
        current = weft.get_current_span()
    feedback(current).thumbs_down()
    (score,) = scores(recorder)
    assert (score.trace_id, score.span_id, score.value, score.label) == (span.trace_id, span.span_id, 0.0, "down")


def test_a_person_has_one_thumb_and_many_notes(recorder: MemoryRecorder) -> None:
    said = feedback(TRACE, SPAN, author="ann")
    up, down = said.thumbs_up(), said.thumbs_down()
    others = feedback(TRACE, SPAN, author="bob").thumbs_up()
    assert up is not None
    assert down is not None
    assert others is not None
    assert up.score_id == down.score_id != others.score_id
    assert len({score.score_id for score in (said.note("a"), said.note("a")) if score}) == 2


def test_the_author_is_the_user_else_who_runs_the_process(
    recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracing.user("eve"):
        assert feedback(TRACE, SPAN).author == "eve"
        assert feedback(TRACE, SPAN, author="ann").author == "ann"
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    assert feedback(f"{TRACE}:{SPAN}").author == "login"

    def nobody() -> str:
        raise OSError("no such user")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert feedback((TRACE, SPAN)).author == "anonymous"


def test_structured_feedback_as_users_of_weave_write_it(recorder: MemoryRecorder) -> None:
    said = feedback(TRACE, SPAN, author="ann")
    score = said.add("correctness", {"value": 4, "why": "one wrong date"})
    assert score is not None
    assert (score.name, score.value, score.label) == ("correctness", 4.0, "one wrong date")
    assert score.metadata == {"value": 4, "why": "one wrong date", "feedback": True}
    assert said.add_note("seen") is not None
    assert said.add_reaction("👍") is not None


def test_of_a_span_that_is_not_recorded_nothing_is(recorder: MemoryRecorder) -> None:
    said = feedback(weft.get_current_span())
    assert (said.thumbs_up(), said.note("x"), said.list(), list(said)) == (None, None, [], [])
    said.delete("any")
    assert recorder.observations == []


def test_without_a_session() -> None:
    assert feedback(weft.get_current_span()).thumbs_up() is None
    with pytest.raises(WeftError, match=r"weft\.feedback needs a running session"):
        feedback(TRACE, SPAN)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: feedback(3), "3 is no span"),  # type: ignore[arg-type]
        (lambda: feedback("abc"), "'abc' is no span"),
        (lambda: feedback("abc", SPAN), "The trace id 'abc' is not 32 lowercase hex digits"),
        (lambda: feedback(TRACE, "B" * 16), "The span id 'BBBBBBBBBBBBBBBB' is not 16 lowercase hex digits"),
        (lambda: feedback(TRACE, SPAN).note(" "), "The note is ' '; it needs words"),
        (lambda: feedback(TRACE, SPAN).reaction(""), "The reaction is ''; it needs words"),
        (lambda: feedback(TRACE, SPAN).score("s"), "The score 's' has neither value nor label"),
        (lambda: feedback(TRACE, SPAN).score("s", math.nan), "The value of 's' is nan, not a finite number"),
        (lambda: feedback(TRACE, SPAN).score("", 1.0), "Feedback cannot be named ''"),
    ],
)
def test_bad_feedback_is_refused(recorder: MemoryRecorder, call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


CHILD = """
import os, signal, sys, weft
weft.init("shop", id="r")
weft.feedback(sys.argv[1], sys.argv[2], author="ann").thumbs_up("from another process")
print("said", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_feedback_by_ids_from_another_process_survives_its_kill(fresh_home: Path) -> None:
    with weft.init("shop", settings={"drain": "thread"}):
        answer("tea?")
    weft.flush()
    (span,) = weft.Api().spans(project="shop", name="answer")
    ids = [span.trace_id, span.span_id]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *ids],
        env={**os.environ, "WEFT_DRAIN": "off", "WEFT_QUIET": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "said\n"), done.stderr
    said = weft.Api().feedback(span)
    assert [(score.name, score.explanation, score.author) for score in said] == [
        ("note", "while it runs", "ann"),
        ("thumbs", "from another process", "ann"),
    ]


def test_listing_and_taking_back_ones_own(fresh_home: Path) -> None:
    with weft.init("shop", settings={"drain": "thread"}):
        answer("tea?")
        (span,) = weft.Api().spans(name="answer")
        mine, theirs = feedback(span, author="ann"), feedback(span, author="bob")
        up = mine.thumbs_up()
        assert up is not None
        assert [score.name for score in theirs.list()] == ["note", "thumbs"]
        with pytest.raises(ConflictError, match=r"is ann's, not bob's"):
            theirs.delete(up)
        mine.delete(up)
        assert [score.name for score in mine] == ["note"]


def test_a_reader_may_judge_as_well(fresh_home: Path) -> None:
    with weft.init("shop", settings={"drain": "thread"}):
        answer("tea?")
    api = weft.Api()
    (span,) = api.spans(name="answer")
    said = api.feedback(span, author="cleo")
    assert isinstance(said, Feedback)
    said.thumbs_down("late")
    assert [(s.name, s.author, s.project) for s in api.feedback(span)] == [
        ("note", "ann", "shop"),
        ("thumbs", "cleo", "shop"),
    ]
