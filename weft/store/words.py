"""The word index: which spans hold a word in their input or output; the name of a span is a part of both.

One rule for both databases. A text is cut into words: runs of letters and digits, in lower case, without diacritics
(the marks U+0300 to U+036F of its compatibility decomposition); each character of Chinese, Japanese kana and Korean is
a word of its own. Of an input and of an output the first 250,000 characters of their JSON text are indexed,
its keys included; of a word the first :data:`LONGEST` characters.

A question is words that an input, or an output, must all have, in any order. ``refund*`` is any word that begins so.
Words in quotes, or written together (``user@example.com``, ``foo-bar``, ``返金``), must follow each other: the index
finds the texts that have them all, and :meth:`Question.holds` looks at a text itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    and_,
    any_,
    case,
    column,
    false,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY

from weft.records import dumps
from weft.store import segments
from weft.store import tables as t
from weft.store.database import Database
from weft.store.postings import Numbers
from weft.store.wording import plain

LONGEST = 64
_BREAK = "\n"  # between the words of the name and others: no phrase goes across
_MOST_ASKED = 64  # words of a question that the index is asked for; the text is asked for the rest
_MERGED = 200  # pages at a time: a write lock of milliseconds
_LISTED = 1_000
_SPARSE = 64  # ids on one that is found: in bits, these take as much as in a list
_SECTIONS = ("input", "output")
_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_MOST_BEGINNINGS = 1_000
_ADD = "INSERT INTO span_words (rowid, words) SELECT CAST(key AS INTEGER), value FROM json_each(?)"  # SQLite
# From word to word: each is looked for by itself, for to go on from row to row is to read where each word is found.
_BEGINNINGS = (
    "WITH RECURSIVE words(word) AS (SELECT (SELECT term FROM span_vocabulary WHERE term >= ? LIMIT 1) UNION ALL "
    "SELECT (SELECT term FROM span_vocabulary WHERE term >= word || char(1) LIMIT 1) FROM words WHERE word < ?) "
    "SELECT word FROM words WHERE word < ? LIMIT ?"
)
_index = table("span_words", column("rowid", BigInteger), column("words"))


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; ``prefix``: the last one only begins so."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for. ``exact`` says that having the words is enough, that no order is asked for."""

    terms: tuple[Term, ...]

    @property
    def exact(self) -> bool:
        """Whether the index alone answers."""
        single = all(len(term.words) == 1 and len(term.words[0]) < LONGEST for term in self.terms)
        return single and len(self.terms) <= _MOST_ASKED

    def holds(self, texts: Iterable[str | None]) -> bool:
        """Whether one of the texts of :func:`weft.store.wording.of_span` has all terms."""
        return any(text is not None and self._in(text) for text in texts)

    def _in(self, text: str) -> bool:
        padded = f" {' '.join(text.replace(_BREAK, ' | ').split())} "
        return all(f" {' '.join(term.words)}{'' if term.prefix else ' '}" in padded for term in self.terms)


def question(asked: str) -> Question:
    """What a text asks for."""
    terms: list[Term] = []
    for match in _TERM.finditer(asked):
        quoted, bare = match[1], match[2]
        words = tuple(plain(bare if quoted is None else quoted).split())
        if words:
            terms.append(Term(words, prefix=quoted is None and bare.endswith("*")))
    return Question(tuple(terms))


def matches(
    database: Database,
    connection: Connection,
    asked: str,
    ids: ColumnElement[int] = t.spans.c.id,
    section: str | None = None,
    within: tuple[int, int] | None = None,
) -> ColumnElement[bool]:
    """The condition that the words of a text are all in a span's input, or all in its output; ``section``: in which.

    ``ids`` is the column with the span's id, ``within`` the lowest and highest that it may be. Of a phrase it says
    that its words are there, not that they follow each other: see :func:`question`. No span has a text without words.
    """
    terms = question(asked).terms
    if not terms:
        return false()
    if not database.sqlite:
        reach = () if within is None else ((2 * within[0], 2 * within[1] + 1),)
        return _among(ids, segments.find(connection, _cut(terms), *reach), section)
    some = _matching(connection, terms).with_only_columns(_index.c.rowid // 2)
    if section is not None:
        some = some.where(_index.c.rowid % 2 == _SECTIONS.index(section))
    if within is not None:
        some = some.where(_index.c.rowid.between(2 * within[0], 2 * within[1] + 1))
    return ids.in_(some)


def count(database: Database, connection: Connection, asked: str, most: int) -> int:
    """How many inputs and outputs have the words of a text, up to ``most``."""
    terms = question(asked).terms
    if not terms:
        return 0
    if not database.sqlite:
        return min(most, len(segments.find(connection, _cut(terms), most=most)))
    return connection.execute(
        select(func.count()).select_from(_matching(connection, terms).limit(most).subquery())
    ).scalar_one()


def _matching(connection: Connection, terms: Sequence[Term]) -> Select[Any]:
    return select(_index.c.rowid).where(literal_column("span_words").op("MATCH")(_fts5(connection, terms)))


def _among(ids: ColumnElement[int], documents: Numbers, section: str | None) -> ColumnElement[bool]:
    """The condition that an id is that of one of some documents: as a list, or as bits where these take less."""
    if section is not None:
        documents = documents[documents % 2 == _SECTIONS.index(section)]
    numbers = np.unique(documents // 2)
    if not len(numbers):
        return false()
    low, high = int(numbers[0]), int(numbers[-1])
    if len(numbers) < _LISTED or (high - low) // len(numbers) > _SPARSE:
        return ids == any_(literal(numbers.tolist(), ARRAY(BigInteger)))
    bits = np.zeros(high - low + 1, np.bool_)
    bits[numbers - low] = True
    packed = literal(np.packbits(bits, bitorder="little").tobytes(), LargeBinary)
    inside = ids.between(low, high)
    return and_(inside, case((inside, func.get_bit(packed, ids - low) == 1), else_=false()))


def _cut(terms: Iterable[Term]) -> list[tuple[str, bool]]:
    found: dict[tuple[str, bool], None] = {}
    for term in terms:
        for place, word in enumerate(term.words):
            prefix = (term.prefix and place == len(term.words) - 1) or len(word) >= LONGEST
            found[word[:LONGEST], prefix] = None
    return list(found)[:_MOST_ASKED]


def _fts5(connection: Connection, terms: Sequence[Term]) -> str:
    return " AND ".join(_begins(connection, word) if prefix else f'"{word}"' for word, prefix in _cut(terms))


def _begins(connection: Connection, prefix: str) -> str:
    """The words that begin so, where these are not many: FTS5 puts all spans of a prefix together before the first."""
    end = prefix + segments.LAST
    rows = connection.exec_driver_sql(_BEGINNINGS, (prefix, end, end, _MOST_BEGINNINGS + 1)).scalars()
    words = [f'"{word}"' for word in rows]
    return f"({' OR '.join(words)})" if 1 <= len(words) <= _MOST_BEGINNINGS else f'"{prefix}"*'


Document = tuple[int, str | None, str | None]  # the id of a span, and wording.of_span of it


def add(database: Database, connection: Connection, documents: Sequence[Document]) -> None:
    """Index spans that are not in the index."""
    rows = _rows(documents)
    if not rows:
        return
    if database.sqlite:
        # One statement: of several, each would write a part of the index.
        connection.exec_driver_sql(_ADD, (dumps({str(number): words for number, words in rows}).decode(),))
        return
    segments.add(connection, rows, LONGEST)


def remove(database: Database, connection: Connection, documents: Sequence[Document], *, deleted: bool = False) -> None:
    """Take spans out of the index; ``documents`` must be what they were added with. ``deleted``: they go, too."""
    rows = _rows(documents)
    if not rows:
        return
    if database.sqlite:
        connection.exec_driver_sql("INSERT INTO span_words (span_words, rowid, words) VALUES ('delete', ?, ?)", rows)
        return
    segments.remove(connection, [number for number, _ in rows], deleted=deleted)


def tidy(database: Database) -> bool:
    """Merge some pages of what batches have added one by one; False where nothing is left to merge.

    SQLite merges by itself only where parts are many: a word then takes an entry in each of them.
    """
    if not database.sqlite:
        return segments.tidy(database)
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO span_words (span_words, rank) VALUES ('usermerge', 2)")
        before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
        connection.exec_driver_sql("INSERT INTO span_words (span_words, rank) VALUES ('merge', ?)", (_MERGED,))
        after: int = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return bool(after - before >= 2)


def _rows(documents: Sequence[Document]) -> list[tuple[int, str]]:
    return [
        (2 * number + place, words)
        for number, *texts in documents
        for place, words in enumerate(texts)
        if words is not None
    ]
