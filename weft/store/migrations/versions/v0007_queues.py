"""Queues worked by several reviewers: items get slots, labels a table of their own, rubrics versions."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from blake3 import blake3

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FORMER = ("held", "waiting", "claimed", "labelled", "skipped")
STATUSES = ("held", "waiting", "claimed", "disputed", "labelled", "skipped", "gold")
NEW_OF_QUEUES = ("target", "reviewers", "adjudicators", "blind_adjudication", "lease_s", "gold_every", "rubric_version")
NEW_OF_ITEMS = ("slots", "labels", "gold", "assigned", "flagged")


def upgrade() -> None:
    """A labelled item becomes a slot that is done with a label of one version, a claimed one a claim, a waiting one a
    free slot; the human scores of items get the ids by which they are found again."""
    with op.batch_alter_table("review_queues", recreate="never") as queues:
        queues.add_column(_given("target", sa.Text(), "'one'"))
        queues.add_column(_given("reviewers", sa.BigInteger(), "1"))
        queues.add_column(_given("adjudicators", sa.Text(), "'[]'"))
        queues.add_column(_given("blind_adjudication", sa.Boolean(), sa.true()))
        queues.add_column(sa.Column("lease_s", sa.Double(), nullable=True))
        queues.add_column(_given("gold_every", sa.BigInteger(), "10"))
        queues.add_column(_given("rubric_version", sa.BigInteger(), "1"))
    with op.batch_alter_table("review_queues") as queues:
        queues.create_check_constraint(op.f("ck_review_queues_target"), _in("target", ("one", "mean", "adjudicated")))
    with op.batch_alter_table("review_items", recreate="never") as items:
        items.add_column(_given("slots", sa.BigInteger(), "1"))
        items.add_column(_given("labels", sa.BigInteger(), "0"))
        items.add_column(sa.Column("gold", sa.Text(), nullable=True))
        items.add_column(_given("assigned", sa.Text(), "'[]'"))
        items.add_column(sa.Column("flagged", sa.Text(), nullable=True))
    _set_statuses(STATUSES)
    _create_tables()
    _move()
    _name_scores()


def downgrade() -> None:
    """What an item came to stays with it; of several labels only that. Gold items are held back."""
    op.execute("UPDATE review_items SET status = 'held' WHERE status = 'gold'")
    op.execute("UPDATE review_items SET status = 'waiting' WHERE status = 'disputed'")
    op.execute("UPDATE review_items SET status = 'waiting' WHERE status = 'claimed' AND reviewer IS NULL")
    for table in ("comments", "labels", "claims", "slots", "rubrics"):
        op.drop_table(f"review_{table}")
    _set_statuses(FORMER)
    with op.batch_alter_table("review_items") as items:
        for name in NEW_OF_ITEMS:
            items.drop_column(name)
    with op.batch_alter_table("review_queues") as queues:
        queues.drop_constraint(op.f("ck_review_queues_target"), type_="check")
        for name in NEW_OF_QUEUES:
            queues.drop_column(name)


def _given(name: str, kind: Any, default: Any) -> sa.Column[Any]:
    """A column that rows which are there already get a value for."""
    value = sa.text(default) if isinstance(default, str) else default
    return sa.Column(name, kind, autoincrement=False, nullable=False, server_default=value)


def _in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _set_statuses(statuses: tuple[str, ...]) -> None:
    name = op.f("ck_review_items_status")
    with op.batch_alter_table("review_items") as items:
        items.drop_constraint(name, type_="check")
        items.create_check_constraint(name, _in("status", statuses))


def _key(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, KEY, nullable=null)


def _integer(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=null)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _create_tables() -> None:
    op.create_table(
        "review_rubrics",
        *(_key("queue_id"), _integer("version"), _text("rubric"), _integer("created_ns"), _text("author", null=True)),
        sa.PrimaryKeyConstraint("queue_id", "version", name=op.f("pk_review_rubrics")),
    )
    op.create_table(
        "review_slots",
        *(_key("item_id"), _integer("slot"), _key("queue_id"), _integer("stage"), _text("state")),
        sa.Column("priority", sa.Double(), nullable=False),
        *(_key("reviewer", null=True), _key("claim_id", null=True), _integer("lease_until_ns", null=True)),
        *(_text("passed"), _text("assigned")),
        sa.CheckConstraint(_in("state", ("free", "claimed", "done")), name=op.f("ck_review_slots_state")),
        sa.PrimaryKeyConstraint("item_id", "slot", name=op.f("pk_review_slots")),
        sa.UniqueConstraint("item_id", "reviewer", name=op.f("uq_review_slots_item_id_reviewer")),
    )
    _index("review_slots", "queue_id", "state", "priority", "item_id", "slot")
    _index("review_slots", "queue_id", "reviewer", "state")
    op.create_table(
        "review_claims",
        *(_key("claim_id"), _key("item_id"), _key("queue_id"), _key("reviewer"), _integer("slot"), _integer("stage")),
        *(_integer("claimed_ns"), _integer("started_ns", null=True), _integer("ended_ns", null=True)),
        *(_text("outcome"), _text("answers", null=True), _text("comment", null=True)),
        sa.CheckConstraint(
            _in("outcome", ("open", "submitted", "late", "skipped", "released", "expired", "undone", "requeued")),
            name=op.f("ck_review_claims_outcome"),
        ),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_review_claims")),
    )
    _index("review_claims", "queue_id", "reviewer", "outcome")
    _index("review_claims", "item_id")
    op.create_table(
        "review_labels",
        *(_key("claim_id"), _integer("version"), _key("item_id"), _key("queue_id"), _key("project"), _key("reviewer")),
        *(_integer("slot"), _integer("stage"), _integer("rubric_version"), _text("answers"), _text("label", null=True)),
        sa.Column("value", sa.Double(), nullable=True),
        _text("comment", null=True),
        *(_integer("claimed_ns"), _integer("started_ns"), _integer("submitted_ns")),
        sa.Column("counted", sa.Boolean(), nullable=False),
        _text("why", null=True),
        sa.Column("gold_right", sa.Boolean(), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            _in("why", ("late", "edited", "undone", "requeued", "gold")), name=op.f("ck_review_labels_why")
        ),
        sa.PrimaryKeyConstraint("claim_id", "version", name=op.f("pk_review_labels")),
    )
    _index("review_labels", "item_id")
    _index("review_labels", "queue_id", "submitted_ns", "claim_id", "version")
    _index("review_labels", "queue_id", "reviewer", "submitted_ns", "claim_id", "version")
    op.create_table(
        "review_comments",
        *(_key("comment_id"), _key("item_id"), _text("author"), _integer("time_ns"), _text("text"), _text("kind")),
        sa.CheckConstraint(
            _in("kind", ("comment", "flag", "unflag", "skip", "requeue")), name=op.f("ck_review_comments_kind")
        ),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_review_comments")),
    )
    _index("review_comments", "item_id", "time_ns")


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _move() -> None:
    """Queues' rubrics become their first versions; items become slots, claims and labels, the claim named as the
    item."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    answers = "json_object('answer', label)" if sqlite else "json_build_object('answer', label)::text"
    named = "json_array(reviewer)" if sqlite else "json_build_array(reviewer)::text"
    op.execute(
        "INSERT INTO review_rubrics (queue_id, version, rubric, created_ns) "
        "SELECT queue_id, 1, rubric, created_ns FROM review_queues"
    )
    op.execute("UPDATE review_items SET labels = 1 WHERE status = 'labelled'")
    op.execute(
        "INSERT INTO review_slots (item_id, slot, queue_id, stage, state, priority, reviewer, claim_id, "  # noqa: S608 - ours
        "lease_until_ns, passed, assigned) SELECT item_id, 1, queue_id, 1, "
        "CASE status WHEN 'labelled' THEN 'done' WHEN 'claimed' THEN 'claimed' ELSE 'free' END, priority, "
        "CASE WHEN status IN ('labelled', 'claimed') THEN reviewer END, "
        "CASE WHEN status IN ('labelled', 'claimed') THEN item_id END, "
        "CASE WHEN status = 'claimed' THEN lease_until_ns END, "
        f"CASE WHEN status IN ('labelled', 'claimed') THEN {named} ELSE skipped_by END, '[]' "
        "FROM review_items WHERE status <> 'held'"
    )
    op.execute(
        "INSERT INTO review_claims (claim_id, item_id, queue_id, reviewer, slot, stage, claimed_ns, started_ns, "
        "ended_ns, outcome) SELECT item_id, item_id, queue_id, reviewer, 1, 1, coalesce(labelled_ns, created_ns), "
        "coalesce(labelled_ns, created_ns), labelled_ns, CASE status WHEN 'labelled' THEN 'submitted' ELSE 'open' END "
        "FROM review_items WHERE status IN ('labelled', 'claimed')"
    )
    op.execute(
        "INSERT INTO review_labels (claim_id, version, item_id, queue_id, project, reviewer, slot, stage, "  # noqa: S608
        "rubric_version, answers, label, value, comment, claimed_ns, started_ns, submitted_ns, counted, blind, "
        f"simulated) SELECT item_id, 1, item_id, queue_id, project, reviewer, 1, 1, 1, {answers}, "
        f"label, value, comment, labelled_ns, labelled_ns, labelled_ns, {'1, 1' if sqlite else 'true, true'}, "
        "simulated FROM review_items WHERE status = 'labelled'"
    )


def _name_scores() -> None:
    """The score of an item is named after it, so that a later version of the label replaces it."""
    connection = op.get_bind()
    found = connection.execute(sa.text("SELECT score_id, metadata FROM scores WHERE source = 'human'")).all()
    for score_id, metadata in found:
        item_id = json.loads(metadata).get("item_id")
        if isinstance(item_id, str):
            name = json.dumps(["review score", item_id, "answer"], separators=(",", ":"))
            digest = blake3(name.encode("ascii")).hexdigest()[:32]
            connection.execute(
                sa.text(
                    "UPDATE scores SET score_id = :new WHERE score_id = :old "
                    "AND NOT EXISTS (SELECT 1 FROM scores WHERE score_id = :new)"
                ),
                {"new": digest, "old": score_id},
            )
