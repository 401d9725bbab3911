"""Text with its control characters, as the rows that a terminal would show: progress bars become their last state."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from weft import clock

LONGEST = 100_000  # characters; a longer line without an end is cut into several
MOST_LINES = 1_000_000  # of a run in one process
_WINDOW = 64  # rows that a cursor may go back to
_DUE_S = 0.5  # how long a row that is drawn again and again waits until it is recorded as it stands

Emit = Callable[[int, str, list[str], int], None]
"""Takes the number of the first line, the stream, the lines, and the time in ns since the epoch. A call with the number
of an earlier one replaces what that one gave."""

_SPECIAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# ECMA-48: control sequences with their parameters and final byte, operating system commands, other escapes.
_TOKEN = re.compile(
    r"\x1b\[(?P<given>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x08\x0a-\x1f\x7f]+)"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,4096}\x1b?|[ -/]*)?$")


@dataclass(slots=True)
class _Chunk:
    """Rows that are recorded together."""

    first: int
    time_ns: int
    lines: list[str]


@dataclass(slots=True)
class _Row:
    text: str = ""
    chunk: _Chunk | None = None
    place: int = 0  # in the chunk
    drawn: bool = False  # with control characters: what pads it to cover what was there before says nothing

    @property
    def shown(self) -> str:
        return self.text.rstrip(" ") if self.drawn else self.text


class Counter:
    """Numbers the lines of all streams of a process, in the order in which they are recorded."""

    def __init__(self) -> None:
        self._next = 0
        self._lock = threading.Lock()

    def take(self, n: int) -> int:
        """The first of ``n`` numbers."""
        with self._lock:
            first = self._next
            self._next += n
            return first


class Screen:
    """The rows of one stream. Complete ones are recorded at once; one that is drawn again as it stands, twice a second.

    Carriage returns, backspaces, and sequences that move the cursor or erase do what they do on a terminal; colours and
    all other sequences are left out, so that what is stored is text that can be searched. Not for several threads.
    """

    def __init__(self, stream: str, emit: Emit, counter: Counter | None = None) -> None:
        self._stream = stream
        self._emit = emit
        self._counter = counter or Counter()
        self._rows: deque[_Row] = deque([_Row()])
        self._row = 0  # of the cursor, in _rows
        self._column = 0
        self._tail = ""
        self._changed: list[_Row] = []  # rows that are recorded otherwise than they stand now
        self._waits_since: float | None = None
        self._lines = 0
        self._complete: list[_Row] = []  # rows that were ended and are not recorded yet
        self._is_done = False  # whether a row was ended that is recorded otherwise

    def write(self, text: str) -> None:
        """Take what the stream was given."""
        if self._tail:
            text, self._tail = self._tail + text, ""
        if self._row == len(self._rows) - 1 and self._column == len(self._rows[-1].text) and not _SPECIAL.search(text):
            self._put_lines(text)
        else:
            self._interpret(text)
        if self._complete:
            self._new_chunk(self._complete)
        now = time.monotonic()
        if self._is_done or (self._waits_since is not None and now - self._waits_since >= _DUE_S):
            self.flush()
        elif self._waits_since is None and (self._changed or self._rows[-1].text):
            self._waits_since = now

    def flush(self) -> None:
        """Record every row as it stands."""
        last = self._rows[-1]
        if last.text and last.chunk is None:
            self._new_chunk([last])
        self._replace_changed()
        self._waits_since = None
        self._is_done = False

    def _put_lines(self, text: str) -> None:
        *whole, rest = text.split("\n")
        for line in whole:
            if line:
                self._put(line)
            self._feed()
        if rest:
            self._put(rest)

    def _interpret(self, text: str) -> None:
        unfinished = _UNFINISHED.search(text)
        if unfinished is not None:
            text, self._tail = text[: unfinished.start()], unfinished.group()
        self._rows[self._row].drawn = True
        for token in _TOKEN.finditer(text):
            if token["text"]:
                self._put(token["text"])
            elif token["control"]:
                self._control(token["control"])
            elif token["final"]:
                self._sequence(token["final"], token["given"] or "")

    def _put(self, text: str) -> None:
        row = self._rows[self._row]
        before = row.text
        if self._column > len(before):
            before = before.ljust(self._column)
        new = before[: self._column] + text + before[self._column + len(text) :]
        self._column += len(text)
        while len(new) > LONGEST:
            self._change(row, new[:LONGEST])
            new = new[LONGEST:]
            self._column = max(0, self._column - LONGEST)
            self._feed(keep_column=True)
            row = self._rows[self._row]
        self._change(row, new)

    def _change(self, row: _Row, text: str) -> None:
        if row.text == text:
            return
        row.text = text
        if row.chunk is not None and not any(other is row for other in self._changed):
            self._changed.append(row)

    def _control(self, sign: str) -> None:
        if sign == "\n":
            self._feed()
        elif sign == "\r":
            self._column = 0
        elif sign == "\b":
            self._column = max(0, self._column - 1)

    def _feed(self, *, keep_column: bool = False) -> None:
        self._row += 1
        if not keep_column:
            self._column = 0
        if self._row < len(self._rows):
            return
        ended = self._rows[-1]
        if ended.chunk is None:
            self._complete.append(ended)
        else:
            self._is_done = True
        self._rows.append(_Row(drawn=ended.drawn and keep_column))
        if len(self._rows) > _WINDOW:
            self._rows.popleft()
            self._row -= 1

    def _sequence(self, final: str, given: str) -> None:
        head = given.partition(";")[0]
        n = int(head[:6]) if head.isdecimal() else 0
        if final == "A":
            self._row = max(0, self._row - max(1, n))
        elif final == "B":
            self._row = min(len(self._rows) - 1, self._row + max(1, n))
        elif final == "C":
            self._column = min(LONGEST, self._column + max(1, n))
        elif final == "D":
            self._column = max(0, self._column - max(1, n))
        elif final == "G":
            self._column = min(LONGEST, max(1, n) - 1)
        elif final == "K":
            row = self._rows[self._row]
            blank = " " * min(self._column, len(row.text)) if n == 1 else ""
            self._change(row, row.text[: self._column] if n == 0 else blank + row.text[len(blank) :] if n == 1 else "")
        elif final == "J" and n == 0:
            self._change(self._rows[self._row], self._rows[self._row].text[: self._column])
            for below in list(self._rows)[self._row + 1 :]:
                self._change(below, "")

    def _new_chunk(self, rows: list[_Row]) -> None:
        lines = [row.shown for row in rows]
        self._lines += len(lines)
        if self._lines > MOST_LINES:
            chunk = _Chunk(-1, 0, lines)
        else:
            if self._lines == MOST_LINES:
                lines[-1] = f"… [cut: {MOST_LINES:,} lines are kept]"
            chunk = _Chunk(self._counter.take(len(lines)), clock.now_ns(), lines)
            self._emit(chunk.first, self._stream, list(lines), chunk.time_ns)
        for place, row in enumerate(rows):
            row.chunk, row.place = chunk, place
        self._complete = []

    def _replace_changed(self) -> None:
        chunks: dict[int, _Chunk] = {}
        for row in self._changed:
            if row.chunk is not None and row.chunk.first >= 0:
                row.chunk.lines[row.place] = row.shown
                chunks[row.chunk.first] = row.chunk
        self._changed.clear()
        for chunk in chunks.values():
            self._emit(chunk.first, self._stream, list(chunk.lines), chunk.time_ns)
