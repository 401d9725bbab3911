"""Files of artifacts: their count and size beside the manifest, long manifests as blobs; tags and an end of life."""

from __future__ import annotations

import json
import time
from typing import Any

import sqlalchemy as sa
import zstandard
from alembic import op
from blake3 import blake3

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INLINE_LENGTH = 2048
MARK = "@"
KEY = ("project", "name", "version")


def upgrade() -> None:
    """Add the columns, count what manifests list, and move long ones aside."""
    with op.batch_alter_table("artifacts") as artifacts:
        artifacts.add_column(_given("versions", sa.BigInteger(), "0"))
    with op.batch_alter_table("artifact_versions") as versions:
        versions.add_column(_given("tags", sa.Text(), "'[]'"))
        versions.add_column(sa.Column("expires_ns", sa.BigInteger(), nullable=True))
        versions.add_column(_given("file_count", sa.BigInteger(), "0"))
        versions.add_column(_given("size_bytes", sa.BigInteger(), "0"))
    some = sa.text("expires_ns IS NOT NULL")
    op.create_index(
        op.f("ix_artifact_versions_expires_ns"),
        "artifact_versions",
        ["expires_ns"],
        sqlite_where=some,
        postgresql_where=some,
    )
    files = sa.text("encoding = 'file'")
    op.create_index("ix_blobs_files", "blobs", ["project", "size_bytes"], sqlite_where=files, postgresql_where=files)
    connection = op.get_bind()
    newest = (
        "SELECT coalesce(max(version), 0) FROM artifact_versions AS v "
        "WHERE v.project = artifacts.project AND v.name = artifacts.name"
    )
    connection.execute(sa.text(f"UPDATE artifacts SET versions = ({newest})"))  # noqa: S608 - our own words
    for row in _rows(connection):
        listed = json.loads(row.files)
        size = sum(int(one["size_bytes"]) for one in listed)
        values = {"count": len(listed), "size": size, "files": _aside(connection, row.project, row.files)}
        _update(connection, row, "file_count = :count, size_bytes = :size, files = :files", values)


def downgrade() -> None:
    """Bring the manifests back into the rows and drop the columns."""
    connection = op.get_bind()
    for row in _rows(connection):
        text = _read(connection, row.project, row.files[1:]) if row.files.startswith(MARK) else None
        if text is not None:  # one of over 8 MiB lies in a file, out of reach from here: it stays named
            _update(connection, row, "files = :files", {"files": text})
    op.drop_index("ix_blobs_files", "blobs")
    op.drop_index(op.f("ix_artifact_versions_expires_ns"), "artifact_versions")
    with op.batch_alter_table("artifact_versions") as versions:
        for column in ("tags", "expires_ns", "file_count", "size_bytes"):
            versions.drop_column(column)
    with op.batch_alter_table("artifacts") as artifacts:
        artifacts.drop_column("versions")


def _given(name: str, kind: Any, value: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=sa.text(value))


def _rows(connection: sa.Connection) -> list[Any]:
    return list(connection.execute(sa.text("SELECT project, name, version, files FROM artifact_versions")).all())


def _update(connection: sa.Connection, row: Any, change: str, values: dict[str, Any]) -> None:
    where = " AND ".join(f"{column} = :{column}" for column in KEY)
    keys = {column: getattr(row, column) for column in KEY}
    connection.execute(sa.text(f"UPDATE artifact_versions SET {change} WHERE {where}"), {**values, **keys})  # noqa: S608 - our own words


def _aside(connection: sa.Connection, project: str, text: str) -> str:
    if len(text) <= INLINE_LENGTH:
        return text
    data = text.encode()
    digest = blake3(data).hexdigest()
    row = {"project": project, "digest": digest, "size": len(data), "data": zstandard.compress(data, 3)}
    known = sa.text("SELECT 1 FROM blobs WHERE project = :project AND digest = :digest")
    if connection.execute(known, {"project": project, "digest": digest}).first() is None:
        columns = "(project, digest, size_bytes, encoding, data, created_ns)"
        given = "(:project, :digest, :size, 'zstd', :data, :now)"
        connection.execute(sa.text(f"INSERT INTO blobs {columns} VALUES {given}"), {**row, "now": time.time_ns()})  # noqa: S608 - our own words
    return MARK + digest


def _read(connection: sa.Connection, project: str, digest: str) -> str | None:
    query = sa.text("SELECT encoding, data, size_bytes FROM blobs WHERE project = :project AND digest = :digest")
    row = connection.execute(query, {"project": project, "digest": digest}).one()
    if row.encoding == "file":
        return None
    data = bytes(row.data)
    if row.encoding == "zstd":
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=row.size_bytes)
    return data.decode()
