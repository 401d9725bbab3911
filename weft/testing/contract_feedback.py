"""What a store promises of feedback: scores stored at once, deleted by those who gave them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import Score, ScoreQuery, ScoreSource
from weft.repositories import Store
from weft.testing.batches import batch_of

T = 1_760_000_000_000_000_000
TRACE, SPAN = "a" * 32, "b" * 16
UP = Score(
    *("s1", "p", "thumbs", T, ScoreSource.HUMAN, 1.0, "up"),
    explanation="clear",
    author="ann",
    trace_id=TRACE,
    span_id=SPAN,
    metadata={"feedback": True},
)


class FeedbackContract:
    """Scores stored at once, and deleted."""

    def test_scores_are_stored_at_once_and_the_later_of_one_id_stays(self, store: Store) -> None:
        store.evaluations.add_scores([UP, replace(UP, score_id="s2", name="note", time_ns=T + 1)])
        down = replace(UP, value=0.0, label="down", time_ns=T + 2)
        store.evaluations.add_scores([down])
        store.evaluations.add_scores([UP])
        found = store.evaluations.list_scores(ScoreQuery(trace_id=TRACE, span_id=SPAN)).items
        assert found == [replace(UP, score_id="s2", name="note", time_ns=T + 1), down]
        assert store.runs.list_projects() == ["p"]

    def test_a_score_that_is_none_is_refused(self, store: Store) -> None:
        with pytest.raises(InputError, match="name has 0 characters"):
            store.evaluations.add_scores([UP, replace(UP, score_id="s2", name="")])
        assert store.evaluations.list_scores(ScoreQuery()).items == []

    def test_feedback_is_deleted_by_who_gave_it(self, store: Store) -> None:
        store.evaluations.add_scores([UP, replace(UP, score_id="s2", author="bob")])
        with pytest.raises(ConflictError, match="The feedback 's1' is ann's, not bob's"):
            store.evaluations.delete_score("s1", author="bob")
        store.evaluations.delete_score("s1", author="ann")
        store.evaluations.delete_score("s2")
        assert store.evaluations.list_scores(ScoreQuery()).items == []
        with pytest.raises(NotFoundError, match="There is no score 's1'"):
            store.evaluations.delete_score("s1", author="ann")

    def test_scores_of_evaluations_are_not_deleted_as_feedback(self, store: Store) -> None:
        store.ingest(batch_of("w", replace(UP, source=ScoreSource.CODE, metadata={})))
        with pytest.raises(ConflictError, match="The score 's1' is no feedback"):
            store.evaluations.delete_score("s1")
