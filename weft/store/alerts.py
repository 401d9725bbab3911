"""Alerts of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from weft import clock
from weft.errors import NotFoundError
from weft.records import Alert, AlertLevel, Page
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.paging import Order, fetch_page

_COLUMNS = tuple(column.name for column in t.alerts.columns)
LONGEST_TITLE = 1_000  # characters
LONGEST_TEXT = 100_000


class SqlAlerts:
    """The alerts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_alerts(
        self,
        *,
        project: str | None = None,
        run_id: str | None = None,
        posted: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Alert]:
        """Alerts of a project, a run or all, the newest first; those that went out, or those that did not."""
        c = t.alerts.c
        wanted: list[ColumnElement[bool]] = []
        if project is not None:
            wanted.append(c.project == project)
        if run_id is not None:
            wanted.append(c.run_id == run_id)
        if posted is not None:
            wanted.append(c.posted_ns.is_not(None) if posted else c.posted_ns.is_(None))
        order = Order((c.time_ns, c.alert_id), True)
        with self._database.read() as connection:
            rows, found = fetch_page(connection, select(t.alerts).where(*wanted), order, limit=limit, cursor=cursor)
        return Page([_alert(row) for row in rows], found)

    def mark_posted(self, alert_id: str) -> Alert:
        """Note that an alert went out; the first time stays. Raises NotFoundError."""
        c = t.alerts.c
        with self._database.write() as connection:
            fresh = t.alerts.update().where(c.alert_id == alert_id, c.posted_ns.is_(None))
            connection.execute(fresh.values(posted_ns=clock.now_ns()))
            row = connection.execute(select(t.alerts).where(c.alert_id == alert_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no alert {alert_id!r}.", field="alert_id")
        return _alert(row)


def alert_row(alert: Alert) -> tuple[Any, ...]:
    """The row of an alert. Raises ValueError naming the field that is wrong."""
    return (
        v.identifier(alert.alert_id, "alert_id"),
        v.identifier(alert.run_id, "run_id"),
        v.project_name(alert.project),
        v.int64(alert.time_ns, "time_ns"),
        v.words(alert.title, "title")[:LONGEST_TITLE],
        v.words(alert.text, "text")[:LONGEST_TEXT],
        str(alert.level),
        None if alert.posted_ns is None else v.int64(alert.posted_ns, "posted_ns"),
    )


def write_alerts(database: Database, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store rows of :func:`alert_row`; one that exists stays as it is."""
    database.insert_new(connection, "alerts", _COLUMNS, list({row[0]: row for row in rows}.values()))


def _alert(row: Any) -> Alert:
    return Alert(
        alert_id=row.alert_id,
        run_id=row.run_id,
        project=row.project,
        time_ns=row.time_ns,
        title=row.title,
        text=row.text,
        level=AlertLevel(row.level),
        posted_ns=row.posted_ns,
    )
