"""Not a test: a program that has imported Weft and forks programs that call traced functions until they are killed.

    python op_nursery.py BOARD

Each line ``FIRST LAYOUT MOST`` on its input starts one: ``one``, ``ranks`` (four of their own) or ``forked`` (one with
three forked workers). A worker makes at most MOST calls and then waits for the others. The board is that of
journal_writer.py; a slot counts the calls that have returned.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time

from journal_writer import CHILDREN, SLOT, STOP

import weft


@weft.op
def look_up(number: int) -> dict[str, int]:
    return {"answer": number * 7}


@weft.op
def ask(worker: int, number: int) -> dict[str, int]:
    return look_up(number)


def work(board: mmap.mmap, worker: int, most: int) -> None:
    at = STOP.size + SLOT.size * worker
    SLOT.pack_into(board, at, os.getpid(), 0)
    number = 0
    while STOP.unpack_from(board)[0] == 0:
        if number == most:
            time.sleep(0.002)
            continue
        ask(worker, number)
        number += 1
        SLOT.pack_into(board, at, os.getpid(), number)
        if number % 8 == 0:
            time.sleep(0.0005)


def program(board: mmap.mmap, worker: int, layout: str, most: int) -> None:
    weft.init("kill")
    children = []
    for index in range(1, CHILDREN + 1 if layout == "forked" else 1):
        pid = os.fork()
        if pid == 0:
            work(board, worker + index, most)
            os._exit(0)
        children.append(pid)
    work(board, worker, most)
    for pid in children:
        os.waitpid(pid, 0)
    weft.finish()


def main() -> None:
    with open(sys.argv[1], "r+b") as file:
        board = mmap.mmap(file.fileno(), 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        first, layout, most = line.split()
        for index in range(CHILDREN + 1 if layout == "ranks" else 1):
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                program(board, int(first) + index, layout, int(most))
                os._exit(0)


if __name__ == "__main__":
    main()
