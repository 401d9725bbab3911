"""What a store promises of feedback, and of versions and edges that come through the journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import ArtifactFile, ArtifactVersion, LineageEdge, NodeKind, Score, ScoreQuery, ScoreSource
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


CODE = ArtifactVersion("p", "op.answer", "op", 0, "d1", T, metadata={"source": "def answer(): ..."}, run_id="r")


class ObservedContract:
    """Versions and edges that come through the journal."""

    def test_a_version_that_was_observed_gets_a_number_and_its_run(self, store: Store) -> None:
        edge = LineageEdge("p", NodeKind.ARTIFACT, "answer:v1", "used", NodeKind.RUN, "r", T)
        report = store.ingest(batch_of("w", CODE, replace(CODE, digest="d2", created_ns=T + 1), edge, edge, CODE))
        assert (report.stored, report.rejected) == (5, [])
        one, two = store.artifacts.list_versions("p", "op.answer")
        assert (one.ref, one.digest, one.metadata, one.type) == ("op.answer:v1", "d1", CODE.metadata, "op")
        assert two.ref == "op.answer:v2"
        upstream = store.artifacts.lineage("p", NodeKind.RUN, "r").upstream
        assert [(e.source, e.relation) for e in upstream] == [
            ("answer:v1", "used"),
            ("op.answer:v1", "used"),
            ("op.answer:v2", "used"),
        ]
        assert store.runs.get_run("r").project == "p"

    def test_a_bad_version_is_refused_and_a_taken_name_passed_over(self, store: Store) -> None:
        store.artifacts.create_version(ArtifactVersion("p", "op.taken", "dataset", 0, "d", T))
        report = store.ingest(
            batch_of(
                "w",
                replace(CODE, name="op.taken"),
                replace(CODE, name="no/name"),
                replace(CODE, files=[ArtifactFile("a", "d", 1)]),
                CODE,
            )
        )
        assert [bad.reason for bad in report.rejected] == [
            "The name 'no/name' cannot stand in an address.",
            "the observed version of 'op.answer' has files, aliases or examples",
        ]
        assert [version.ref for version in store.artifacts.list_artifacts("p")] == ["op.answer:v1", "op.taken:v1"]
