"""Tables of human review: queues, rubrics, items, their slots, who claimed them, labels, comments."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table, UniqueConstraint

from weft.records import ItemStatus, ReviewTarget
from weft.store.tables.base import integer, key, metadata, one_of, text

SLOT_STATES = ("free", "claimed", "done")
OUTCOMES = ("open", "submitted", "late", "skipped", "released", "expired", "undone", "requeued")

review_queues = Table(
    "review_queues",
    metadata,
    key("queue_id", primary=True),
    key("project"),
    key("name"),
    key("score_name"),
    text("rubric", null=False),  # the newest one
    text("policy", null=False),
    integer("created_ns", null=False),
    text("target", null=False),
    integer("reviewers", null=False),
    text("adjudicators", null=False),
    Column("blind_adjudication", Boolean, nullable=False),
    Column("lease_s", Double),
    integer("gold_every", null=False),
    integer("rubric_version", null=False),
    one_of("target", ReviewTarget),
    UniqueConstraint("project", "name"),
)

review_rubrics = Table(
    "review_rubrics",
    metadata,
    key("queue_id", primary=True),
    integer("version", primary=True),
    text("rubric", null=False),
    integer("created_ns", null=False),
    text("author"),
)

review_items = Table(
    "review_items",
    metadata,
    key("item_id", primary=True),
    key("queue_id"),
    key("project"),
    text("reason", null=False),
    text("status", null=False),
    Column("u", Double),
    Column("p", Double),
    Column("priority", Double, nullable=False),  # u / p, -1 where sent by hand
    integer("wave", null=False),
    text("machine", null=False),
    text("shown", null=False),
    key("run_id", null=True),
    key("example_id", null=True),
    integer("repetition"),
    key("trace_id", null=True),
    key("span_id", null=True),
    integer("created_ns", null=False),
    key("reviewer", null=True),
    integer("lease_until_ns"),
    text("label"),
    Column("value", Double),
    text("comment"),
    integer("labelled_ns"),
    text("skipped_by", null=False),
    Column("simulated", Boolean, nullable=False),
    integer("slots", null=False),
    integer("labels", null=False),
    text("gold"),
    text("assigned", null=False),
    text("flagged"),
    one_of("status", ItemStatus),
    Index(None, "queue_id", "status", "priority", "item_id"),
    Index(None, "trace_id", "span_id"),
)

# What follows from the claims and labels of an item is kept with it (weft.store.settling): ``passed`` are those
# who have, had or skipped the item, ``assigned`` the only ones who may have it, both as JSON lists.
review_slots = Table(
    "review_slots",
    metadata,
    key("item_id", primary=True),
    integer("slot", primary=True),
    key("queue_id"),
    integer("stage", null=False),
    text("state", null=False),
    Column("priority", Double, nullable=False),
    key("reviewer", null=True),
    key("claim_id", null=True),
    integer("lease_until_ns"),
    text("passed", null=False),
    text("assigned", null=False),
    one_of("state", SLOT_STATES),
    UniqueConstraint("item_id", "reviewer"),
    Index(None, "queue_id", "state", "priority", "item_id", "slot"),
    Index(None, "queue_id", "reviewer", "state"),
)

review_claims = Table(  # each ever made, with what became of it
    "review_claims",
    metadata,
    key("claim_id", primary=True),
    key("item_id"),
    key("queue_id"),
    key("reviewer"),
    integer("slot", null=False),
    integer("stage", null=False),
    integer("claimed_ns", null=False),
    integer("started_ns"),
    integer("ended_ns"),
    text("outcome", null=False),
    text("answers"),
    text("comment"),
    one_of("outcome", OUTCOMES),
    Index(None, "queue_id", "reviewer", "outcome"),
    Index(None, "item_id"),
)

review_labels = Table(
    "review_labels",
    metadata,
    key("claim_id", primary=True),
    integer("version", primary=True),
    key("item_id"),
    key("queue_id"),
    key("project"),
    key("reviewer"),
    integer("slot", null=False),
    integer("stage", null=False),
    integer("rubric_version", null=False),
    text("answers", null=False),
    text("label"),
    Column("value", Double),
    text("comment"),
    integer("claimed_ns", null=False),
    integer("started_ns", null=False),
    integer("submitted_ns", null=False),
    Column("counted", Boolean, nullable=False),
    text("why"),
    Column("gold_right", Boolean),
    Column("blind", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    one_of("why", ("late", "edited", "undone", "requeued", "gold")),
    Index(None, "item_id"),
    Index(None, "queue_id", "submitted_ns", "claim_id", "version"),
    Index(None, "queue_id", "reviewer", "submitted_ns", "claim_id", "version"),
)

review_comments = Table(
    "review_comments",
    metadata,
    key("comment_id", primary=True),
    key("item_id"),
    text("author", null=False),
    integer("time_ns", null=False),
    text("text", null=False),
    text("kind", null=False),
    one_of("kind", ("comment", "flag", "unflag", "skip", "requeue")),
    Index(None, "item_id", "time_ns"),
)
