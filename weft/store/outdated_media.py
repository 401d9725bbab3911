"""Media that runs logged and that have outlived what a project keeps; their bytes go with the collection."""

from __future__ import annotations

from sqlalchemy import Connection, Select, delete, func, or_, select, tuple_

from weft import clock, ids
from weft.errors import InputError
from weft.records import AuditEntry
from weft.records.artifacts import MediaLimit
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.deletion import write_audit

_KINDS = ("image", "audio", "video", "html", "object3d", "figure", "mixed")
_DAY_NS = 86_400 * 1_000_000_000
_AT_ONCE = 400

Place = tuple[int, int]  # the number of a name, and a step


def checked(limit: MediaLimit | None) -> MediaLimit | None:
    """The limit; None where it limits nothing. Raises InputError for a bad one."""
    if limit is None or (limit.days is None and limit.steps is None):
        return None
    days, steps = limit.days, limit.steps
    if days is not None and (isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days < 100_000):
        raise InputError(f"Media are to be kept {days!r} days.", remedy="Use a positive number.", field="media_days")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise InputError(f"Media are to be kept of {steps!r} steps.", remedy="Use 1 or more.", field="media_steps")
    return limit


def outdated(connection: Connection, project: str | None, limit: MediaLimit) -> list[Place]:
    """What is over the limit: never the newest of a name in a run, which is its summary, nor files of a run."""
    return [(row.logged_id, row.step) for row in connection.execute(_outdated(project, limit))]


def forget(database: Database, places: list[Place], project: str | None, limit: MediaLimit, author: str) -> None:
    """Delete these values; the audit tells of it. Blobs that other values, artifacts or reviews name stay."""
    d = t.logged_values.c
    for start in range(0, len(places), _AT_ONCE):
        with database.write() as connection:
            some = places[start : start + _AT_ONCE]
            connection.execute(delete(t.logged_values).where(tuple_(d.logged_id, d.step).in_(some)))
    if places:
        told = [f"older than {limit.days:g} days"] if limit.days is not None else []
        told += [f"but the newest {limit.steps} steps"] if limit.steps is not None else []
        text = f"{len(places)} media: {' or '.join(told)}"
        by = v.words(author, "author")[:256] or "unknown"
        entry = AuditEntry(ids.new_id(), clock.now_ns(), by, "media delete", project, text, 0, 0, 0)
        with database.write() as connection:
            write_audit(database, connection, entry)


def _outdated(project: str | None, limit: MediaLimit) -> Select[tuple[int, int]]:
    d, n = t.logged_values.c, t.logged_names.c
    age = func.row_number().over(partition_by=d.logged_id, order_by=d.step.desc())
    media = select(d.logged_id, d.step, d.time_ns, age.label("age")).join(t.logged_names, n.logged_id == d.logged_id)
    media = media.where(d.kind.in_(_KINDS), ~n.name.startswith("files/", autoescape=True))
    if project is not None:
        media = media.where(d.project == project)
    m = media.subquery().c
    over = []
    if limit.days is not None:
        over.append(m.time_ns < clock.now_ns() - round(limit.days * _DAY_NS))
    if limit.steps is not None:
        over.append(m.age > limit.steps)
    return select(m.logged_id, m.step).where(m.age > 1, or_(*over)).order_by(m.logged_id, m.step)
