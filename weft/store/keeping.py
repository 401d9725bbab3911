"""How long what is kept: deletion by query, retention by project and age, and the audit of both."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import ColumnElement, select

from weft import clock, ids, query
from weft.errors import InputError, NotFoundError
from weft.records import AuditEntry, Deletion, Page, Retention, SpanQuery
from weft.store import tables as t
from weft.store import values as v
from weft.store.asking import asked
from weft.store.collection import collect
from weft.store.database import Database
from weft.store.deletion import Work, delete, erase, write_audit
from weft.store.filters import Filters
from weft.store.paging import Order, fetch_page
from weft.store.versions import keep_media

_EVERY_S = 3600.0
_TURN_S = 2.0
_DAY_NS = 86_400 * 1_000_000_000
_FILTERS = ("run_id", "trace_id", "name", "kind", "status", "model", "model_version", "thread_id", "user_id")


class SqlKeeping:
    """Deletion, retention and audit of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next = 0.0  # when the policies are due, monotonic

    def _conditions(self, wanted: SpanQuery) -> list[ColumnElement[bool]]:
        with self._database.read() as connection:
            plain, rest = asked(self._database, connection, wanted)
            return Filters(self._database, connection, plain, rest).of_spans()

    def delete_spans(self, wanted: SpanQuery, *, author: str, force: bool = False) -> Deletion:
        """Delete the spans that a query finds, with their scores and what only they needed; the audit tells of it.

        Spans of traces that have a review item, a person's score or lineage are kept unless forced. Raises InputError
        for a query that asks for nothing in particular.
        """
        _check_wanted(wanted)
        conditions = self._conditions(wanted)
        work = Work(conditions, _checked_author(author), "delete", wanted.project, _told(wanted), force)
        delete(self._database, work)
        collect(self._database)
        erase(self._database)
        return work.done

    def set_retention(self, policy: Retention, *, author: str) -> Retention:
        """Keep spans of a project so long from now on; the policy of the same project and expression is replaced.

        Raises InputError for a bad expression, project or number of days.
        """
        try:
            v.project_name(policy.project)
        except ValueError as error:
            raise InputError(f"The retention cannot be set: {error}.", field="project") from None
        if isinstance(policy.days, bool) or not isinstance(policy.days, int | float) or not 0 < policy.days < 100_000:
            raise InputError(f"The retention is {policy.days!r} days.", remedy="Use a positive number.", field="days")
        where = policy.where or None
        if where is not None:
            query.parse(where)
        stored = replace(policy, where=where, days=float(policy.days), created_ns=clock.now_ns())
        row = (stored.project, stored.where or "", stored.days, stored.created_ns)
        with self._database.write() as connection:
            columns = ("project", "expression", "days", "created_ns")
            self._database.upsert(connection, "retentions", columns, ("project", "expression"), [row])
            write_audit(self._database, connection, _said("retention set", stored, author))
        return stored

    def clear_retention(self, project: str, where: str | None = None, *, author: str) -> None:
        """Keep them for ever from now on. Raises NotFoundError where there is no such policy."""
        c = t.retentions.c
        with self._database.write() as connection:
            gone = t.retentions.delete().where(c.project == project, c.expression == (where or ""))
            if connection.execute(gone).rowcount == 0:
                raise NotFoundError(
                    f"There is no such retention of project {project!r}.",
                    remedy="`weft retention list` lists them.",
                    field="project",
                )
            policy = Retention(project, math.inf, where)
            write_audit(self._database, connection, _said("retention clear", policy, author))

    def list_retentions(self, project: str | None = None) -> list[Retention]:
        """The policies, by project and expression."""
        c = t.retentions.c
        chosen = select(t.retentions).order_by(c.project, c.expression)
        if project is not None:
            chosen = chosen.where(c.project == project)
        with self._database.read() as connection:
            rows = connection.execute(chosen).all()
        return [Retention(row.project, row.days, row.expression or None, row.created_ns) for row in rows]

    def apply_retentions(self, *, author: str, limit_s: float | None = None) -> Deletion:
        """Delete what is older than the policies say, for at most ``limit_s``; writers get their turn in between."""
        done, _ = self._apply(author, limit_s)
        if done.spans:
            self._database.erase_log()
        return done

    def maintain(self, forget: Callable[[Deletion], object]) -> bool:
        """Apply the policies and the limit of media every hour, spans a piece at a time; returns whether there is more
        to delete now.

        ``forget`` is called where spans were deleted.
        """
        if time.monotonic() < self._next:
            return False
        done, complete = self._apply("retention", _TURN_S)
        if done.spans:
            forget(done)
        if complete and done.spans:
            self._database.erase_log()
        if complete:
            keep_media(self._database)
            self._next = time.monotonic() + _EVERY_S
        return not complete

    def _apply(self, author: str, limit_s: float | None) -> tuple[Deletion, bool]:
        until = None if limit_s is None else time.monotonic() + limit_s
        total, complete = Deletion(), True
        for policy in self.list_retentions():
            before_ns = clock.now_ns() - round(policy.days * _DAY_NS)
            wanted = SpanQuery(project=policy.project, where=policy.where, start_before_ns=before_ns)
            told = f"older than {policy.days:g} days" + (f" and ({policy.where})" if policy.where else "")
            work = Work(self._conditions(wanted), author, "retention", policy.project, told)
            complete = delete(self._database, work, until=until) and complete
            done = work.done
            total = Deletion(
                total.spans + done.spans,
                total.scores + done.scores,
                total.kept + done.kept,
                total.trace_ids + done.trace_ids,
            )
        return total, complete

    def list_audit(
        self, project: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """Who deleted what, the newest first."""
        c = t.audit.c
        chosen = select(t.audit) if project is None else select(t.audit).where(c.project == project)
        with self._database.read() as connection:
            order = Order((c.time_ns, c.audit_id), descending=True)
            rows, after = fetch_page(connection, chosen, order, limit=limit, cursor=cursor)
        names = [column.name for column in t.audit.columns]
        return Page([AuditEntry(**{name: getattr(row, name) for name in names}) for row in rows], after)


def _check_wanted(wanted: SpanQuery) -> None:
    narrow = (
        *_FILTERS,
        "where",
        "text",
        "attributes",
        "min_duration_ns",
        "min_cost_usd",
        "start_after_ns",
        "start_before_ns",
    )
    if all(getattr(wanted, name) is None for name in narrow):
        raise InputError(
            "Nothing says which spans are to go.",
            remedy="Give an expression: where='start < now - 30d'; name != \"\" finds every span.",
            field="where",
        )


def _checked_author(author: str) -> str:
    return v.words(author, "author")[:256] or "unknown"


def _told(wanted: SpanQuery) -> str:
    """A query as the audit tells it: not the words that were looked for, which may be what was to go."""
    told = [f"{name}={getattr(wanted, name)!r}" for name in _FILTERS if getattr(wanted, name) is not None]
    told += ["text='…'"] if wanted.text else []
    names = ("attributes", "min_duration_ns", "min_cost_usd", "start_after_ns", "start_before_ns")
    told += [f"{name}={getattr(wanted, name)!r}" for name in names if getattr(wanted, name) is not None]
    return "; ".join([*([query.write(query.discreet(query.parse(wanted.where)))] if wanted.where else []), *told])


def _said(action: str, policy: Retention, author: str) -> AuditEntry:
    days = "" if math.isinf(policy.days) else f"{policy.days:g} days"
    told = " ".join(part for part in (days, f"where {policy.where}" if policy.where else "") if part)
    now_ns = clock.now_ns()
    return AuditEntry(ids.new_id(), now_ns, _checked_author(author), action, policy.project, told, 0, 0, 0)
