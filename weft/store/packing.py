"""Short texts packed with zstd and a dictionary that was learnt from those stored before.

A dictionary holds what many documents share: names of attributes, common words. What fewer than one document in a
hundred has is left out before learning, so that no text of one person survives its deletion in a dictionary.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence

import zstandard
from sqlalchemy import Connection, func, select

from weft import clock
from weft.store import tables as t

LEVEL = 3
SAMPLES = 1000
_FIRST = 1000  # documents that are stored when the first dictionary is learnt; the next at eight times as many
_GROWTH = 8
_DICTIONARY_BYTES = 32 * 1024
_LONGEST_SAMPLE = 16 * 1024
_SHARED = 100  # one document in so many must have a word
_WORD = re.compile(rb"\w+|\W+")


class Packing:
    """The dictionaries of one database, and compressors that use them."""

    def __init__(self) -> None:
        self._dictionaries: dict[int, zstandard.ZstdCompressionDict] = {}
        self._compressor: tuple[int, zstandard.ZstdCompressor] | None = None
        self._local = threading.local()
        self._next: int | None = None

    def compressor(self, connection: Connection) -> zstandard.ZstdCompressor:
        """One with the newest dictionary; only one thread at a time may write."""
        newest = connection.execute(select(func.max(t.dictionaries.c.id))).scalar_one() or 0
        if self._compressor is None or self._compressor[0] != newest:
            known = self._dictionary(connection, newest)
            self._compressor = (
                newest,
                zstandard.ZstdCompressor(level=LEVEL, dict_data=known, write_checksum=False, write_dict_id=True),
            )
        return self._compressor[1]

    def unpack(self, connection: Connection, data: bytes) -> bytes:
        """The bytes of a frame. Raises zstandard.ZstdError where it is none, or its dictionary is gone."""
        number = zstandard.get_frame_parameters(data).dict_id
        known: dict[int, zstandard.ZstdDecompressor] | None = getattr(self._local, "known", None)
        if known is None:
            known = self._local.known = {}
        if number not in known:
            known[number] = zstandard.ZstdDecompressor(dict_data=self._dictionary(connection, number))
        return known[number].decompress(data)

    def is_due(self, connection: Connection, stored: int) -> bool:
        """Whether so many documents are stored that a new dictionary should be learnt."""
        if self._next is None:
            learnt = connection.execute(select(func.max(t.dictionaries.c.documents))).scalar_one()
            self._next = _FIRST if learnt is None else _GROWTH * learnt
        return stored >= self._next

    def learn(self, connection: Connection, samples: Sequence[bytes], stored: int) -> None:
        """Keep a dictionary of what ``samples`` share, if there is anything; later transactions pack with it."""
        known = connection.execute(select(func.max(t.dictionaries.c.id))).scalar_one() or 0
        made = dictionary_of(samples, known + 1)
        self._next = _GROWTH * max(stored, _FIRST)
        if made is not None:
            row = {"id": known + 1, "documents": stored, "data": made.as_bytes(), "created_ns": clock.now_ns()}
            connection.execute(t.dictionaries.insert().values(row))

    def _dictionary(self, connection: Connection, number: int) -> zstandard.ZstdCompressionDict | None:
        if number == 0:
            return None
        if number not in self._dictionaries:
            query = select(t.dictionaries.c.data).where(t.dictionaries.c.id == number)
            data = connection.execute(query).scalar_one_or_none()
            if data is None:
                raise zstandard.ZstdError(f"dictionary {number} is gone")
            made = zstandard.ZstdCompressionDict(bytes(data))
            made.precompute_compress(level=LEVEL)
            self._dictionaries[number] = made
        return self._dictionaries[number]


def dictionary_of(samples: Sequence[bytes], number: int) -> zstandard.ZstdCompressionDict | None:
    """A dictionary of the words that many samples have; None where they share too little."""
    seen: Counter[bytes] = Counter()
    for sample in samples:
        seen.update(set(_WORD.findall(sample[:_LONGEST_SAMPLE])))
    least = max(2, len(samples) // _SHARED)
    words = {word for word, count in seen.items() if count >= least}
    shared = [b"".join(filter(words.__contains__, _WORD.findall(sample[:_LONGEST_SAMPLE]))) for sample in samples]
    try:
        return zstandard.train_dictionary(_DICTIONARY_BYTES, [text for text in shared if text], dict_id=number)
    except zstandard.ZstdError:
        return None
