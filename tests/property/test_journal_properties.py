"""Any records, any damage: what is not touched is read back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.journal import Folder, Journal, SegmentReader
from weft.journal.format import HEADER_BYTES
from weft.records import RecordType

SEGMENT_BYTES = 512 * 1024
records = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 9, 16, 65535]), st.binary(max_size=2000) | st.just(bytes(300_000))),
    min_size=1,
    max_size=30,
)
quick = settings(max_examples=150, deadline=None)


def write(home: Path, items: list[tuple[int, bytes]], *, mapped: bool) -> tuple[Path, list[int]]:
    """Append ``items``; the first segment and the offsets behind each record of it."""
    journal = Journal.open(home, mapped=mapped, segment_bytes=SEGMENT_BYTES)
    ends = [journal.position()[0][2]]
    for kind, payload in items:
        journal.append(kind, payload)
        ends.append(journal.position()[-1][2])
    assert journal.lost() == {}
    journal.close()
    return Folder.of(home).segments()[0].path, ends


def read(home: Path, *, final: bool) -> tuple[list[tuple[int, bytes]], int]:
    folder = Folder.of(home)
    found: list[tuple[int, bytes]] = []
    damaged = 0
    for file in folder.segments():
        fd = os.open(file.path, os.O_RDONLY)
        reader = SegmentReader(folder, fd, file.writer, file.sequence)
        at, more = 0, True
        while more:
            scan = reader.scan(at, final=final)
            found += [(entry.type, entry.payload) for entry in scan.entries if entry.type != RecordType.WRITER]
            damaged += len(scan.damaged)
            at, more = scan.end, scan.more
        os.close(fd)
    return found, damaged


@quick
@given(records, st.booleans(), st.booleans())
def test_records_round_trip(items: list[tuple[int, bytes]], mapped: bool, final: bool) -> None:
    with tempfile.TemporaryDirectory() as home:
        write(Path(home), items, mapped=mapped)
        assert read(Path(home), final=final) == (items, 0)


small = st.lists(st.tuples(st.just(1), st.binary(max_size=400)), min_size=1, max_size=20)


@quick
@given(small, st.data(), st.booleans())
def test_a_flipped_bit_costs_at_most_its_record(
    items: list[tuple[int, bytes]], data: st.DataObject, mapped: bool
) -> None:
    with tempfile.TemporaryDirectory() as home:
        path, ends = write(Path(home), items, mapped=mapped)
        at = data.draw(st.integers(0, ends[-1] - 1))
        flip(path, at, 1 << data.draw(st.integers(0, 7)))
        found, _ = read(Path(home), final=True)
        hit = next((index for index, end in enumerate(ends[1:]) if ends[index] <= at < end), None)
        assert found in (items, [item for index, item in enumerate(items) if index != hit])


@quick
@given(small, st.data())
def test_overwritten_bytes_cost_at_most_the_records_they_touch(
    items: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as home:
        path, ends = write(Path(home), items, mapped=True)
        start = data.draw(st.integers(HEADER_BYTES, ends[-1] - 1))
        garbage = data.draw(st.binary(min_size=1, max_size=600))
        with path.open("r+b") as file:
            file.seek(start)
            file.write(garbage)
        stop = start + len(garbage)
        found, _ = read(Path(home), final=True)
        whole = [item for item, a, b in zip(items, ends, ends[1:], strict=False) if b <= start or a >= stop]
        remaining = iter(found)
        assert all(item in remaining for item in whole)


@quick
@given(small, st.data())
def test_a_file_cut_short_keeps_what_lies_before(items: list[tuple[int, bytes]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as home:
        path, ends = write(Path(home), items, mapped=True)
        size = data.draw(st.integers(0, ends[-1]))
        os.truncate(path, size)
        found, _ = read(Path(home), final=True)
        assert (
            found[: len([end for end in ends[1:] if end <= size])] == items[: len([e for e in ends[1:] if e <= size])]
        )
        assert all(item in items for item in found)


def test_a_payload_that_holds_a_segment_is_not_mistaken_for_records() -> None:
    with tempfile.TemporaryDirectory() as home:
        path, ends = write(Path(home), [(1, b"a"), (1, b"b")], mapped=True)
        copy = path.read_bytes()[: ends[-1]]
        path.unlink()
        path, ends = write(Path(home), [(1, copy), (1, b"c")], mapped=True)
        flip(path, ends[0], 0xFF)
        assert read(Path(home), final=True) == ([(1, b"c")], 1)


def flip(path: Path, at: int, mask: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ mask]))
