"""The short way of ``log``: numbers under names that were seen before, in binary, leave what the long way leaves."""

from __future__ import annotations

import math
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_run import Kept, start

from weft import clock
from weft.journal import Journal
from weft.journal.locking import let_go
from weft.records import Metrics, RecordType, RunKind, RunStatus, decode, encode
from weft.records import Run as StoredRun
from weft.records.binary import layout_of
from weft.training import run as runs

ROWS: list[dict[str, Any]] = [
    {"loss": 0.5, "epoch": 3},
    {"loss": math.nan, "epoch": math.inf},
    {"loss": True, "epoch": np.float32(0.5)},
    {"loss": 10**400, "epoch": 2**70},
    {"loss": -0.0, "epoch": -(2**63)},
    {"loss": "words", "epoch": 1},
    {"loss": None, "epoch": {"deeper": 1}},
]


@pytest.mark.parametrize("row", ROWS)
def test_both_ways_leave_the_same(row: dict[str, Any]) -> None:
    first, later = Kept(), Kept()
    long, short = start(first), start(later)
    short.log({"loss": 1.0, "epoch": 1.0})  # from now on these names are known
    long.log(row)
    short.log(row)
    clock.replace(lambda: 2**62)
    try:
        for run in (long, short):
            run.finish()
    finally:
        clock.replace(None)
    told = [{**seen.values} for seen in first.metrics]
    assert [seen.values for seen in later.metrics[1:]] == told
    assert [seen.step for seen in later.metrics[1:]] == [1 + seen.step for seen in first.metrics]
    kept, wanted = dict(short.summary), dict(long.summary)
    if "epoch.deeper" in wanted:  # the names of the first row stay
        kept = {name: kept[name] for name in wanted}
    assert repr(sorted(kept.items())) == repr(sorted(wanted.items()))  # NaN equals no NaN
    assert {name: type(value) for name, value in kept.items()} == {name: type(value) for name, value in wanted.items()}


def test_the_payload_is_binary_from_the_first_step_and_says_it_all() -> None:
    kept = Kept()
    run = start(kept, source="rank-1")
    run.log({"a": 1.5, "b": 2})
    run.log({"a": 2.5, "b": 3})
    payloads = [payload for kind, payload in kept.payloads if kind == RecordType.POINTS]
    assert len(payloads) == 2
    assert [decode(RecordType.POINTS, payload) for payload in payloads] == kept.metrics
    assert (kept.metrics[1].run_id, kept.metrics[1].project, kept.metrics[1].source) == ("r1", "p", "rank-1")
    assert kept.metrics[1].values == {"a": 2.5, "b": 3.0}


def test_a_mapping_that_is_changed_afterwards_changes_no_summary() -> None:
    run = start(Kept())
    row = {"loss": 1.0}
    for value in (1.0, 2.0):
        row["loss"] = value
        run.log(row)
    row["loss"] = 9.0
    assert run.summary["loss"] == 2.0


def test_what_is_set_in_the_summary_stands_above_what_was_logged_before() -> None:
    run = start(Kept())
    for value in (1.0, 2.0):
        run.log({"loss": value})
    run.summary["loss"] = 7
    assert run.summary["loss"] == 7
    run.log({"loss": 3.0})
    assert run.summary["loss"] == 3.0
    run.log({"loss": "none"})
    assert run.summary["loss"] == "none"


def test_a_metric_that_is_defined_later_is_folded() -> None:
    run = start(Kept())
    for value in (3.0, 1.0):
        run.log({"loss": value})
    run.define_metric("loss", summary="min")
    for value in (2.0, 5.0):
        run.log({"loss": value})
    assert run.summary["loss.min"] == 2.0


def test_names_of_a_program_that_never_repeats_them_are_forgotten() -> None:
    run = start(Kept())
    for number in range(2 * runs._MOST_LAYOUTS + 5):
        run.log({f"name{number}": 1.0})
    assert len(run._layouts) <= runs._MOST_LAYOUTS


@pytest.mark.parametrize("count", [1, 16, 17, 1000])
def test_layouts_of_few_and_of_many_values(count: int) -> None:
    names = [f"n{number}\n" for number in range(count)]
    layout = layout_of("r", "p", "", names)
    kept: list[tuple[int, bytes, int]] = []
    assert layout(lambda *record: kept.append(record), {name: at + 0.25 for at, name in enumerate(names)}, -7, 2**62)
    [(kind, payload, checksum)] = kept
    assert (kind, checksum) == (RecordType.POINTS, zlib.crc32(payload))
    values: dict[str, float | str] = {name: number + 0.25 for number, name in enumerate(names)}
    assert decode(RecordType.POINTS, payload) == Metrics("r", "p", -7, 2**62, values)
    for wrong in ("1", True, None, np.float64(1), 10**400):
        assert not layout(lambda *record: kept.append(record), dict.fromkeys(names, wrong), 0, 0)
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"nothing", "does not begin with a line"),
        (b'{"names":1}\n', "does not begin with a line"),
        (b'{"names":["a"],"project":"p","source":""}\n', "has no run_id"),
        (b'{"names":["a"],"run_id":"r","project":"p","source":""}\nshort', "has 5 bytes for 1 metrics"),
    ],
)
def test_payloads_that_are_none(payload: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode(RecordType.POINTS, payload)


def test_metrics_that_are_not_finite_travel_as_words() -> None:
    told = Metrics("r", "p", 1, 2, {"a": math.nan, "b": -math.inf, "c": 1.5, "d": "Infinity"})
    assert decode(*encode(told)) == Metrics("r", "p", 1, 2, {"a": "NaN", "b": "-Infinity", "c": 1.5, "d": "Infinity"})


def test_an_interrupted_append_leaves_the_lock_free(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(fresh_home)

    def interrupted(kind: int, flags: int, payload: bytes, checksum: int | None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.append(RecordType.SPAN, b"{}")
    monkeypatch.undo()
    other = threading.Thread(target=journal.append, args=(RecordType.SPAN, b"{}"), daemon=True)
    other.start()
    other.join(60)
    assert not other.is_alive()
    assert journal._depth == 0
    journal.close()


def test_a_step_that_is_interrupted_leaves_the_lock_free(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(Kept())
    run.log({"loss": 1.0})

    def interrupted(kind: RecordType, payload: bytes, checksum: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.log({"loss": 1.0})
    monkeypatch.undo()
    other = threading.Thread(target=run.log, args=({"loss": 2.0},), daemon=True)
    other.start()
    other.join(60)
    assert not other.is_alive()


def test_a_lock_that_was_not_taken_is_let_go_without_a_word() -> None:
    lock = threading.RLock()
    let_go(lock)
    lock.acquire()
    let_go(lock)
    assert not lock._is_owned()  # type: ignore[attr-defined]


def test_how_often_a_run_was_gone_on_with_is_told() -> None:
    stored = StoredRun("r1", "p", RunKind.TRAIN, "n", RunStatus.CRASHED, environment={"resumes": 1}, started_at_ns=1)
    kept = Kept()
    start(kept, resumed=True, stored=stored)
    start(first := Kept())
    assert (kept.runs[0].environment or {})["resumes"] == 2
    assert "resumes" not in (first.runs[0].environment or {})
