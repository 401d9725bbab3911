"""Not a test: a program that appends numbered records to a journal until it is killed or told to stop.

    python journal_writer.py BOARD FIRST LAYOUT

BOARD is a file that the test shares with it: eight bytes that say stop, then 16 a worker: its pid and how many of its
appends have returned. FIRST is the number of its worker; LAYOUT is ``one`` or ``forked`` (three children more).
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time
from pathlib import Path

from weft.journal import Journal
from weft.records import Metrics, Span, SpanStatus, encode

CHILDREN = 3
MOST = 500
SLOT = struct.Struct("<QQ")
STOP = struct.Struct("<Q")


def span_of(worker: int, number: int) -> Span:
    """The span that a worker records under a number."""
    text = f"{worker}/{number} " * (1 + number % 40)
    return Span(
        project="kill",
        trace_id=f"{worker + 1:032x}",
        span_id=f"{number + 1:016x}",
        name=f"step {number}",
        start_ns=10**18 + number,
        end_ns=10**18 + number + 5,
        status=SpanStatus.OK,
        input={"n": number},
        output=text,
        input_tokens=1,
    )


def metrics_of(worker: int, number: int) -> Metrics:
    """The point that a worker logs under a number."""
    return Metrics(f"run{worker}", "kill", number, 10**18 + number, {"loss": worker + number / 7})


def work(journal: Journal, board: mmap.mmap, worker: int) -> None:
    """Record until told to stop: a span for even numbers, a point for odd ones."""
    at = STOP.size + SLOT.size * worker
    SLOT.pack_into(board, at, os.getpid(), 0)
    number = 0
    while STOP.unpack_from(board)[0] == 0:
        if number == MOST:  # wait for the others: on a slow machine this would become very many records
            time.sleep(0.002)
            continue
        made = metrics_of(worker, number) if number % 2 else span_of(worker, number)
        journal.append(*encode(made))
        number += 1
        SLOT.pack_into(board, at, os.getpid(), number)
        if number % 16 == 0:
            time.sleep(0.0005)


def main() -> None:
    path, first, layout = sys.argv[1:]
    with open(path, "r+b") as file:
        board = mmap.mmap(file.fileno(), 0)
    worker = int(first)
    journal = Journal.open(Path(os.environ["WEFT_DIR"]))
    children = []
    if layout == "forked":
        for index in range(1, CHILDREN + 1):
            pid = os.fork()
            if pid == 0:
                work(journal, board, worker + index)
                os._exit(0)  # as multiprocessing's children end: nothing is closed
            children.append(pid)
    work(journal, board, worker)
    for pid in children:
        os.waitpid(pid, 0)
    journal.close()


if __name__ == "__main__":
    main()
