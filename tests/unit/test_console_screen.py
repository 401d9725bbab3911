"""Console text as the rows that a terminal shows."""

from __future__ import annotations

import io
from typing import Any

import pytest
from tqdm import tqdm

from weft.training.console import screen as screen_module
from weft.training.console.screen import Counter, Screen


class Rows:
    """What a store makes of what is emitted: a later record of the same number replaces the earlier one."""

    def __init__(self) -> None:
        self.chunks: dict[int, list[str]] = {}
        self.records = 0

    def __call__(self, first: int, stream: str, lines: list[str], time_ns: int) -> None:
        self.chunks[first] = lines
        self.records += 1

    @property
    def lines(self) -> list[str]:
        return [line for first in sorted(self.chunks) for line in self.chunks[first]]


def shown(*texts: str) -> list[str]:
    rows = Rows()
    screen = Screen("stdout", rows)
    for text in texts:
        screen.write(text)
    screen.flush()
    return rows.lines


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["a  \n"], ["a  "]),
        (["12345\rab\n"], ["ab345"]),
        (["12345\r\x1b[Kab\n"], ["ab"]),
        (["loading\r       \rdone\n"], ["done"]),
        (["ab\b\bX\n"], ["Xb"]),
        (["\x1b[31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n"], ["red link"]),
        (["\x1b[3", "1mred", "\x1b", "[0m\n"], ["red"]),
        (["one\ntwo\n\x1b[2A\rONE\n\rTWO\n"], ["ONE", "TWO"]),
        (["one\ntwo\nthree\x1b[1A\r\x1b[2K2"], ["one", "2", "three"]),
        (["a\n\nb\n"], ["a", "", "b"]),
        (["x\x00\x07y\n"], ["xy"]),
        (["a\x1b[5Cb\x1b[2Gz\n"], ["az    b"]),
        (["keep\ngone\nlast\x1b[1A\r\x1b[J"], ["keep", ""]),
        (["abc\x1b[2D\x1b[1Kd\n"], [" dc"]),
        (["\x1b[99999999999A\x1b[99A\x1b[9Bend\n"], ["end"]),
    ],
)
def test_rows(texts: list[str], expected: list[str]) -> None:
    assert shown(*texts) == expected


def test_one_character_at_a_time_gives_the_same() -> None:
    text = "one\ntwo\n\x1b[2A\rONE\n\rTWO\x1b[0m\n50%\r\x1b[K100%\n"
    assert shown(*text) == shown(text) == ["ONE", "TWO", "100%"]


def test_nested_progress_bars_end_as_they_stood() -> None:
    rows = Rows()
    screen = Screen("stderr", rows)

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            screen.write(text)
            return len(text)

    stream = Stream()
    options: dict[str, Any] = {"file": stream, "mininterval": 0, "ascii": True, "ncols": 40}
    for _ in tqdm(range(3), desc="outer", position=0, **options):
        for _ in tqdm(range(20), desc="inner", position=1, leave=False, **options):
            pass
    screen.flush()
    kept = [line for line in rows.lines if line]
    assert len(kept) == 1
    assert kept[0].startswith("outer: 100%")


def test_a_bar_is_recorded_as_it_stands_while_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(screen_module.time, "monotonic", lambda: now[0])
    rows = Rows()
    screen = Screen("stderr", rows)
    for percent in range(100):
        now[0] += 0.1
        screen.write(f"\r{percent}%")
    assert rows.lines[0].endswith("%")
    assert 10 <= rows.records <= 25
    screen.write("\r100%\n")
    assert rows.lines == ["100%"]


def test_streams_share_their_numbers() -> None:
    rows, counter = Rows(), Counter()
    out, err = Screen("stdout", rows, counter), Screen("stderr", rows, counter)
    out.write("a\n")
    err.write("b\n")
    out.write("c\n")
    assert rows.chunks == {0: ["a"], 1: ["b"], 2: ["c"]}


def test_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen_module, "MOST_LINES", 3)
    assert shown("a\n", "b\n", "c\n", "d\n", "e\n") == ["a", "b", "… [cut: 3 lines are kept]"]
