"""What serves where."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from weft import clock, ids
from weft.errors import InputError, NotFoundError
from weft.records import Deployment, LineageEdge, NodeKind
from weft.store import tables as t
from weft.store import values as v
from weft.store.artifacts import check_name, resolve
from weft.store.database import Database
from weft.store.lineage import EDGE_COLUMNS, edge_row


class SqlDeployments:
    """The deployments of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, deployment: Deployment) -> Deployment:
        """Record that a version serves in an environment from now on; the one of the same artifact there ends.

        What serves there already is returned as it is. Raises NotFoundError for an unknown reference, InputError for
        a bad name.
        """
        check_name("project", deployment.project)
        check_name("environment", deployment.environment)
        d = t.deployments.c
        with self._database.write() as connection:
            name, number = resolve(connection, deployment.project, deployment.ref)
            a = t.artifacts.c
            artifact = select(a.name).where(a.project == deployment.project, a.name == name)
            connection.execute(artifact.with_for_update())  # of two that start at once, one must see the other
            here = (
                d.project == deployment.project,
                d.environment == deployment.environment,
                d.name == name,
                d.ended_ns.is_(None),
            )
            serving = connection.execute(select(t.deployments).where(*here)).first()
            if serving is not None and serving.version == number:
                return _record(serving)
            row = _row(deployment, name, number)
            started = row["started_ns"]
            connection.execute(t.deployments.update().where(*here).values(ended_ns=started))
            connection.execute(t.deployments.insert().values(**row))
            edge = LineageEdge(
                deployment.project,
                NodeKind.ARTIFACT,
                f"{name}:v{number}",
                "serves",
                NodeKind.DEPLOYMENT,
                f"{deployment.environment}/{name}:v{number}",
                started,
            )
            self._database.insert_new(connection, "edges", EDGE_COLUMNS, [edge_row(edge)])
            return _get(connection, row["deployment_id"])

    def end(self, deployment_id: str) -> Deployment:
        """Record that it serves no more; one that ended stays as it is. Raises NotFoundError."""
        d = t.deployments.c
        with self._database.write() as connection:
            known = _get(connection, deployment_id)
            ended = max(clock.now_ns(), known.started_ns)
            live = t.deployments.update().where(d.deployment_id == deployment_id, d.ended_ns.is_(None))
            connection.execute(live.values(ended_ns=ended))
            return _get(connection, deployment_id)

    def list_deployments(
        self, project: str, *, environment: str | None = None, name: str | None = None, current: bool = True
    ) -> list[Deployment]:
        """Deployments of an environment, an artifact, or all, newest first: those that serve now, or every one."""
        d = t.deployments.c
        query = select(t.deployments).where(d.project == project)
        if environment is not None:
            query = query.where(d.environment == environment)
        if name is not None:
            query = query.where(d.name == name)
        if current:
            query = query.where(d.ended_ns.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(d.started_ns.desc(), d.deployment_id))
            return [_record(row) for row in rows]


def _row(deployment: Deployment, name: str, number: int) -> dict[str, Any]:
    try:
        return {
            "deployment_id": v.identifier(deployment.deployment_id or ids.new_id(), "deployment_id"),
            "project": deployment.project,
            "environment": deployment.environment,
            "name": name,
            "version": number,
            "started_ns": v.int64(deployment.started_ns or clock.now_ns(), "started_ns"),
            "ended_ns": None,
            "host": v.words_or_none(deployment.host, "host"),
            "run_id": v.identifier_or_none(deployment.run_id, "run_id"),
            "metadata": v.to_json(v.mapping(deployment.metadata, "metadata")),
        }
    except ValueError as error:
        raise InputError(f"The deployment cannot be stored: {error}.", field="deployment") from None


def _get(connection: Connection, deployment_id: str) -> Deployment:
    row = connection.execute(select(t.deployments).where(t.deployments.c.deployment_id == deployment_id)).first()
    if row is None:
        raise NotFoundError(f"There is no deployment {deployment_id!r}.", field="deployment_id")
    return _record(row)


def _record(row: Any) -> Deployment:
    return Deployment(
        deployment_id=row.deployment_id,
        project=row.project,
        environment=row.environment,
        ref=f"{row.name}:v{row.version}",
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        host=row.host,
        run_id=row.run_id,
        metadata=v.from_json(row.metadata),
    )
