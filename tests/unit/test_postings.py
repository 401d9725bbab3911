"""Pages of postings give back what was put in, whatever the sizes and the order."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest
import zstandard

from weft.store import postings
from weft.store.postings import Page, Postings


def some_texts(seed: int, count: int, words: int) -> list[tuple[int, str]]:
    rng = random.Random(seed)
    texts = []
    number = 0
    for _ in range(count):
        number += rng.choice((1, 1, 2, 300, 70_000, 2**33))
        texts.append((number, " ".join(f"w{rng.randrange(words)}" for _ in range(rng.randrange(1, 60)))))
    return texts


def as_sets(found: Postings) -> dict[str, list[int]]:
    ends = np.cumsum(found.counts).tolist()
    starts = [0, *ends[:-1]]
    return {
        word: found.documents[start:end].tolist()
        for word, start, end in zip(found.words, starts, ends, strict=True)
        if end > start
    }


def read(pages: Iterable[Page]) -> dict[str, list[int]]:
    whole: dict[str, list[int]] = {}
    for page in pages:
        for word, documents in as_sets(postings.unpack(page.data)).items():
            assert page.first <= documents[0] <= documents[-1] <= page.last
            assert word >= page.word
            whole.setdefault(word, []).extend(documents)
    return whole


@pytest.mark.parametrize(("count", "words"), [(1, 3), (40, 10), (600, 5_000)])
def test_pages_hold_what_was_packed(count: int, words: int) -> None:
    texts = some_texts(count, count, words)
    wanted: dict[str, list[int]] = {}
    for number, text in texts:
        for word in set(text.split()):
            wanted.setdefault(word, []).append(number)
    pages = postings.pack(postings.of_texts(texts, 64))
    assert read(pages) == wanted
    assert [page.word for page in pages] == sorted(page.word for page in pages)
    for page in pages:
        assert sorted(wanted[page.word]) == postings.find(page.data, page.word, page.word + "\x01").tolist()


def test_parts_in_any_order_become_the_same() -> None:
    texts = some_texts(5, 200, 300)
    whole = postings.of_texts(texts, 64)
    parts = [postings.of_texts(texts[start::3], 64) for start in (2, 0, 1, 0)]
    assert as_sets(postings.united(parts)) == as_sets(whole)


def test_a_word_of_many_documents_has_pages_of_its_own() -> None:
    texts = [(number, "all odd" if number % 2 else "all even") for number in range(20_000)]
    pages = postings.pack(postings.of_texts(texts, 64))
    assert [page.word for page in pages] == ["all", "all", "all", "even", "even", "odd", "odd"]
    assert read(pages)["odd"] == list(range(1, 20_000, 2))
    assert len(postings.find(pages[0].data, "b", "z")) == 0


def test_long_words_are_cut_and_each_counts_once() -> None:
    found = postings.of_texts([(7, "aaaa1 aaaa2 b b")], 4)
    assert as_sets(found) == {"aaaa": [7], "b": [7]}


def test_documents_are_left_out_and_words_are_split() -> None:
    found = postings.of_texts([(1, "a b"), (2, "b c"), (3, "c")], 64)
    kept = found.among(found.documents != 2)
    assert as_sets(kept) == {"a": [1], "b": [1], "c": [3]}
    before, behind = kept.split("b")
    assert (as_sets(before), as_sets(behind)) == ({"a": [1]}, {"b": [1], "c": [3]})
    assert postings.pack(kept.among(kept.documents > 9)) == []


def test_a_damaged_page_is_no_page() -> None:
    with pytest.raises(zstandard.ZstdError):
        postings.unpack(b"not a page")
