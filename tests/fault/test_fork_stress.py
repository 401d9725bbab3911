"""Forks beside threads that log, trace, print and store: no child hangs, and what each recorded is stored."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

import weft

FORKS = 20

PROGRAM = f"""
import faulthandler, os, sys, threading, time, weft
run = weft.init("p", id="run")
@weft.op
def call(n):
    return n
stopping = threading.Event()
def work():
    n = 0
    while not stopping.wait(0.003):
        run.log({{"busy": float(n)}}); call(n); print("line", n)
        n += 1
def read():
    while not stopping.wait(0.01):
        weft.flush(1.0)
threads = [threading.Thread(target=work) for _ in range(2)] + [threading.Thread(target=read)]
for thread in threads:
    thread.start()
for n in range({FORKS}):
    pid = os.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(60, exit=True)  # says where it hangs
        run.log({{"child": float(n)}}); call(n); print("child", n)
        run.finish()
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stopping.set()
for thread in threads:
    thread.join()
assert run.status == "running"
"""


@pytest.mark.parametrize(
    "drain", [pytest.param("off", marks=pytest.mark.soak), "thread", pytest.param("process", marks=pytest.mark.soak)]
)
def test_no_child_hangs(drain: str) -> None:
    settings = {"WEFT_DRAIN": drain, "WEFT_QUIET": "1", "WEFT_SYSTEM_INTERVAL_S": "0.05"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(PROGRAM)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with weft.Api() as api:
        run = api.run("run")
        assert run.status == "finished"
        children = run.all_series("child")
        assert sorted(value for one in children for value in one.values.tolist()) == list(range(FORKS))
        assert api.store.integrity() == []
