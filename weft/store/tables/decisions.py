"""Tables of what was decided about artifacts, lineage, deployments and prices; and blobs."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, LargeBinary, Table, UniqueConstraint
from sqlalchemy import text as sql

from weft.records import NodeKind
from weft.store.tables.base import integer, key, metadata, one_of, text

artifacts = Table(
    "artifacts",
    metadata,
    key("project", primary=True),
    key("name", primary=True),
    key("type"),
    integer("created_ns", null=False),
    integer("versions", null=False),  # the last number that was given: none is given twice
)

artifact_versions = Table(
    "artifact_versions",
    metadata,
    key("project", primary=True),
    key("name", primary=True),
    integer("version", primary=True),
    key("digest"),
    integer("created_ns", null=False),
    text("description"),
    text("metadata", null=False),
    text("files", null=False),  # JSON; a long manifest is a blob, which listings do not read
    integer("examples", null=False),
    key("run_id", null=True),
    text("tags", null=False),
    integer("expires_ns"),
    integer("file_count", null=False),
    integer("size_bytes", null=False),
    UniqueConstraint("project", "name", "digest"),
    Index(None, "run_id"),
    Index(
        None, "expires_ns", sqlite_where=sql("expires_ns IS NOT NULL"), postgresql_where=sql("expires_ns IS NOT NULL")
    ),
)

aliases = Table(
    "aliases",
    metadata,
    key("project", primary=True),
    key("name", primary=True),
    key("alias", primary=True),
    integer("version", null=False),
)

examples = Table(  # equal data is stored once in a project
    "examples",
    metadata,
    key("project", primary=True),
    key("digest", primary=True),
    text("data", null=False),
)

version_examples = Table(
    "version_examples",
    metadata,
    key("project", primary=True),
    key("name", primary=True),
    integer("version", primary=True),
    integer("position", primary=True),
    key("example_id"),
    key("digest"),
    key("split", null=True),
)

edges = Table(
    "edges",
    metadata,
    key("project", primary=True),
    key("source_kind", primary=True),
    key("source", primary=True),
    key("relation", primary=True),
    key("target_kind", primary=True),
    key("target", primary=True),
    integer("time_ns", null=False),
    one_of("source_kind", NodeKind),
    one_of("target_kind", NodeKind),
    Index(None, "project", "target_kind", "target"),
)

deployments = Table(
    "deployments",
    metadata,
    key("deployment_id", primary=True),
    key("project"),
    key("environment"),
    key("name"),
    integer("version", null=False),
    integer("started_ns", null=False),
    integer("ended_ns"),
    text("host"),
    key("run_id", null=True),
    text("metadata", null=False),
    Index(None, "project", "environment", "name", "started_ns"),
)

prices = Table(  # the project "" stands for every project
    "prices",
    metadata,
    key("project", primary=True),
    key("model", primary=True),
    integer("from_ns", primary=True),
    Column("input_usd", Double, nullable=False),
    Column("output_usd", Double, nullable=False),
    Column("cached_usd", Double),
)

blobs = Table(
    "blobs",
    metadata,
    key("project", primary=True),
    key("digest", primary=True),
    integer("size_bytes", null=False),
    text("encoding", null=False),
    Column("data", LargeBinary),
    integer("created_ns", null=False),
    one_of("encoding", ["none", "zstd", "file"]),
    Index(  # whether a large file may be here already: it is hashed before it is copied only then
        "ix_blobs_files",
        "project",
        "size_bytes",
        sqlite_where=sql("encoding = 'file'"),
        postgresql_where=sql("encoding = 'file'"),
    ),
)
