"""Pages of what runs printed, in the order of its time over all sources and streams."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, case, func, select

from weft.records.console import ConsoleLine, ConsolePage, ConsoleQuery
from weft.store import tables as t
from weft.store import values as v

_c = t.console.c
_ORDER = (_c.time_ns, _c.source, _c.first, _c.stream)
_AS_STORED = re.compile(r"[ !#-\[\]-~]+")  # texts that JSON writes as they are, and whose case every database knows


def read_console(connection: Connection, query: ConsoleQuery) -> ConsolePage:
    """A page of lines. Raises InputError for a limit that is none."""
    v.checked_limit(query.limit)
    printed = _c.run_id == query.run_id
    kinds = connection.execute(select(_c.source, _c.stream).distinct().where(printed)).all()
    sizes = select(func.sum(_c.size), func.sum(_fitting_size(query))).where(printed)  # a group would sort all rows
    total, matched = (int(n or 0) for n in connection.execute(sizes).one())
    if query.text:
        matched, first, lines = _search(connection, query)
    elif query.source is None and query.stream is None and _first(query, total) + query.limit >= total:
        first = _first(query, total)
        lines = _tail(connection, query, total, total - first)
    else:
        first = _first(query, matched)
        rows = connection.execute(_page(query, first)).all()
        ahead = first - int(rows[0][-1]) if rows else 0
        lines = [ConsoleLine(*line) for line in _lines(rows)][ahead : ahead + query.limit]
    return ConsolePage(
        total=total,
        matched=matched,
        first=first,
        lines=lines,
        sources=sorted({source for source, _ in kinds}),
        streams=sorted({stream for _, stream in kinds}),
    )


def _first(query: ConsoleQuery, matched: int) -> int:
    return max(0, matched - query.limit if query.first is None else query.first)


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
        behind -= size
        rows.append((*key, lines, behind))
    return [ConsoleLine(*line) for line in _lines(reversed(rows))][-wanted:]


def _search(connection: Connection, query: ConsoleQuery) -> tuple[int, int, list[ConsoleLine]]:
    """How many lines have the text, and a page of them; what is not on the page is only counted."""
    wanted = (query.text or "").lower()
    kept: deque[tuple[_Key, str, int]] = deque()  # the rows that may be on the page, with how many matched before each
    matched = 0
    for *key, lines in connection.execute(_candidates(connection, query)):
        found = _count(lines, wanted)
        if found and (query.first is None or query.first - found < matched < query.first + query.limit):
            kept.append((_Key(*key), lines, matched))
        matched += found
        while query.first is None and len(kept) > 1 and matched - kept[1][2] >= query.limit:
            kept.popleft()
    first = _first(query, matched)
    if not kept:
        return matched, first, []
    behind = {_Key(*key): number for *key, number in connection.execute(_behind(query, [key for key, *_ in kept]))}
    rows = ((*key, lines, behind[key]) for key, lines, _ in kept)
    page = [ConsoleLine(*line) for line in _lines(rows) if wanted in line[4].lower()]
    return matched, first, page[first - kept[0][2] :][: query.limit]


def _candidates(connection: Connection, query: ConsoleQuery) -> Select[Any]:
    """The rows that fit and may hold the text."""
    found = select(*_ORDER, _c.lines).where(_c.run_id == query.run_id, *_fitting(query)).order_by(*_ORDER)
    if query.text and _AS_STORED.fullmatch(query.text):
        like = v.like(query.text)
        if connection.dialect.name == "sqlite":  # whose LIKE does not tell "A" from "a"
            return found.where(_c.lines.like(like, escape="\\"))
        return found.where(_c.lines.ilike(like, escape="\\"))
    return found


def _count(lines: str, wanted: str) -> int:
    """How many lines of a row have the text in small letters."""
    if "\\" in lines or not _AS_STORED.fullmatch(wanted):
        return sum(wanted in line.lower() for line in v.from_json(lines))
    # Nothing is escaped, so that quotation marks stand between lines only: what is found behind one is in a new line.
    text = lines.lower()
    if "," in wanted:
        text = text.replace('","', '"')
    _, *others = text[1:-1].split(wanted)
    return sum('"' in between for between in others[:-1]) + bool(others)


def _behind(query: ConsoleQuery, keys: Sequence[_Key]) -> Select[Any]:
    """How many lines came before each of some rows, and of those of the same times."""
    counted = _counted(query)
    n = counted.c
    columns = (n.time_ns, n.source, n.first, n.stream, n.behind - n.size)
    return select(*columns).where(n.time_ns.in_(sorted({key.time_ns for key in keys})))


def _page(query: ConsoleQuery, first: int) -> Select[Any]:
    """The rows that hold the lines from ``first`` on of those that fit, each with how many lines came before it, of
    all and of those that fit."""
    counted = _counted(query)
    n = counted.c
    same = and_(_c.run_id == query.run_id, _c.source == n.source, _c.first == n.first, _c.stream == n.stream)
    key = (n.time_ns, n.source, n.first, n.stream)
    found = select(*key, _c.lines, n.behind - n.size, n.place - n.size).select_from(counted).join(t.console, same)
    here = (n.place > first, n.place - n.size < first + query.limit)
    return found.where(*here, *_fitting(query)).order_by(*key)


def _counted(query: ConsoleQuery) -> Subquery:
    """Each row without its lines, with how many lines have come by its end, of all and of those that fit."""
    so_far: dict[str, Any] = {"order_by": _ORDER, "rows": (None, 0)}
    behind, place = (func.sum(size).over(**so_far) for size in (_c.size, _fitting_size(query)))
    columns = (*_ORDER, _c.size, behind.label("behind"), place.label("place"))
    return select(*columns).where(_c.run_id == query.run_id).subquery()


def _fitting(query: ConsoleQuery) -> list[ColumnElement[bool]]:
    asked = [(_c.source, query.source), (_c.stream, query.stream)]
    return [column == value for column, value in asked if value is not None]


def _fitting_size(query: ConsoleQuery) -> ColumnElement[Any]:
    """The lines of a row, 0 where it does not fit."""
    fits = _fitting(query)
    return case((and_(*fits), _c.size), else_=0) if fits else _c.size


class _Key(NamedTuple):
    time_ns: int
    source: str
    first: int
    stream: str


_Line = tuple[int, str, str, int, str]


def _lines(rows: Iterable[Any]) -> Iterator[_Line]:
    """The lines of rows as the fields of :class:`ConsoleLine`."""
    for time_ns, source, _, stream, lines, behind, *_ in rows:
        for number, text in enumerate(v.from_json(lines), int(behind)):
            yield number, source, stream, time_ns, text
