"""The registry: what is registered, versions, the log of decisions that nothing may change, and webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FORMER = ("run", "artifact", "span", "trace", "queue", "deployment")
KINDS = (*FORMER, "registry")
ACTIONS = (
    *("created", "changed", "linked", "promoted", "rolled back", "displaced", "unstaged", "aliased"),
    *("checked", "approved"),
)
KEPT = "The log of the registry is never changed"


def upgrade() -> None:
    """Make the tables and the triggers that guard the log; lineage learns of versions in the registry."""
    _set_kinds(KINDS)
    _create_versions()
    _create_events()
    _create_hooks()
    _guard()


def downgrade() -> None:
    """Drop them, with the edges of lineage that only the registry has."""
    for table in ("hook_deliveries", "hooks", "registry_events", "registry_aliases", "registry_versions", "registered"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION weft_registry_kept()")
    op.execute("DELETE FROM edges WHERE source_kind = 'registry' OR target_kind = 'registry'")
    _set_kinds(FORMER)


def _in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _integer(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=null)


def _set_kinds(kinds: tuple[str, ...]) -> None:
    with op.batch_alter_table("edges") as edges:
        for column in ("source_kind", "target_kind"):
            edges.drop_constraint(op.f(f"ck_edges_{column}"), type_="check")
            edges.create_check_constraint(op.f(f"ck_edges_{column}"), _in(column, kinds))


def _create_versions() -> None:
    op.create_table(
        "registered",
        sa.Column("name", KEY, nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("stages", sa.Text(), nullable=False),
        sa.Column("checks", sa.Text(), nullable=False),
        _integer("created_ns"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_registered")),
    )
    op.create_table(
        "registry_versions",
        sa.Column("name", KEY, nullable=False),
        _integer("version"),
        sa.Column("project", KEY, nullable=False),
        sa.Column("artifact", KEY, nullable=False),
        _integer("number"),
        _integer("created_ns"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("stage", KEY, nullable=True),
        _integer("staged_ns", null=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_registry_versions")),
        sa.UniqueConstraint(
            "name", "project", "artifact", "number", name=op.f("uq_registry_versions_name_project_artifact_number")
        ),
    )
    op.create_index(
        op.f("ix_registry_versions_project_artifact_number"), "registry_versions", ["project", "artifact", "number"]
    )
    op.create_table(
        "registry_aliases",
        sa.Column("name", KEY, nullable=False),
        sa.Column("alias", KEY, nullable=False),
        _integer("version"),
        sa.PrimaryKeyConstraint("name", "alias", name=op.f("pk_registry_aliases")),
    )


def _create_events() -> None:
    op.create_table(
        "registry_events",
        sa.Column("name", KEY, nullable=False),
        _integer("sequence"),
        _integer("time_ns"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        _integer("version", null=True),
        sa.Column("subject", KEY, nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("overridden", sa.Text(), nullable=False),
        sa.CheckConstraint(_in("action", ACTIONS), name=op.f("ck_registry_events_action")),
        sa.PrimaryKeyConstraint("name", "sequence", name=op.f("pk_registry_events")),
    )
    op.create_index(op.f("ix_registry_events_time_ns"), "registry_events", ["time_ns"])


def _create_hooks() -> None:
    op.create_table(
        "hooks",
        sa.Column("hook_id", KEY, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("name", KEY, nullable=True),
        sa.Column("actions", sa.Text(), nullable=False),
        _integer("created_ns"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hook_id", name=op.f("pk_hooks")),
    )
    op.create_table(
        "hook_deliveries",
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("hook_id", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        _integer("sequence"),
        sa.Column("state", sa.Text(), nullable=False),
        _integer("due_ns"),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.CheckConstraint(_in("state", ("pending", "delivered", "failed")), name=op.f("ck_hook_deliveries_state")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_hook_deliveries")),
    )
    op.create_index(op.f("ix_hook_deliveries_state_due_ns"), "hook_deliveries", ["state", "due_ns"])
    op.create_index(op.f("ix_hook_deliveries_hook_id_due_ns"), "hook_deliveries", ["hook_id", "due_ns"])


def _guard() -> None:
    """Whoever speaks SQL to the database finds the log closed, too; dropping the table is another matter."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER registry_events_no_{event.lower()} BEFORE {event} ON registry_events "
                f"BEGIN SELECT RAISE(ABORT, '{KEPT}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION weft_registry_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{KEPT}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER registry_events_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON registry_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION weft_registry_kept()"
    )
