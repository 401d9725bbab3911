"""One database: its engine, its transactions, and what is told where it cannot be used.

Readers and writers are transactions of their own. On SQLite a writer begins IMMEDIATE, because a transaction that
reads first and then writes fails at once where another wrote in between. A child made by fork forgets the parent's
connections without closing them; those to SQLite were closed ahead of the fork (:mod:`weft.store.forking`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, Engine, create_engine, event, pool
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from weft.errors import InputError, MissingExtraError, StoreError
from weft.records import dumps
from weft.records.artifacts import MediaLimit
from weft.store.files import Files, files_at
from weft.store.forking import ForkGate
from weft.store.inserting import Insert
from weft.store.packing import Packing

_BUSY_TIMEOUT_S = 60.0
_POOL_SIZE = 8
_POOL_OVERFLOW = 56
_PAGE_BYTES = 8192  # of a new file: rows of 700 bytes leave an eighth of smaller pages empty
_CACHE_KIB = 16 * 1024
_WORTH_JSON = 20  # rows
_BULK_LOCK = 0x77656674
# What is deleted is overwritten where its page is written anyway; free pages go with the next vacuum.
_ALWAYS = ("PRAGMA synchronous=NORMAL", "PRAGMA secure_delete=ON")
# The words that the index of inputs and outputs knows (weft.store.words); a connection has it to itself.
_VOCABULARY = "CREATE VIRTUAL TABLE temp.span_vocabulary USING fts5vocab(main, span_words, instance)"
_GROWN = (
    "SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND (n_mod_since_analyze > 1000 + "
    "n_live_tup / 5 OR n_ins_since_vacuum > 1000 + n_live_tup / 5 OR n_dead_tup > 1000 + n_live_tup / 5)"
)
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "afpfs", "ceph", "glusterfs", "beegfs"}
    | {"lustre", "gpfs", "webdav", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs"}
    | {"fuse.gcsfuse", "fuse.rclone", "fuse.davfs"}
)
_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_inherited: list[Any] = []  # connections of the parent: to close them here would end its transactions
_gate = ForkGate()


class Database:
    """An engine with its two kinds of transactions. ``dialect`` is ``sqlite`` or ``postgresql``.

    ``files`` is where blobs too large for a row are kept; None keeps all in rows. ``quota_bytes`` is the most that
    files of one project may hold; 0 for any amount. ``media_limit``: how long media that runs log are kept.
    """

    def __init__(self, engine: Engine, *, files: Files | None, shared: bool = False) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.files = files
        self.quota_bytes = 0
        self.media_limit: MediaLimit | None = None
        # A database in memory has one connection, which the threads take in turn.
        self._turn = threading.RLock() if shared else None
        self._shared = shared
        self._inserts: dict[Any, Insert] = {}
        self.packing = Packing()
        self.latest_pieces: int | None = None  # about how many; unknown at first (weft.store.contents)
        _databases.add(self)
        # For those who close nothing: Python warns of a connection that is collected open, from 3.13 on.
        weakref.finalize(self, engine.dispose)

    @property
    def blob_dir(self) -> Path | None:
        """The local folder of :attr:`files`."""
        return None if self.files is None else self.files.scratch

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.dialect == "sqlite"

    @property
    def _mark(self) -> str:
        return "?" if self.sqlite else "%s"

    def give_back_pages(self, pages: int) -> None:
        """Return free pages of a SQLite file to the file system; elsewhere there is nothing to return."""
        if not self.sqlite or self._shared:
            return
        with _gate.passed(), self.engine.connect() as connection:
            plain = connection.connection.driver_connection
            if plain is not None:
                plain.executescript(f"PRAGMA incremental_vacuum({pages})")  # execute() frees one page only

    def erase_log(self) -> None:
        """Give free pages of a SQLite file back and empty its log, which holds former pages."""
        if not self.sqlite or self._shared:
            return
        with _gate.passed(), self.engine.connect() as connection:
            plain = connection.connection.driver_connection
            if plain is not None:
                plain.executescript("PRAGMA incremental_vacuum")
                plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or not at all where the block raises."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        if not self.sqlite:
            with self._begun(write=write) as connection:
                yield connection
            return
        with _gate.passed(), self._begun(write=write) as connection:
            yield connection

    @contextmanager
    def _begun(self, *, write: bool) -> Iterator[Connection]:
        turn = self._turn
        if turn is not None:
            turn.acquire()
        try:
            with self.engine.connect() as connection:
                connection = connection.execution_options(weft_write=write)
                if not (write or self.sqlite):
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield connection
        except (OverflowError, UnicodeEncodeError) as error:
            raise _unfit(str(error)) from None
        except PoolTimeout:
            raise StoreError("No connection to the database became free.", remedy="Ask with fewer threads.") from None
        except DBAPIError as error:
            if isinstance(error, DataError) and not write:
                raise _unfit(" ".join(str(error.orig).split())) from None
            if isinstance(error, (IntegrityError, DataError, ProgrammingError)):
                raise  # the row or the statement is at fault, not the database
            raise _explained(error) from error
        finally:
            if turn is not None:
                turn.release()

    def take_turn(self, connection: Connection) -> None:
        """Wait until no other transaction changes observations in bulk; SQLite has one writer anyway.

        Totals of traces and packed series are read, changed and written back: two at once would lose one.
        """
        if not self.sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_BULK_LOCK})")

    def upsert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        keys: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        *,
        where: str | None = None,
    ) -> None:
        """Insert rows; where a row of the same ``keys`` exists, every other column takes the new value.

        ``where`` (SQL, with ``old.`` and ``excluded.``) says which rows may be changed. Without columns beside
        the keys, rows that exist are left as they are. No two rows may have equal keys.
        """
        if not rows:
            return
        cached = (table, tuple(columns), where)
        statement = self._inserts.get(cached)
        if statement is None:
            others = [column for column in columns if column not in keys]
            action = "NOTHING"
            if others:
                action = "UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in others)
                action += f" WHERE {where}" if where else ""
            conflict = f"ON CONFLICT ({', '.join(keys)}) DO {action}"
            statement = self._inserts[cached] = Insert(f"{table} AS old", columns, conflict, self._mark)
        if not self._as_json(connection, statement, rows):
            connection.exec_driver_sql(statement.single, list(rows))

    def lookup(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        keys: Sequence[str],
        wanted: Sequence[tuple[Any, ...]],
        *,
        within: tuple[str, str] | None = None,
    ) -> list[Any]:
        """The ``columns`` of the rows that have one of the ``wanted`` values of ``keys``, each found by its index.

        With ``within``, two columns, each of ``wanted`` ends with two integers: the rows stay whose range from the one
        column to the other touches the range of these.

        SQLite scans the table for ``(a, b) IN (...)``; a join from the list of keys does not.
        """
        if not wanted:
            return []
        if self.sqlite:
            given = [f"json_extract(k.value, '$[{index}]')" for index in range(len(wanted[0]))]
            source = "json_each(?) AS k CROSS JOIN"
        else:
            given = [f"CAST(k.value ->> {index} AS {_pg_type(wanted[0][index])})" for index in range(len(wanted[0]))]
            source = "jsonb_array_elements(CAST(%s AS jsonb)) AS k(value) JOIN"
        conditions = [f"s.{key} = {value}" for key, value in zip(keys, given, strict=False)]
        if within:
            conditions += [f"s.{within[0]} <= {given[-1]}", f"s.{within[1]} >= {given[-2]}"]
        on = " AND ".join(conditions)
        chosen = ", ".join(f"s.{column}" for column in columns)
        statement = f"SELECT {chosen} FROM {source} {table} AS s ON {on}"  # noqa: S608 - our own names
        return list(connection.exec_driver_sql(statement, (dumps(wanted).decode(),)).all())

    def insert_new(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows; those that exist already are left as they are."""
        self._insert(connection, table, columns, rows, "ON CONFLICT DO NOTHING")

    def insert_all(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows of which none exists. Raises sqlalchemy.exc.IntegrityError where one does."""
        self._insert(connection, table, columns, rows, "")

    def _insert(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], action: str
    ) -> None:
        """The driver of SQLite lets go of the interpreter at every step. Where another thread wants it, that costs
        milliseconds each time: so a statement takes many rows in one step."""
        cached = (table, tuple(columns), action)
        statement = self._inserts.get(cached)
        if statement is None:
            statement = self._inserts[cached] = Insert(table, columns, action, self._mark)
        done = 0
        if self.sqlite:
            size = statement.at_once
            for done in range(size, len(rows) + 1, size):
                connection.exec_driver_sql(statement.many, tuple(chain.from_iterable(rows[done - size : done])))
        if len(rows) > done and not self._as_json(connection, statement, rows):
            connection.exec_driver_sql(statement.single, list(rows[done:]))

    def _as_json(self, connection: Connection, statement: Insert, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Give many rows to PostgreSQL in one statement; False where they are to go one by one."""
        if self.sqlite or len(rows) < _WORTH_JSON:
            return False
        recordset = statement.recordset
        given = recordset.given(rows)
        if given is None:
            return False
        connection.exec_driver_sql(recordset.statement, (given,))
        return True

    def vacuum(self, table: str, *, whole: bool = False) -> None:
        """Have PostgreSQL use again what is free in a table, and learn what is in it.

        ``whole``: write it anew, without anything that is free. Nobody else reads it meanwhile.
        """
        how = "FULL, ANALYZE" if whole else "ANALYZE"
        with self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"VACUUM ({how}) {table}")

    def refresh(self) -> None:
        """Vacuum the tables of PostgreSQL of which a fifth is new: its plans follow what it knows of them.

        It does so by itself, too, but where it was told not to, and minutes after much was written.
        """
        if self.sqlite:
            return
        with self.read() as connection:
            tables = connection.exec_driver_sql(_GROWN).scalars().all()
        for table in tables:
            self.vacuum(table)

    def close_idle(self) -> None:
        """Ahead of a fork, while nobody is inside: a child must inherit no connection to a SQLite file."""
        if self.sqlite and not self._shared:
            self.engine.dispose()

    def forget_connections(self) -> None:
        """In a child after fork: use no connection of the parent and do not close it either."""
        _inherited.append(self.engine.pool)
        if not self._shared:
            self.engine.dispose(close=False)
        else:
            self._turn = threading.RLock()

    def close(self) -> None:
        """Close every connection."""
        with _gate.passed() if self.sqlite and _gate.safe else nullcontext():
            self.engine.dispose()


def of_connection(connection: Connection) -> Database:
    """The database that a connection belongs to. Raises LookupError where none is open."""
    for database in _databases:
        if database.engine is connection.engine:
            return database
    raise LookupError("the connection belongs to no open database")


def _pg_type(value: Any) -> str:
    return "bigint" if isinstance(value, int) else "text"


def _before_fork() -> None:
    if _gate.close():
        for database in list(_databases):
            database.close_idle()


def _after_fork_in_child() -> None:
    global _gate
    _gate = _gate.in_child()
    for database in list(_databases):
        database.forget_connections()


if hasattr(os, "register_at_fork"):
    # The journal's registry lies on the same floor. Hooks ahead of a fork run in the reverse order of registration,
    # this one first: a thread inside a transaction which logs can still record its line.
    os.register_at_fork(before=_before_fork, after_in_parent=lambda: _gate.open(), after_in_child=_after_fork_in_child)


def connect_sqlite(path: Path, *, blob_dir: Path, bucket: str | None = None) -> Database:
    """The database in a file, made where there is none. Raises StoreError where the place cannot hold one."""
    _check_place(path)
    url = make_url("sqlite+pysqlite://").set(database=str(path))
    engine = create_engine(
        url,
        poolclass=pool.QueuePool,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    _prepare_sqlite(
        engine, (f"PRAGMA page_size={_PAGE_BYTES}", "PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=WAL")
    )
    return Database(engine, files=files_at(bucket, blob_dir))


def connect_memory() -> Database:
    """A database in memory, gone when it is closed."""
    engine = create_engine("sqlite+pysqlite://", poolclass=pool.StaticPool, connect_args={"check_same_thread": False})
    _prepare_sqlite(engine, ())
    return Database(engine, files=None, shared=True)


def connect_url(address: str, *, blob_dir: Path, bucket: str | None = None) -> Database:
    """The database at a SQLAlchemy address, ``sqlite:///file`` or ``postgresql+psycopg://...``; large blobs lie in
    ``blob_dir``, or in the ``bucket`` at an address such as ``s3://bucket/prefix``."""
    try:
        url = make_url(address)
    except ArgumentError:
        raise StoreError(
            "The database address cannot be read.",
            remedy="It looks like postgresql+psycopg://user:password@host/name or sqlite:///file.",
            field="db",
        ) from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            return connect_memory()
        return connect_sqlite(Path(url.database).expanduser().absolute(), blob_dir=blob_dir, bucket=bucket)
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise StoreError(
            f"Weft stores in SQLite and PostgreSQL, not in {url.get_backend_name()!r}.",
            remedy="Use postgresql+psycopg://user:password@host/name.",
            field="db",
        )
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            pool_pre_ping=True,
        )
    except (ModuleNotFoundError, NoSuchModuleError, ImportError):
        raise MissingExtraError("psycopg", "postgres") from None
    _prepare_postgresql(engine)
    return Database(engine, files=files_at(bucket, blob_dir))


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        # Questions of milliseconds, whose best plan depends on what is asked: to compile them, or to keep one plan for
        # all values, costs a hundred times what it saves.
        connection.execute("SET jit = off")
        connection.execute("SET plan_cache_mode = force_custom_plan")
        connection.commit()


def _prepare_sqlite(engine: Engine, pragmas: Sequence[str]) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; the hook below does
        for pragma in (*pragmas, *_ALWAYS, f"PRAGMA cache_size=-{_CACHE_KIB}", _VOCABULARY):
            connection.execute(pragma)

    begin: Callable[[Connection], None] = _begin
    event.listen(engine, "begin", begin)


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("weft_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _check_place(path: Path) -> None:
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(folder, "it is read-only for this user")
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"The directory {folder} lies on a network file system ({kind}), where SQLite loses data.",
            remedy="Set WEFT_DIR to a local disk, or WEFT_DB to a PostgreSQL database; records wait in the journal.",
            field="dir",
        )


def file_system(path: Path) -> str:
    """The type of the file system that holds ``path``, such as ``ext4``; empty where it is unknown."""
    place = path.resolve()
    best, kind = "", ""
    for part in psutil.disk_partitions(all=True):
        inside = place == Path(part.mountpoint) or Path(part.mountpoint) in place.parents
        if inside and len(part.mountpoint) >= len(best):
            best, kind = part.mountpoint, part.fstype.lower()
    return kind


def _unusable(folder: Path, why: str) -> StoreError:
    return StoreError(
        f"The directory {folder} cannot be used: {why}.",
        remedy="Make it writable for this user, or set WEFT_DIR to another one.",
        field="dir",
    )


def _unfit(why: str) -> InputError:
    return InputError(
        f"The database cannot compare with that: {why}.", remedy="Numbers have at most 64 bits.", field="query"
    )


_REMEDIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("disk is full", "no space left"), "Free some space; what was not stored yet is kept in the journal."),
    (("malformed", "not a database", "corrupt"), "Restore a backup (weft.db.backup-*), or move the file away."),
    (("readonly", "read-only", "unable to open"), "Make the file and its directory writable for this user."),
    (("locked", "timeout"), "Another process holds the database; try again when it is done."),
    (("connection", "connect"), "Check that the database runs and that WEFT_DB is right."),
)


def _explained(error: DBAPIError) -> StoreError:
    message = " ".join(str(error.orig).split())
    remedy = next((text for words, text in _REMEDIES if any(word in message.lower() for word in words)), "")
    return StoreError(f"The database refused: {message}.", remedy=remedy or "`weft doctor` checks it.", field="db")


def sqlite_backup(source: Path, target: Path) -> None:
    """Copy a SQLite database, as its last commit left it, into a new file."""
    with closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(target)) as to:
        from_.backup(to)
