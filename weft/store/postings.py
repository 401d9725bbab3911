"""Words and the numbers of the documents that have them, packed into pages of a few thousand bytes.

A page holds words in their order and, for each, the gaps between its documents in LEB128, all of it packed with zstd.
A word of many documents takes several pages, which hold nothing else.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

_PAGE_BYTES = 8_192  # before they are packed
_MOST_TOGETHER = 8_192  # documents of a word on one page
_DOCUMENT_BITS = 42
_LEVEL = 3
_HEAD = struct.Struct("<qII")  # what the first document of each word is counted from; words, bytes of the words

Numbers = NDArray[np.int64]
_BREAK = "\n"


class Page(NamedTuple):
    """A packed page, its first word, and the lowest and highest number of a document on it."""

    word: str
    first: int
    last: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Postings:
    """Words in their order, how many documents each has, and their numbers: ascending, one word after the other."""

    words: list[str]
    counts: Numbers
    documents: Numbers

    @staticmethod
    def none() -> Postings:
        """No words."""
        return Postings([], np.zeros(0, np.int64), np.zeros(0, np.int64))

    def among(self, keep: NDArray[np.bool_]) -> Postings:
        """Only the documents at some places; a word may have none then."""
        ends = np.cumsum(self.counts)
        kept = np.concatenate(([0], np.cumsum(keep)))
        return Postings(self.words, kept[ends] - kept[ends - self.counts], self.documents[keep])

    def split(self, word: str) -> tuple[Postings, Postings]:
        """The words before ``word``, and the others."""
        place = bisect_left(self.words, word)
        at = int(self.counts[:place].sum())
        return (
            Postings(self.words[:place], self.counts[:place], self.documents[:at]),
            Postings(self.words[place:], self.counts[place:], self.documents[at:]),
        )


class _Numbered(dict[str, int]):
    """Gives each word a number, one to all that begin with the same ``longest`` characters."""

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.words: list[str] = []
        self._longest = longest

    def __missing__(self, word: str) -> int:
        if len(word) > self._longest:
            number = self[word[: self._longest]]
        else:
            number = len(self.words)
            self.words.append(word)
        self[word] = number
        return number


def of_texts(texts: Iterable[tuple[int, str]], longest: int) -> Postings:
    """The words of documents, given with their number and with spaces between words."""
    numbered = _Numbered(longest)
    number_of = numbered.__getitem__
    found: list[int] = []
    documents: list[int] = []
    sizes: list[int] = []
    for document, text in texts:
        words = text.split()
        found.extend(map(number_of, words))
        documents.append(document)
        sizes.append(len(words))
    owners = np.repeat(np.array(documents, np.int64), np.array(sizes, np.int64))
    return _sorted(numbered.words, np.array(found, np.int64), owners)


def united(parts: Sequence[Postings]) -> Postings:
    """All postings of several together, each once."""
    numbers: dict[str, int] = {}
    for part in parts:
        for word in part.words:
            numbers.setdefault(word, len(numbers))
    places = [np.repeat(np.array([numbers[word] for word in part.words], np.int64), part.counts) for part in parts]
    documents = [part.documents for part in parts]
    return _sorted(list(numbers), np.concatenate(places), np.concatenate(documents))


def _sorted(words: list[str], numbers: Numbers, documents: Numbers) -> Postings:
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.uint16 if len(words) <= 1 << 16 else np.uint32)  # the first is sorted by radix
    rank[order] = np.arange(len(words))
    ranks = rank[numbers]
    by_word = np.argsort(ranks, kind="stable")
    ranks, documents = ranks[by_word], documents[by_word]
    same = ranks[1:] == ranks[:-1]
    if np.any(same & (documents[1:] < documents[:-1])):
        keys = np.sort((ranks.astype(np.int64) << _DOCUMENT_BITS) | documents)
        ranks, documents = keys >> _DOCUMENT_BITS, keys & ((1 << _DOCUMENT_BITS) - 1)
        same = ranks[1:] == ranks[:-1]
    once = np.ones(len(ranks), np.bool_)
    once[1:] = ~same | (documents[1:] != documents[:-1])
    ranks, documents = ranks[once], documents[once]
    counts = np.bincount(ranks, minlength=len(words)).astype(np.int64)
    return Postings([words[place] for place in order], counts, documents)


def pack(postings: Postings) -> list[Page]:
    """The pages of postings; a word without documents is left out."""
    if not len(postings.documents):
        return []
    counts, documents = postings.counts, postings.documents
    base = int(documents.min())
    lists = -(-counts // _MOST_TOGETHER)  # that each word is cut into
    words = np.repeat(np.arange(len(counts)), lists)
    part = np.arange(len(words)) - np.repeat(np.cumsum(lists) - lists, lists)
    sizes = np.minimum(counts[words] - part * _MOST_TOGETHER, _MOST_TOGETHER)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    gaps = np.diff(documents, prepend=0)
    gaps[starts] = documents[starts] - base
    coded, lengths = _coded(gaps)
    text_ends = np.cumsum(lengths)[ends - 1]
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
    pages: list[Page] = []
    for begin, end in _cuts(text_ends, (lists > 1)[words]):
        body_start = 0 if begin == 0 else int(text_ends[begin - 1])
        here = [postings.words[place] for place in words[begin:end].tolist()]
        said = _BREAK.join(here).encode("utf-8")
        head = _HEAD.pack(base, len(here), len(said))
        each = np.diff(text_ends[begin:end], prepend=body_start).astype("<u2").tobytes()
        data = compressor.compress(b"".join((head, said, each, coded[body_start : int(text_ends[end - 1])].tobytes())))
        some = documents[int(starts[begin]) : int(ends[end - 1])]
        pages.append(Page(here[0], int(some.min()), int(some.max()), data))
    return pages


def _cuts(text_ends: Numbers, alone: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """Where pages begin and end, in lists."""
    ends, single = text_ends.tolist(), alone.tolist()
    begin = text_begin = 0
    for place in range(1, len(ends)):
        if single[place] or single[place - 1] or ends[place] - text_begin > _PAGE_BYTES:
            yield begin, place
            begin, text_begin = place, ends[place - 1]
    yield begin, len(ends)


def unpack(data: bytes) -> Postings:
    """The postings of a page. Raises zstandard.ZstdError or ValueError where it is damaged."""
    words, lengths, base, body = _opened(data)
    gaps, ends = _decoded(body)
    last = np.searchsorted(ends, np.cumsum(lengths) - 1) + 1  # postings up to the end of each word
    counts = np.diff(last, prepend=0)
    return Postings(words, counts, _summed(gaps, counts, base))


def find(data: bytes, low: str, high: str) -> Numbers:
    """The documents on a page that have a word from ``low`` up to ``high``, each as often as it has one."""
    words, lengths, base, body = _opened(data)
    begin, end = bisect_left(words, low), bisect_left(words, high)
    text_ends = np.cumsum(lengths)
    start = int(text_ends[begin - 1]) if begin else 0
    if begin == end:
        return np.zeros(0, np.int64)
    gaps, ends = _decoded(body[start : int(text_ends[end - 1])])
    counts = np.diff(np.searchsorted(ends, text_ends[begin:end] - start - 1) + 1, prepend=0)
    return _summed(gaps, counts, base)


def _opened(data: bytes) -> tuple[list[str], Numbers, int, bytes]:
    plain = zstandard.decompress(data)
    base, count, size = _HEAD.unpack_from(plain)
    at = _HEAD.size + size
    words = plain[_HEAD.size : at].decode("utf-8").split(_BREAK)
    lengths = np.frombuffer(plain, "<u2", count, at).astype(np.int64)
    return words, lengths, base, plain[at + 2 * count :]


def _summed(gaps: Numbers, counts: Numbers, base: int) -> Numbers:
    sums = np.cumsum(gaps)
    starts = np.cumsum(counts) - counts
    before = sums[starts] - gaps[starts]
    found: Numbers = sums - np.repeat(before, counts) + base
    return found


def _coded(numbers: Numbers) -> tuple[NDArray[np.uint8], Numbers]:
    """Numbers in LEB128, and how many bytes each takes."""
    lengths = np.ones(len(numbers), np.int64)
    rest = numbers >> 7
    while rest.any():
        lengths += rest > 0
        rest >>= 7
    ends = np.cumsum(lengths)
    out = np.empty(int(ends[-1]), np.uint8)
    at, left, more = ends - lengths, numbers, lengths > 1
    out[at] = (left & 0x7F) | (more << 7)
    while more.any():
        at, left, lengths = at[more] + 1, left[more] >> 7, lengths[more] - 1
        more = lengths > 1
        out[at] = (left & 0x7F) | (more << 7)
    return out, np.diff(ends, prepend=0)


def _decoded(body: bytes) -> tuple[Numbers, Numbers]:
    """The numbers in LEB128, and where each ends."""
    out = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(out < 0x80)
    starts = np.concatenate(([0], ends[:-1] + 1))
    numbers = (out[starts] & 0x7F).astype(np.int64)
    shift, open_ = 7, np.flatnonzero(starts < ends)
    at = starts[open_]
    while len(open_):
        at = at + 1
        numbers[open_] |= (out[at] & np.int64(0x7F)) << shift
        still = at < ends[open_]
        open_, at, shift = open_[still], at[still], shift + 7
    return numbers, ends
