"""The word index on PostgreSQL: postings in pages, in segments that are written once and merged when there are many.

A batch becomes a segment: a row of ``span_words_segments`` and its pages in ``span_words``. All postings of a document
are in one segment: where it is indexed anew, ``span_words_gone`` says up to which segment its former ones count no
more. Deleted spans leave their postings until their segment is written again: who reads asks for spans that are there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, or_, select

from weft.store import postings
from weft.store import tables as t
from weft.store.database import Database
from weft.store.postings import Numbers, Postings

LAST = "\U0010ffff"
_FAN = 32  # small segments of about one size that become one
_FEW = 8  # of these where the house is kept
_MOST = 64  # larger ones: they wait until they can become final, for what is merged is room that is lost for a while
_TIERS = (128, 2_048)  # from so many documents on, a segment is one of the larger ones
_FINAL = 131_072  # documents of a segment that is merged no more
_AT_ONCE = 4_096  # documents that are merged in the transaction of a batch
_PAGES = 64  # read at a time while merging
_SMALL_BYTES = 16 * 1024 * 1024
_LOOKED = 16  # segments looked into at a time
_LOCK = 0x77656677
_HIGHEST = 1 << 62

Word = tuple[str, bool]  # and whether it is the beginning of words


class Segment(NamedTuple):
    """A row of ``span_words_segments``; ``removed`` of its documents, at most, are gone."""

    segment: int
    documents: int
    first: int
    last: int
    removed: int


_SEGMENTS = "SELECT segment, documents, first, last, removed FROM span_words_segments"
_PAGES_OF_WORD = (
    "SELECT s.segment, found.data FROM unnest(%s::bigint[]) AS s(segment) CROSS JOIN LATERAL ("
    "(SELECT data, first, last FROM span_words AS p WHERE p.segment = s.segment AND p.word < %s "
    "ORDER BY p.word DESC, p.part DESC LIMIT 1) UNION ALL "
    "SELECT data, first, last FROM span_words AS p WHERE p.segment = s.segment AND p.word >= %s AND p.word < %s"
    ") AS found WHERE found.first <= %s AND found.last >= %s"
)
_INSERT_PAGE = "INSERT INTO span_words (segment, word, part, first, last, data) VALUES (%s, %s, %s, %s, %s, %s)"


def add(connection: Connection, documents: Sequence[tuple[int, str]], longest: int) -> None:
    """Index documents; those that are in the index already are replaced."""
    made = postings.of_texts(documents, longest)
    numbers = [number for number, _ in documents]
    known = _segments(connection, min(numbers), max(numbers))
    target = _number(connection)
    if known:
        low, high = min(one.first for one in known), max(one.last for one in known)
        _gone(connection, [number for number in numbers if low <= number <= high], target - 1)
    _write(connection, target, postings.pack(made))
    _list(connection, Segment(target, len(numbers), min(numbers), max(numbers), 0))
    _merge_at_once(connection)


def remove(connection: Connection, documents: Sequence[int], *, deleted: bool) -> None:
    """Take documents out of the index; ``deleted``: their spans are, too."""
    known = _segments(connection, min(documents), max(documents))
    if not known:
        return
    if not deleted:
        _gone(connection, documents, _number(connection))
    numbers = np.sort(np.array(documents, np.int64))
    for one in known:
        inside = int(np.searchsorted(numbers, one.last, "right") - np.searchsorted(numbers, one.first))
        connection.exec_driver_sql(
            "UPDATE span_words_segments SET removed = removed + %s WHERE segment = %s", (inside, one.segment)
        )


def find(
    connection: Connection, words: Sequence[Word], reach: tuple[int, int] = (0, _HIGHEST), most: int | None = None
) -> Numbers:
    """The documents from ``reach[0]`` to ``reach[1]`` that have all ``words``, in their order.

    Where ``most`` is given, the search ends when it has found so many.
    """
    segments = sorted(_segments(connection, *reach), reverse=True)
    found: list[Numbers] = []
    for start in range(0, len(segments), _LOOKED):
        some = [one.segment for one in segments[start : start + _LOOKED]]
        found += _in_segments(connection, some, words, reach)
        if most is not None and sum(map(len, found)) >= most:
            break
    together = np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return together[(together >= reach[0]) & (together <= reach[1])]


def _in_segments(
    connection: Connection, segments: list[int], words: Sequence[Word], reach: tuple[int, int]
) -> Iterable[Numbers]:
    having: dict[int, Numbers] = {}
    for place, (word, begins) in enumerate(words):
        end = word + (LAST if begins else "\x01")  # which is in no word
        given = (segments, word, word, end, reach[1], reach[0])
        parts: dict[int, list[Numbers]] = {}
        for segment, data in connection.exec_driver_sql(_PAGES_OF_WORD, given).all():
            parts.setdefault(segment, []).append(postings.find(bytes(data), word, end))
        here = {segment: _once(np.concatenate(some)) for segment, some in parts.items()}
        having = (
            here
            if place == 0
            else {
                segment: np.intersect1d(having[segment], numbers, assume_unique=True)
                for segment, numbers in here.items()
                if segment in having
            }
        )
        segments = list(having)
    gone = _gone_among(connection, *reach)
    return [numbers[_counting(numbers, segment, gone)] for segment, numbers in having.items()]


def _once(numbers: Numbers) -> Numbers:
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def tidy(database: Database) -> bool:
    """Merge some segments, or write one again of which much is gone; False where nothing is left to do."""
    with database.write() as connection:
        if not connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_LOCK})").scalar_one():
            return False  # another process is at it
        _drop_empty(connection)
        known = _segments(connection)
        some = _mergeable(known, _FEW) or [one for one in known if 4 * one.removed > one.documents][:1]
        if some:
            _rewrite(database, connection, some)
    _make_room(database, bool(some))
    return bool(some)


def erase(database: Database) -> None:
    """Write all segments again of which anything is gone."""
    with database.write() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        _drop_empty(connection)
        for one in _segments(connection):
            if one.removed:
                _rewrite(database, connection, [one])
    _make_room(database, merged=True)


def _make_room(database: Database, merged: bool) -> None:
    """Use again what merging left; a small index that is mostly free is written anew, in milliseconds."""
    with database.read() as connection:
        size = connection.exec_driver_sql("SELECT pg_total_relation_size('span_words')").scalar_one()
        if size < _SMALL_BYTES:
            used = connection.exec_driver_sql("SELECT coalesce(sum(length(data)), 0) FROM span_words").scalar_one()
            whole = size > 2 * used + _PAGES * 8192
        else:
            whole = False
    if merged or whole:
        database.vacuum("span_words", whole=whole)


def _segments(connection: Connection, low: int = 0, high: int = _HIGHEST) -> list[Segment]:
    rows = connection.exec_driver_sql(f"{_SEGMENTS} WHERE first <= %s AND last >= %s ORDER BY segment", (high, low))
    return [Segment(*row) for row in rows]


def _number(connection: Connection) -> int:
    number: int = connection.exec_driver_sql("SELECT nextval('span_words_segment')").scalar_one()
    return number


def _gone(connection: Connection, documents: Iterable[int], segment: int) -> None:
    """Postings of documents in segments up to this one count no more."""
    rows = [(document, segment) for document in documents]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO span_words_gone (document, segment) VALUES (%s, %s) "
            "ON CONFLICT (document) DO UPDATE SET segment = excluded.segment",
            rows,
        )


def _gone_among(connection: Connection, low: int = 0, high: int = _HIGHEST) -> tuple[Numbers, Numbers]:
    """Documents that are gone, and up to which segment."""
    rows = connection.exec_driver_sql(
        "SELECT document, segment FROM span_words_gone WHERE document BETWEEN %s AND %s", (low, high)
    ).all()
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64)


def _counting(numbers: Numbers, segment: int, gone: tuple[Numbers, Numbers]) -> NDArray[np.bool_]:
    """Which of some documents of a segment count."""
    return ~np.isin(numbers, gone[0][gone[1] >= segment])


def _write(connection: Connection, segment: int, pages: Sequence[postings.Page]) -> None:
    rows: list[tuple[int, str, int, int, int, bytes]] = []
    for page in pages:
        part = rows[-1][2] + 1 if rows and rows[-1][1] == page.word else 0
        rows.append((segment, page.word, part, page.first, page.last, page.data))
    if rows:
        connection.exec_driver_sql(_INSERT_PAGE, rows)


def _list(connection: Connection, new: Segment) -> None:
    connection.exec_driver_sql(
        "INSERT INTO span_words_segments (segment, documents, first, last, removed) VALUES (%s, %s, %s, %s, %s)",
        tuple(new),
    )


def _mergeable(known: Sequence[Segment], least: int = _FAN) -> list[Segment]:
    """The segments that are to become one next: many of about one size, or enough to be final."""
    tiers: dict[int, list[Segment]] = {}
    for one in known:
        if one.documents < _FINAL:
            tiers.setdefault(_tier(one.documents), []).append(one)
    for tier, some in sorted(tiers.items()):
        sizes = list(accumulate(one.documents for one in some))
        enough = bisect_left(sizes, _FINAL) + 1
        if len(some) >= min(enough, _MOST if tier else _FAN):
            return some[:enough]
    return []


def _tier(documents: int) -> int:
    return sum(documents >= least for least in _TIERS)


def _merge_at_once(connection: Connection) -> None:
    """Merge a few small segments inside of the transaction of a batch."""
    some = _mergeable(_segments(connection))
    if not some or sum(one.documents for one in some) > _AT_ONCE:
        return
    if connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_LOCK})").scalar_one():
        target = _number(connection)
        _merge(connection, some, target, _gone_among(connection), None)
        _replace(connection, some, target, sum(one.removed for one in some))


def _rewrite(database: Database, connection: Connection, some: Sequence[Segment]) -> None:
    """Merge while batches go on: what they take out of the index from now on is gone from the new segment, too."""
    with database.write() as beside:
        database.take_turn(beside)  # until those are done that took a number before
        target = _number(beside)
        gone = _gone_among(beside)
    there = None
    if any(one.removed for one in some):
        span = t.spans.c.id
        within = [span.between(one.first // 2, one.last // 2) for one in some]
        there = np.array(connection.execute(select(span).where(or_(*within))).scalars().all(), np.int64)
    known = sum(one.removed for one in some)
    _merge(connection, some, target, gone, there)
    database.take_turn(connection)
    _replace(connection, some, target, -known)


def _merge(
    connection: Connection,
    some: Sequence[Segment],
    target: int,
    gone: tuple[Numbers, Numbers],
    there: Numbers | None,
) -> None:
    """Write the pages of a new segment: those of others, without what is gone; ``there``: the spans that there are."""
    pages = connection.execution_options(stream_results=True).exec_driver_sql(
        "SELECT segment, word, data FROM span_words WHERE segment = ANY(%s) ORDER BY word, part, segment",
        ([one.segment for one in some],),
    )
    connection.execution_options(stream_results=False)
    held = Postings.none()
    for rows in pages.partitions(_PAGES):
        parts = [held]
        for segment, _, data in rows:
            page = postings.unpack(bytes(data))
            keep = _counting(page.documents, segment, gone)
            if there is not None:
                keep &= np.isin(page.documents // 2, there)
            parts.append(page.among(keep))
        # Of the words before the first one of this page, all was read.
        done, held = postings.united(parts).split(rows[-1].word)
        _write(connection, target, postings.pack(done))
    _write(connection, target, postings.pack(held))
    connection.exec_driver_sql("DELETE FROM span_words WHERE segment = ANY(%s)", ([one.segment for one in some],))


def _replace(connection: Connection, some: Sequence[Segment], target: int, removed: int) -> None:
    """List a segment instead of those that it was made of."""
    for one in some:
        left = "DELETE FROM span_words_segments WHERE segment = %s RETURNING removed"
        removed += connection.exec_driver_sql(left, (one.segment,)).scalar_one()
    low, high = connection.exec_driver_sql(
        "SELECT min(first), max(last) FROM span_words WHERE segment = %s", (target,)
    ).one()
    if low is not None:
        documents = sum(one.documents - one.removed for one in some)
        _list(connection, Segment(target, max(1, documents), low, high, removed))
    connection.exec_driver_sql(
        "DELETE FROM span_words_gone AS g WHERE NOT EXISTS (SELECT 1 FROM span_words_segments AS s "
        "WHERE s.segment <= g.segment AND g.document BETWEEN s.first AND s.last)"
    )


def _drop_empty(connection: Connection) -> None:
    """Drop the segments that no span is left of."""
    connection.exec_driver_sql(
        "WITH gone AS (DELETE FROM span_words_segments AS s WHERE removed > 0 AND NOT EXISTS (SELECT 1 FROM spans "
        "WHERE spans.id BETWEEN s.first / 2 AND s.last / 2) RETURNING segment) "
        "DELETE FROM span_words WHERE segment IN (SELECT segment FROM gone)"
    )
