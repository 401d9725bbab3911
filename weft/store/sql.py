"""The store on a SQL database: one repository an aggregate over one :class:`Database`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from weft.records import Batch, Deletion
from weft.records.artifacts import MediaLimit
from weft.repositories import IngestReport
from weft.settings import Settings
from weft.store import tables as t
from weft.store.alerts import SqlAlerts
from weft.store.artifacts import SqlArtifacts
from weft.store.blob_store import SqlBlobs
from weft.store.chunks import unpack
from weft.store.collection import collect
from weft.store.database import Database, connect_memory, connect_sqlite, connect_url
from weft.store.deployments import SqlDeployments
from weft.store.evaluations import SqlEvaluations
from weft.store.histories import SqlHistories
from weft.store.ingest import forget_progress, ingest, ingest_shaped, progress, retire
from weft.store.keeping import SqlKeeping
from weft.store.logged_reading import SqlLogged
from weft.store.migrations import migrate
from weft.store.outdated_media import checked
from weft.store.people import SqlPeople
from weft.store.point_rows import TAIL, pack_all
from weft.store.prices import SqlPrices
from weft.store.reading import go_on
from weft.store.received import Shaped
from weft.store.registry import SqlRegistry
from weft.store.reviews import SqlReviews
from weft.store.runs import SqlRuns
from weft.store.series import SqlSeries
from weft.store.spans import SqlSpans
from weft.store.sweeps import SqlSweeps
from weft.store.versions import expire
from weft.store.views import SqlViews
from weft.store.words import tidy

FILE = "weft.db"
_BACKFILL_S = 2.0
_VACUUM_PAGES = 2000  # 8 MB a turn: a write lock of milliseconds


class SqlStore:
    """A :class:`weft.repositories.Store` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.runs = SqlRuns(database)
        self.series = SqlSeries(database)
        self.logged = SqlLogged(database)
        self.spans = SqlSpans(database)
        self.evaluations = SqlEvaluations(database)
        self.artifacts = SqlArtifacts(database)
        self.reviews = SqlReviews(database)
        self.blobs = SqlBlobs(database)
        self.deployments = SqlDeployments(database)
        self.prices = SqlPrices(database)
        self.keeping = SqlKeeping(database)
        self.people = SqlPeople(database)
        self.views = SqlViews(database)
        self.sweeps = SqlSweeps(database)
        self.alerts = SqlAlerts(database)
        self.histories = SqlHistories(database)
        self.registry = SqlRegistry(database)

    def ingest(self, batch: Batch) -> IngestReport:
        """Store a batch and its progress in one transaction; what is already stored is skipped."""
        return ingest(self.database, batch)

    def ingest_shaped(self, writer: str, segment: int, end: int, records: Shaped) -> IngestReport:
        """As :meth:`ingest`, of what another process made ready (:func:`weft.store.received.shape`)."""
        return ingest_shaped(self.database, writer, segment, end, records)

    def progress(self, writer: str, segment: int) -> int:
        """The offset up to which a segment is stored; 0 where nothing is, RETIRED where it is gone."""
        return progress(self.database, writer, segment)

    def retire(self, writer: str, below: int) -> None:
        """The segments of the writer below this one are stored, and gone: they need no progress of their own."""
        retire(self.database, writer, below)

    def maintain(self, forget: Callable[[Deletion], object] = lambda done: None) -> bool:
        """Keep house: pack long series, remove what nothing needs any more and uploads that nobody goes on with, tidy
        indexes, work on spans stored before those, give free pages back.

        The drainer calls it when it has time; returns whether there is more to do. ``forget`` is called where policies
        of retention deleted spans: copies may lie elsewhere.
        """
        with self.database.write() as connection:
            self.database.take_turn(connection)
            pack_all(self.database, connection, at_least=TAIL // 4)
        forget_progress(self.database)
        expire(self.database)
        collect(self.database)
        self.blobs.sweep()
        more, until = True, time.monotonic() + _BACKFILL_S
        while more and time.monotonic() < until:
            more = go_on(self.database)
        tidying = True
        while tidying and time.monotonic() < until:
            tidying = tidy(self.database)
        more = more or tidying
        more = self.keeping.maintain(forget) or more
        self.database.give_back_pages(_VACUUM_PAGES)
        self.database.refresh()
        return more

    def integrity(self) -> list[str]:
        """What is wrong with the database, a line each; empty where it is sound."""
        found: list[str] = []
        with self.database.read() as connection:
            if self.database.sqlite:
                lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
                found.extend(f"SQLite: {line}" for line in lines if line != "ok")
            for row in connection.execute(select(t.chunks)):
                try:
                    points = unpack(row.data)
                    if (len(points), int(points.steps[0])) != (row.points, row.first_step):
                        found.append(
                            f"The chunk of series {row.series_id} at step {row.first_step} does not fit its row."
                        )
                except ValueError as error:
                    found.append(f"Series {row.series_id}, step {row.first_step}: {error}.")
            counted = select(t.spans.c.trace_id, func.count().label("spans")).group_by(t.spans.c.trace_id).subquery()
            wrong = (
                select(t.traces.c.trace_id)
                .outerjoin(counted, counted.c.trace_id == t.traces.c.trace_id)
                .where(func.coalesce(counted.c.spans, 0) != t.traces.c.spans)
            )
            found.extend(
                f"The totals of trace {trace_id} are wrong." for trace_id in connection.execute(wrong).scalars()
            )
        return found

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


def open_store(settings: Settings) -> SqlStore:
    """The embedded database, made or brought up to date first: SQLite in WEFT_DIR, or the one at WEFT_DB.

    Raises StoreError where it cannot be used, MissingExtraError where PostgreSQL's driver is not installed, InputError
    for a limit of media that is none.
    """
    blob_dir = settings.dir / "blobs"
    if settings.db is None:
        opened = _opened(connect_sqlite(settings.dir / FILE, blob_dir=blob_dir, bucket=settings.blobs))
    else:
        opened = open_url(settings.db, blob_dir, settings.blobs)
    opened.database.quota_bytes = settings.quota_bytes
    limit = MediaLimit(settings.media_days or None, settings.media_steps or None)
    opened.database.media_limit = checked(limit)
    return opened


def open_url(url: str, blob_dir: Path, bucket: str | None = None) -> SqlStore:
    """The database at a SQLAlchemy address, made or brought up to date first; large blobs lie in ``blob_dir``, or in
    the ``bucket`` at an address such as ``s3://bucket/prefix``."""
    return _opened(connect_url(url, blob_dir=blob_dir, bucket=bucket))


def open_memory() -> SqlStore:
    """A store in memory, gone when it is closed."""
    return _opened(connect_memory())


def _opened(database: Database) -> SqlStore:
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)
