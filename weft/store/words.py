"""The word index: which spans hold a word in their input or output; the name of a span is a part of both.

One rule for both databases. A text is cut into words: runs of letters and digits, in lower case, without diacritics
(the marks U+0300 to U+036F of its compatibility decomposition); each character of Chinese, Japanese kana and Korean is
a word of its own. Of an input and of an output the first :data:`MOST` characters of their JSON text are indexed,
its keys included; of a word the first :data:`LONGEST` characters.

A question is words that an input, or an output, must all have, in any order. ``refund*`` is any word that begins so.
Words in quotes, or written together (``user@example.com``, ``foo-bar``, ``返金``), must follow each other: the index
finds the texts that have them all, and :meth:`Question.holds` looks at a text itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    any_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY, array

from weft.store import tables as t
from weft.store.database import Database

MOST = 250_000
LONGEST = 64
_BREAK = "\n"  # between the words of the name and others: no phrase goes across
_MOST_ASKED = 64  # words of a question that the index is asked for; the text is asked for the rest
_MERGED = 200  # pages at a time: a write lock of milliseconds
_MOST_BYTES = 1_000_000  # PostgreSQL's tsvector ends at 2**20
_SECTIONS = ("input", "output")
_ASCII = "".join(chr(n).lower() if chr(n).isalnum() else " " for n in range(128))
_MARKS = re.compile("[\u0300-\u036f]+")
_SINGLE = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])")
_NO_WORD = re.compile(r"[\W_]+")
_ESCAPES = (r"\\", r"\"", r"\n", r"\t", r"\r", r"\/", r"\b", r"\f")
_CODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_MOST_BEGINNINGS = 1_000
_vocabulary = table("span_vocabulary", column("term", Text))
_index = table("span_words", column("rowid", BigInteger), column("id", BigInteger), column("words"))


def plain(text_: str) -> str:
    """The words of a text, with spaces between."""
    if text_.isascii():
        return text_.translate(_ASCII)
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text_)).casefold()
    # Hangul falls apart into its letters; they are put together again before each syllable becomes a word.
    return _NO_WORD.sub(" ", _SINGLE.sub(r" \1 ", unicodedata.normalize("NFC", bare)))


def of_span(name: str, input_json: str | None, output_json: str | None) -> tuple[str, str | None]:
    """What is indexed of a span's input and of its output (None where there is none): words, spaces between."""
    head = plain(name[:MOST])
    found = [None if one is None else f"{head}\n{plain(_unescaped(one[:MOST]))}" for one in (input_json, output_json)]
    return found[0] or head, found[1]


def _unescaped(json_text: str) -> str:
    if "\\" not in json_text:
        return json_text
    for escape in _ESCAPES:  # an escaped backslash first, so that what follows it is no escape
        json_text = json_text.replace(escape, " ")
    return _CODE.sub(lambda match: chr(int(match[1], 16)), json_text) if "\\u" in json_text else json_text


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
        """Whether one of the texts of :func:`of_span` has all terms."""
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
    asked: str,
    ids: ColumnElement[int] = t.spans.c.id,
    section: str | None = None,
    within: tuple[int, int] | None = None,
) -> ColumnElement[bool]:
    """The condition that the words of a text are all in a span's input, or all in its output; ``section``: in which.

    ``ids`` is the column with the span's id, ``within`` the lowest and highest that it may be. Of a phrase it says
    that its words are there, not that they follow each other: see :func:`question`. No span has a text without words.
    """
    found = _found(database, asked, alone=within is None or database.sqlite)
    if found is None:
        return false()
    document = _document(database)
    if within is not None and not database.sqlite:
        own = (2 * ids, 2 * ids + 1) if section is None else (2 * ids + _SECTIONS.index(section),)
        return found.where(document == any_(array(own))).correlate(t.spans).exists()
    some = found.with_only_columns(document // 2)
    if section is not None:
        some = some.where(document % 2 == _SECTIONS.index(section))
    if within is not None:
        some = some.where(document.between(2 * within[0], 2 * within[1] + 1))
    return ids.in_(some)


def count(database: Database, connection: Connection, asked: str, most: int) -> int:
    """How many inputs and outputs have the words of a text, up to ``most``; PostgreSQL estimates it."""
    found = _found(database, asked)
    if found is None:
        return 0
    if not database.sqlite:  # which would read each of the rows; words are in what ANALYZE samples
        plan = found.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        (told,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {plan}").scalar_one()
        return min(most, int(told["Plan"]["Plan Rows"]))
    return connection.execute(select(func.count()).select_from(found.limit(most).subquery())).scalar_one()


def _document(database: Database) -> ColumnElement[int]:
    return _index.c.rowid if database.sqlite else _index.c.id


def _found(database: Database, asked: str, *, alone: bool = True) -> Select[Any] | None:
    """The documents that have the words of a text; ``alone``: nothing else says which they may be."""
    terms = question(asked).terms
    if not terms:
        return None
    found = select(_document(database))
    if database.sqlite:
        return found.where(literal_column("span_words").op("MATCH")(_fts5(terms)))
    if not alone:  # of some thousand rows that are known, looking at the text is quicker than making a tsvector of it
        padded = literal(" ").concat(_index.c.words).concat(" ")
        sought = [literal(f" {word}{'' if prefix else ' '}") for word, prefix in _cut(terms)]
        return found.where(*(func.strpos(padded, one) > 0 for one in sought))
    # As the index has it: the words of a row become a tsvector for the index alone, which keeps rows small.
    indexed: ColumnElement[Any] = literal_column("array_to_tsvector(string_to_array(words, ' '))")
    return found.where(indexed.op("@@")(cast(literal(_tsquery(terms)), TSQUERY)))


def _cut(terms: Iterable[Term]) -> list[tuple[str, bool]]:
    found: dict[tuple[str, bool], None] = {}
    for term in terms:
        for place, word in enumerate(term.words):
            prefix = (term.prefix and place == len(term.words) - 1) or len(word) >= LONGEST
            found[word[:LONGEST], prefix] = None
    return list(found)[:_MOST_ASKED]


def _fts5(terms: Sequence[Term]) -> ColumnElement[str]:
    parts: list[ColumnElement[str]] = []
    for word, prefix in _cut(terms):
        parts.append(_begins(word) if prefix else literal(f'"{word}"'))
    found = parts[0]
    for part in parts[1:]:
        found = found.concat(literal(" AND ")).concat(part)
    return found


def _begins(prefix: str) -> ColumnElement[str]:
    """The words that begin so, where these are not many: FTS5 puts all spans of a prefix together before the first."""
    some = select(_vocabulary.c.term).where(_vocabulary.c.term >= prefix, _vocabulary.c.term < prefix + "\U0010ffff")
    known = some.limit(_MOST_BEGINNINGS + 1).subquery()
    quoted = literal('"').concat(known.c.term).concat('"')
    listed = literal("(").concat(func.group_concat(quoted, " OR ")).concat(")")
    few = func.count().between(1, _MOST_BEGINNINGS)
    return select(case((few, listed), else_=f'"{prefix}"*')).scalar_subquery()


def _tsquery(terms: Sequence[Term]) -> str:
    return " & ".join(f"'{word}'{':*' if prefix else ''}" for word, prefix in _cut(terms))


Document = tuple[int, str | None, str | None]  # the id of a span, and of_span of it


def add(database: Database, connection: Connection, documents: Sequence[Document]) -> None:
    """Index spans that are not in the index."""
    rows = _rows(documents)
    if not rows:
        return
    if database.sqlite:
        connection.exec_driver_sql("INSERT INTO span_words (rowid, words) VALUES (?, ?)", rows)
        return
    connection.exec_driver_sql(
        "INSERT INTO span_words (id, words) VALUES (%s, %s)", [(number, _bounded(words)) for number, words in rows]
    )


def remove(database: Database, connection: Connection, documents: Sequence[Document]) -> None:
    """Take spans out of the index; ``documents`` must be what they were added with."""
    rows = _rows(documents)
    if not rows:
        return
    if database.sqlite:
        connection.exec_driver_sql("INSERT INTO span_words (span_words, rowid, words) VALUES ('delete', ?, ?)", rows)
        return
    connection.exec_driver_sql("DELETE FROM span_words WHERE id = ANY(%s)", ([number for number, _ in rows],))


def tidy(database: Database) -> bool:
    """Merge some pages of what batches have added one by one; False where nothing is left to merge.

    SQLite merges by itself only where parts are many: a word then takes an entry in each of them.
    """
    if not database.sqlite:
        return False
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


def _bounded(words: str) -> str:
    """Words once each, as short and as many as PostgreSQL indexes."""
    kept = list(dict.fromkeys(word[:LONGEST] for word in words.split()))
    if len(words) * 4 > _MOST_BYTES:
        sizes = accumulate(len(word.encode("utf-8")) for word in kept)
        kept = [word for word, size in zip(kept, sizes, strict=True) if size <= _MOST_BYTES]
    return " ".join(kept)
