"""Pages of what runs printed, in the order of its time over all sources and streams."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from weft.records.console import ConsoleLine, ConsolePage, ConsoleQuery
from weft.store import tables as t
from weft.store import values as v

_c = t.console.c
_ORDER = (_c.time_ns, _c.source, _c.first, _c.stream)
_AS_STORED = re.compile(r"[ !#-\[\]-~]+")  # texts that JSON writes as they are, and whose case every database knows


def read_console(connection: Connection, query: ConsoleQuery) -> ConsolePage:
    """A page of lines. Raises InputError for a limit that is none."""
    v.checked_limit(query.limit)
    sizes = select(_c.source, _c.stream, func.sum(_c.size)).where(_c.run_id == query.run_id)
    counts = connection.execute(sizes.group_by(_c.source, _c.stream)).all()
    total = sum(int(n) for *_, n in counts)
    matched = sum(int(n) for source, stream, n in counts if _fits(query, source, stream))
    if query.text:
        matched, first, lines = _search(connection, query)
    elif query.source is None and query.stream is None and _first(query, total) + query.limit >= total:
        first = _first(query, total)
        lines = _tail(connection, query, total, total - first)
    else:
        first = _first(query, matched)
        rows = connection.execute(_rows(query, first)).all()
        ahead = first - (int(rows[0].place) - rows[0].size) if rows else 0
        lines = [ConsoleLine(*line) for line in _lines(rows)][ahead : ahead + query.limit]
    return ConsolePage(
        total=total,
        matched=matched,
        first=first,
        lines=lines,
        sources=sorted({source for source, *_ in counts}),
        streams=sorted({stream for _, stream, _ in counts}),
    )


def _first(query: ConsoleQuery, matched: int) -> int:
    return max(0, matched - query.limit if query.first is None else query.first)


def _fits(query: ConsoleQuery, source: str, stream: str) -> bool:
    return query.source in (None, source) and query.stream in (None, stream)


def _tail(connection: Connection, query: ConsoleQuery, total: int, wanted: int) -> list[ConsoleLine]:
    """The last ``wanted`` lines of all, which pages ask for again and again: their place follows from the end."""
    if wanted <= 0:
        return []
    backwards = [column.desc() for column in _ORDER]
    newest = select(*_ORDER, _c.size, _c.lines).where(_c.run_id == query.run_id).order_by(*backwards).limit(wanted)
    rows, behind = [], total
    for *key, size, lines in connection.execute(newest):
        if total - behind >= wanted:
            break
        rows.append((*key, size, lines, behind, behind))
        behind -= size
    return [ConsoleLine(*line) for line in _lines(reversed(rows))][-wanted:]


def _search(connection: Connection, query: ConsoleQuery) -> tuple[int, int, list[ConsoleLine]]:
    wanted, matched = (query.text or "").lower(), 0
    kept: deque[_Line] = deque(maxlen=query.limit if query.first is None else None)
    for line in _lines(connection.execute(_rows(query))):
        if wanted in line[4].lower():
            if query.first is None or query.first <= matched < query.first + query.limit:
                kept.append(line)
            matched += 1
    return matched, _first(query, matched), [ConsoleLine(*line) for line in kept]


def _rows(query: ConsoleQuery, first: int | None = None) -> Select[Any]:
    """The rows that fit, with how many lines have come by the end of each, of all (``behind``) and of those that fit
    (``place``): those that hold the lines from ``first`` on, or else those that may hold the text."""
    asked = [(_c.source, query.source), (_c.stream, query.stream)]
    fits = [column == value for column, value in asked if value is not None]
    behind: ColumnElement[Any] = func.sum(_c.size).over(order_by=_ORDER)
    place = func.sum(case((and_(*fits), _c.size), else_=0)).over(order_by=_ORDER) if fits else behind
    sums = [behind.label("behind"), place.label("place")]
    counted = select(_c.source, _c.first, _c.stream, *sums).where(_c.run_id == query.run_id).subquery()
    n = counted.c
    same = and_(_c.run_id == query.run_id, _c.source == n.source, _c.first == n.first, _c.stream == n.stream)
    found = select(*_ORDER, _c.size, _c.lines, n.behind, n.place).join(counted, same).where(*fits).order_by(*_ORDER)
    if first is not None:
        return found.where(n.place > first, n.place - _c.size < first + query.limit)
    if query.text and _AS_STORED.fullmatch(query.text):
        return found.where(_c.lines.ilike(v.like(query.text), escape="\\"))
    return found


_Line = tuple[int, str, str, int, str]


def _lines(rows: Iterable[Any]) -> Iterator[_Line]:
    """The lines of rows as the fields of :class:`ConsoleLine`."""
    for time_ns, source, _, stream, size, lines, behind, _ in rows:
        for number, text in enumerate(v.from_json(lines), int(behind) - size):
            yield number, source, stream, time_ns, text
