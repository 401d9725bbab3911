"""The part of the contract that is about what runs log besides numbers."""

from __future__ import annotations

import dataclasses

import pytest

from weft import clock, digests
from weft.errors import InputError, NotFoundError
from weft.records import Logged, LoggedSummary, Media, RecordType, dumps, encode
from weft.records.artifacts import MediaLimit
from weft.records.media import PART_BYTES, Part, reference
from weft.repositories import Store
from weft.testing.batches import batch_of, raw_batch
from weft.testing.contract_observations import T


def a_logged(step: int, **changed: object) -> Logged:
    """What run ``r`` logged as ``note`` at a step."""
    logged = Logged("r", "p", "note", step, T + step, "text", {"kind": "text", "text": f"at {step}"})
    return dataclasses.replace(logged, **changed)  # type: ignore[arg-type]


class LoggedContract:
    """Media, tables and files of runs."""

    def test_logged_values_come_back_by_step_and_source(self, store: Store) -> None:
        strange = a_logged(5, name="odd \x00\ud800", data={"kind": "text", "text": "\x00\ud800<script>", "n": 2**70})
        long = a_logged(1, name="long", data={"items": [{"kind": "text", "text": "x" * 300_000}]})
        store.ingest(batch_of("w", a_logged(3), a_logged(1), a_logged(1, source="rank-1"), long, strange))
        found = store.logged.read_logged("r", "note")
        assert found == [a_logged(1), a_logged(1, source="rank-1"), a_logged(3)]
        assert store.logged.read_logged("r", "note", source="", first=2) == [a_logged(3)]
        assert store.logged.read_logged("r", "note", last=2, limit=1) == [a_logged(1)]
        assert store.logged.read_logged("r", "long") == [long]
        assert store.logged.read_logged("r", "none") == []
        assert store.logged.find_logged("r", "note") == a_logged(3)
        assert store.logged.find_logged("r", "note", step=2, source="rank-1") == a_logged(1, source="rank-1")
        assert store.logged.find_logged("r", "note", step=0) is None
        summaries = store.logged.list_logged("r", text="NOT")
        assert summaries == [
            LoggedSummary("r", "note", "", "text", 2, 1, 3),
            LoggedSummary("r", "note", "rank-1", "text", 1, 1, 1),
        ]
        assert [summary.name for summary in store.logged.list_logged("r")][-1] == "odd \u2400\ufffd"
        assert store.logged.find_logged("r", "odd \u2400\ufffd").data == strange.data  # type: ignore[union-attr]
        assert store.logged.list_logged("r", kind="image") == []
        assert store.runs.get_run("r").project == "p"
        with pytest.raises(InputError, match="limit"):
            store.logged.read_logged("r", "note", limit=0)

    def test_a_step_logged_again_takes_the_later_value(self, store: Store) -> None:
        later = a_logged(1, time_ns=T + 50, data={"kind": "text", "text": "later"})
        store.ingest(batch_of("w", a_logged(1), later, a_logged(1, time_ns=T + 20)))
        store.ingest(batch_of("w", a_logged(1, time_ns=T + 30), segment=1))
        assert store.logged.read_logged("r", "note") == [later]
        histogram = a_logged(1, time_ns=T + 60, kind="histogram", data={"kind": "histogram", "counts": [1]})
        store.ingest(batch_of("w", histogram, segment=2))
        assert [summary.kind for summary in store.logged.list_logged("r", kind="histogram")] == ["histogram"]

    def test_what_is_no_logged_value_is_refused_by_name(self, store: Store) -> None:
        wrong = (
            a_logged(1, kind="hologram"),
            a_logged(2**63),
            a_logged(1, name="n" * 1025),
            a_logged(1, data=[1]),
            a_logged(1, data={"text": "x" * (5 * 2**20)}),
        )
        report = store.ingest(raw_batch("w", *((RecordType.LOGGED, dumps(one)) for one in wrong)))
        words = ("kind is 'hologram'", "step does not fit", "name has 1025", "data is not", "4194304 are allowed")
        for rejected, said in zip(report.rejected, words, strict=True):
            assert said in rejected.reason

    def test_large_media_come_in_parts(self, store: Store) -> None:
        parts = [b"a" * PART_BYTES, b"b" * 1000]
        whole = b"".join(parts)
        digest = digests.of_bytes(whole)
        sent = [Media("p", "video/mp4", data, Part("u", number)) for number, data in enumerate(parts)]
        store.ingest(batch_of("w", sent[0]))
        store.ingest(batch_of("w", sent[1], Media("p", "video/mp4", b"", Part("u", 2, digest)), segment=1))
        assert b"".join(store.blobs.pieces("p", digest)) == whole
        lost = Media("p", "video/mp4", b"", Part("v", 2, "0" * 64))  # what came before it was lost
        changed = [Media("p", "", b"x", Part("x", 0)), Media("p", "", b"", Part("x", 1, "1" * 64))]
        report = store.ingest(batch_of("w", lost, *changed, segment=2))
        assert report.rejected == []
        for absent in ("0" * 64, "1" * 64):
            with pytest.raises(NotFoundError):
                store.blobs.get("p", absent)

    def test_parts_that_are_none_are_refused_by_name(self, store: Store) -> None:
        heads = (b'{"project": "p", "part": 3}', b'{"project": "p", "part": {"upload": "u", "number": 1, "whole": 1}}')
        far = Media("p", "", b"", Part("u", -1))
        report = store.ingest(
            raw_batch("w", *((RecordType.MEDIA, head + b"\nx") for head in heads), encode(far), encode(_long()))
        )
        words = ("which part it is", "is not text", "counts from 0", "8388608 are allowed")
        for rejected, said in zip(report.rejected, words, strict=True):
            assert said in rejected.reason

    def test_media_over_a_limit_go_but_for_the_newest(self, store: Store) -> None:
        def told(name: str, step: int, age_days: int, kind: str = "image", run_id: str = "r") -> Logged:
            data = {"kind": kind, **reference(f"{name} {step}".encode(), "image/png")}
            return Logged(run_id, "p", name, step, clock.now_ns() - age_days * 86_400 * 10**9, kind, data)

        pictures = [told("seen", step, 40 - 10 * step) for step in range(5)]
        others = [
            told("old", 0, 90),
            told("files/a", 0, 90, "file"),
            told("files/b.png", 1, 90),
            told("t", 0, 90, "table"),
        ]
        others += [told("t", 1, 1, "table"), told("files/b.png", 2, 1)]
        store.ingest(batch_of("w", *pictures, *others))

        def left() -> list[int]:
            return [value.step for value in store.logged.read_logged("r", "seen")]

        assert store.artifacts.collect("p", media=MediaLimit()).media == 0
        assert store.artifacts.collect("q", media=MediaLimit(days=1)).media == 0
        assert store.artifacts.collect("p", dry_run=True, media=MediaLimit(days=25)).media == 2
        assert store.artifacts.collect("p", dry_run=True, media=MediaLimit(25, 1)).media == 4
        assert left() == [0, 1, 2, 3, 4]
        assert store.artifacts.collect("p", author="me", media=MediaLimit(days=25)).media == 2
        assert left() == [2, 3, 4]
        assert store.artifacts.collect(media=MediaLimit(steps=2)).media == 1
        assert left() == [3, 4]
        assert store.artifacts.collect("p", media=MediaLimit(days=0.001)).media == 1
        assert left() == [4]
        kept = {value.name: value.count for value in store.logged.list_logged("r")}
        assert kept == {"files/a": 1, "files/b.png": 2, "old": 1, "seen": 1, "t": 2}
        entry = store.keeping.list_audit("p").items[-1]
        assert (entry.author, entry.action, entry.expression) == ("me", "media delete", "2 media: older than 25 days")
        for wrong, said in ((MediaLimit(days=-1.5), "kept -1.5 days"), (MediaLimit(steps=0), "of 0 steps")):
            with pytest.raises(InputError, match=said):
                store.artifacts.collect("p", media=wrong)

    def test_logged_values_go_with_their_run(self, store: Store) -> None:
        data = b"\x89PNG\r\n\x1a\n" + bytes(50)
        image = a_logged(1, name="picture", kind="image", data={"kind": "image", **reference(data, "image/png")})
        store.ingest(batch_of("w", Media("p", "image/png", data), image, a_logged(1, run_id="other")))
        assert store.blobs.get("p", image.data["digest"]) == data
        store.runs.delete_run("r")
        assert store.logged.list_logged("r") == []
        assert len(store.logged.list_logged("other")) == 1


def _long() -> Media:
    return Media("p", "", b"x" * (PART_BYTES + 1), Part("u", 1))
