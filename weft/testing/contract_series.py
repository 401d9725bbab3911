"""The part of the contract that is about metrics and console lines."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from weft.errors import InputError
from weft.records import ConsoleLines, Metrics, RecordType, encode
from weft.records.binary import layout_of
from weft.records.console import ConsoleLine, ConsolePage, ConsoleQuery
from weft.repositories import Store
from weft.testing.batches import batch_of, raw_batch
from weft.testing.contract_observations import T


class SeriesContract:
    """Metrics and console."""

    def test_points_come_back_by_step(self, store: Store) -> None:
        points = [Metrics("r", "p", step, T + step, {"loss": 1 / step, "acc": step}, source="0") for step in (3, 1, 2)]
        store.ingest(batch_of("w", *points, Metrics("r", "p", 1, T, {"loss": 9}, source="1")))
        first, second = store.series.read_series("r", "loss")
        assert (first.source, first.steps.tolist(), first.values.tolist()) == ("0", [1, 2, 3], [1.0, 0.5, 1 / 3])
        assert first.times_ns.tolist() == [T + 1, T + 2, T + 3]
        assert second.source == "1"
        assert [s.source for s in store.series.read_series("r", "loss", source="1")] == ["1"]
        assert store.series.read_series("r", "none") == []
        assert [(s.name, s.source) for s in store.series.list_series("r")] == [
            ("acc", "0"),
            ("loss", "0"),
            ("loss", "1"),
        ]
        assert [s.name for s in store.series.list_series("r", text="AC")] == ["acc"]
        assert store.runs.get_run("r").name == "r"

    def test_values_that_are_not_finite(self, store: Store) -> None:
        values: list[Any] = ["NaN", "Infinity", "-Infinity", 1, 0.5]
        store.ingest(batch_of("w", *[Metrics("r", "p", step, T, {"m": value}) for step, value in enumerate(values)]))
        [series] = store.series.read_series("r", "m")
        assert math.isnan(series.values[0])
        assert series.values[1:].tolist() == [math.inf, -math.inf, 1.0, 0.5]
        [summary] = store.series.list_series("r")
        assert (summary.points, summary.minimum, summary.maximum, summary.last) == (5, -math.inf, math.inf, 0.5)

    def test_steps_in_binary_are_those_in_json(self, store: Store) -> None:
        layout = layout_of("r", "p", "0", ["m", "n"])
        rows: list[bytes] = []
        for step in (1, 3, 2):
            assert layout(
                lambda kind, payload, checksum: rows.append(payload), {"m": math.nan, "n": step}, step, T + step
            )
        short = (RecordType.POINTS, rows[0][:-1])
        assert layout_of("", "p", "", ["m"])(lambda kind, row, checksum: rows.append(row), {"m": 1}, 0, T)
        nobody = (RecordType.POINTS, rows.pop())
        late = encode(Metrics("r", "p", 3, T + 9, {"m": 7.0}, "0"))
        points = [(RecordType.POINTS, row) for row in rows]
        report = store.ingest(raw_batch("w", *points, short, late, nobody, (RecordType.POINTS, b"none")))
        assert report.stored == 4
        assert [refused.entry.payload for refused in report.rejected] == [short[1], nobody[1], b"none"]
        assert "bytes for 2 metrics" in report.rejected[0].reason
        [first], [second] = store.series.read_series("r", "m"), store.series.read_series("r", "n")
        assert (first.source, first.steps.tolist(), second.values.tolist()) == ("0", [1, 2, 3], [1.0, 2.0, 3.0])
        assert first.times_ns.tolist() == [T + 1, T + 2, T + 9]
        assert math.isnan(first.values[0])
        assert first.values[2] == 7.0

    def test_a_step_logged_again_takes_the_later_value(self, store: Store) -> None:
        def log(segment: int, *points: tuple[int, int, float], writer: str = "w") -> None:
            metrics = [Metrics("r", "p", step, T + time, {"m": value}) for step, time, value in points]
            store.ingest(batch_of(writer, *metrics, segment=segment))

        log(0, (1, 10, 1.0), (1, 10, 2.0), (2, 10, 2.0), (3, 10, 3.0))
        log(1, (2, 20, 22.0), (3, 5, 33.0))
        log(2, (1, 10, 4.0))
        log(0, (2, 20, 99.0), writer="a")
        [series] = store.series.read_series("r", "m")
        assert series.values.tolist() == [4.0, 22.0, 3.0]
        assert store.series.list_series("r")[0].points == 3

    def test_a_long_series_in_any_order_is_whole(self, store: Store) -> None:
        wanted: dict[int, float] = {}
        later = 0

        def log(segment: int, steps: list[int]) -> None:
            nonlocal later
            later += 1
            value = float(segment)
            wanted.update(dict.fromkeys(steps, value))
            store.ingest(
                batch_of("w", *[Metrics("r", "p", s, T + later, {"m": value}) for s in steps], segment=segment)
            )

        log(0, list(range(2000, 5000)))
        log(1, list(range(0, 500)))
        log(2, [10, 2500, 4999, 5000, 1500])
        log(3, list(range(9000, 9800)))
        log(4, list(range(5001, 9000, 2)))
        log(5, [7000, 7001, 7002])
        log(6, list(range(10_000, 12_500)))
        for _ in range(2):
            [series] = store.series.read_series("r", "m")
            assert series.steps.tolist() == sorted(wanted)
            assert series.values.tolist() == [wanted[step] for step in sorted(wanted)]
            [summary] = store.series.list_series("r")
            assert (summary.points, summary.first_step, summary.last_step) == (len(wanted), 0, 12_499)
            assert (summary.minimum, summary.maximum, summary.last) == (0.0, 6.0, 6.0)
            maintain = getattr(store, "maintain", None)
            if maintain is not None:
                maintain()
        assert store.integrity() == []

    def test_housekeeping_beside_ingest_loses_nothing(self, store: Store) -> None:
        stored = threading.Event()

        def keep_house() -> None:
            while not stored.is_set():
                getattr(store, "maintain", store.integrity)()

        keeper = threading.Thread(target=keep_house)
        keeper.start()
        for segment in range(12):
            points = [Metrics("r", "p", segment * 300 + n, T, {"m": n}) for n in range(300)]
            store.ingest(batch_of("w", *points, segment=segment))
        stored.set()
        keeper.join()
        assert store.series.list_series("r")[0].points == 3600
        assert len(store.series.read_series("r", "m")[0].steps) == 3600

    def test_console_lines(self, store: Store) -> None:
        lines = [f"line {n}\x00" for n in range(25)]
        parts = [ConsoleLines("r", "p", T + at, at, "stdout", lines[at : at + 10]) for at in (0, 10, 20)]
        store.ingest(batch_of("w", parts[1], parts[0], parts[2]))
        clean = [line.replace("\x00", "\u2400") for line in lines]
        assert store.runs.console("r") == clean
        assert store.runs.console("r", first=8, limit=5) == clean[8:13]
        assert store.runs.console("r", first=25) == []
        assert store.runs.console("none") == []

    def test_a_page_of_the_console(self, store: Store) -> None:
        told = [ConsoleLines("r", "p", T + n, n, "stdout", [f"step {n}", f"Loss\t{n}%"]) for n in range(0, 20, 2)]
        told += [ConsoleLines("r", "p", T + n, n, "stderr", [f'ÄRGER "{n}"'], "rank1") for n in (3, 9)]
        store.ingest(batch_of("w", *reversed(told)))
        whole = store.runs.read_console(ConsoleQuery("r"))
        assert (whole.total, whole.matched, whole.first) == (22, 22, 0)
        assert [line.number for line in whole.lines] == list(range(22))
        assert (whole.sources, whole.streams) == (["", "rank1"], ["stderr", "stdout"])
        assert whole.lines[4] == ConsoleLine(4, "rank1", "stderr", T + 3, 'ÄRGER "3"')
        assert store.runs.read_console(ConsoleQuery("r", first=3, limit=5)).lines == whole.lines[3:8]
        last = store.runs.read_console(ConsoleQuery("r", limit=3))
        assert (last.first, last.lines) == (19, whole.lines[19:])
        rank = store.runs.read_console(ConsoleQuery("r", source="rank1", first=1, limit=9))
        assert (rank.matched, [line.number for line in rank.lines]) == (2, [11])
        out = store.runs.read_console(ConsoleQuery("r", stream="stdout", first=4, limit=3))
        assert [line.text for line in out.lines] == [w.text for w in whole.lines if w.stream == "stdout"][4:7]
        for text, numbers in (("LOSS", 10), ("\t16%", 1), ("loss\t0", 1), ('ärger "9', 1), ("step_", 0), ("", 22)):
            assert store.runs.read_console(ConsoleQuery("r", text=text)).matched == numbers, text
        found = store.runs.read_console(ConsoleQuery("r", text="step", first=2, limit=2))
        assert (found.matched, [line.text for line in found.lines]) == (10, ["step 4", "step 6"])
        late = store.runs.read_console(ConsoleQuery("r", text="STEP", source="", limit=2))
        assert (late.first, late.lines) == (8, [line for line in whole.lines if "step" in line.text][-2:])
        assert store.runs.read_console(ConsoleQuery("r", text="step", first=99)).lines == []
        store.ingest(
            batch_of("w2", ConsoleLines("r", "p", T + 50, 99, "stdout", ["[a, b]", "", "back\\slash, b", "B,b"]))
        )
        for text, numbers in ((",", 3), ("[", 1), ("b]", 1), ("b", 3), ("\\", 1), ('"', 2)):
            assert store.runs.read_console(ConsoleQuery("r", text=text)).matched == numbers, text
        assert store.runs.read_console(ConsoleQuery("none")) == ConsolePage(0, 0, 0)
        assert store.runs.read_console(ConsoleQuery("r", first=99)).lines == []
        with pytest.raises(InputError, match="The limit is 0"):
            store.runs.read_console(ConsoleQuery("r", limit=0))

    def test_a_line_that_is_drawn_again_keeps_its_place(self, store: Store) -> None:
        store.ingest(batch_of("w", *(ConsoleLines("r", "p", T + n, n, "stderr", [f"{n} %"]) for n in range(3))))
        store.ingest(batch_of("w", ConsoleLines("r", "p", T + 1, 1, "stderr", ["100 %"]), segment=2))
        assert [line.text for line in store.runs.read_console(ConsoleQuery("r")).lines] == ["0 %", "100 %", "2 %"]
