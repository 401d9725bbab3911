"""A small process between an agent and the command of a trial: where the agent dies, so does the command.

Run as a program with nothing but the standard library: ``python -I -S guard.py GRACE_S WORD...``. Its standard input
is the agent's hold on it: at its end the command's whole group is asked to end and, after the grace, made to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(words: list[str]) -> int:
    """Run the command; returns its exit code, negative for a signal."""
    grace_s = float(words[0])
    try:
        # Its standard input is empty: the agent's line is not for it.
        process = subprocess.Popen(words[1:], stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - as asked
    except OSError as error:
        sys.stderr.write(f"weft: {words[1]} cannot be started: {error.strerror}\n")
        return 127
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the agent decides
    threading.Thread(target=_watch, args=(process, grace_s), daemon=True).start()
    code = process.wait()
    _signal(process.pid, signal.SIGKILL)  # what it left behind
    return code


def _watch(process: subprocess.Popen[bytes], grace_s: float) -> None:
    while os.read(0, 4096):
        pass
    _signal(process.pid, signal.SIGTERM)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        _signal(process.pid, signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    ended = main(sys.argv[1:])
    sys.exit(ended if ended >= 0 else 128 - ended)
