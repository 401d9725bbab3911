"""Every way in which Python starts and ends processes: what returned is stored once, nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from weft import session
from weft import settings as settings_module
from weft.records import Span, SpanQuery, SpanStatus

HEAD = """
import asyncio, atexit, concurrent.futures, multiprocessing, os, signal, subprocess, sys, threading, time
import weft

@weft.op
def work(n):
    return n * 2

def in_child(n):
    weft.init("faults", settings={"quiet": True})
    return work(n)
"""


def run(code: str, folder: Path, *, status: int = 0) -> str:
    """Run a program to its end; it must print what it prints and end with ``status``."""
    script = folder / "program.py"
    script.write_text(HEAD + textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def spans() -> list[Span]:
    """All that is stored, after what the journal still holds."""
    settings = settings_module.load()
    session.sync(settings)
    store = session.open_store(settings)
    try:
        return store.spans.list_spans(SpanQuery(project="faults", order="start", limit=1000)).items
    finally:
        store.close()


def calls() -> Counter[int]:
    """How often each call of ``work`` that ended is stored."""
    return Counter(span.input["n"] for span in spans() if span.name == "work" and span.end_ns is not None)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_start_method_of_multiprocessing(method: str, tmp_path: Path) -> None:
    code = f"""
        if __name__ == "__main__":
            weft.init("faults", settings={{"quiet": True}})
            work(100)
            context = multiprocessing.get_context("{method}")
            with context.Pool(3) as pool:
                assert pool.map(in_child, range(20)) == [2 * n for n in range(20)]
                pool.close()
                pool.join()
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                assert list(pool.map(in_child, range(20, 40))) == [2 * n for n in range(20, 40)]
    """
    run(code, tmp_path)
    assert calls() == Counter([100, *range(40)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_are_terminated_keep_what_returned(method: str, tmp_path: Path) -> None:
    code = f"""
        if __name__ == "__main__":
            weft.init("faults", settings={{"quiet": True}})
            pool = multiprocessing.get_context("{method}").Pool(2)
            assert pool.map(in_child, range(30)) == [2 * n for n in range(30)]
            pool.terminate()  # SIGTERM
            pool.join()
    """
    run(code, tmp_path)
    assert calls() == Counter(range(30))


def test_fork_with_and_without_exec_in_a_span(tmp_path: Path) -> None:
    code = """
        weft.init("faults", settings={"quiet": True})
        @weft.op
        def outer():
            child = os.fork()
            if child == 0:
                work(1)
                os._exit(0)
            os.waitpid(child, 0)
            child = os.fork()
            if child == 0:
                work(2)
                os.execv(sys.executable, [sys.executable, "-c", "print('another program')"])
            os.waitpid(child, 0)
            subprocess.run([sys.executable, "-c", "print('a third')"], check=True, stdout=subprocess.DEVNULL)
            return work(3)
        outer()
    """
    run(code, tmp_path)
    assert calls() == Counter([1, 2, 3])
    [outer] = [span for span in spans() if span.name == "outer"]
    assert outer.output == 6
    assert {span.parent_span_id for span in spans() if span.name == "work"} == {outer.span_id}


ENDS = {
    "sys.exit": ("sys.exit(3)", 3),
    "os._exit": ("os._exit(4)", 4),
    "the end of the script": ("", 0),
    "sigkill": ("os.kill(os.getpid(), signal.SIGKILL)", -9),
    "sigterm": ("os.kill(os.getpid(), signal.SIGTERM)", -15),
    "sigint": ("signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)", -2),
    "abort": ("os.abort()", -6),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_is_in_flight_reads_as_interrupted_whatever_ends_the_program(end: str, tmp_path: Path) -> None:
    how, status = ENDS[end]
    code = f"""
        weft.init("faults", settings={{"quiet": True}})
        inside = threading.Barrier(2)
        @weft.op
        def waits():
            inside.wait()
            time.sleep(1000)
        threading.Thread(target=waits, daemon=True).start()
        inside.wait()
        for n in range(10):
            work(n)
        {how}
    """
    run(code, tmp_path, status=status)
    assert calls() == Counter(range(10))
    [waits] = [span for span in spans() if span.name == "waits"]
    assert (waits.status, waits.end_ns) == (SpanStatus.INTERRUPTED, None)


def test_ops_in_exit_handlers_threads_and_finalisers_at_the_end(tmp_path: Path) -> None:
    code = """
        weft.init("faults", settings={"quiet": True})
        atexit.register(work, 1)  # runs before Weft's own handler, which was registered at init
        class Late:
            def __del__(self):
                work(2)
        late = Late()
        late.me = late
        thread = threading.Thread(target=lambda: [work(n) for n in range(10, 200)])
        thread.start()
        del late
        print("ended")
    """
    assert run(code, tmp_path) == "ended\n"
    found = calls()
    assert found[1] == 1
    assert all(found[n] == 1 for n in range(10, 200))
    assert set(found.values()) == {1}


def test_threads_and_tasks_that_are_cancelled(tmp_path: Path) -> None:
    code = """
        weft.init("faults", settings={"quiet": True})
        @weft.op
        async def slow(n):
            await asyncio.sleep(1000)
        async def main():
            tasks = [asyncio.create_task(slow(n)) for n in range(10)]
            await asyncio.sleep(0)
            for task in tasks[:5]:
                task.cancel()
            await asyncio.gather(*tasks[:5], return_exceptions=True)
        asyncio.run(main())  # cancels the other five
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(work, range(500))) == sum(2 * n for n in range(500))
    """
    run(code, tmp_path)
    assert calls() == Counter(range(500))
    slow = [span for span in spans() if span.name == "slow"]
    assert len(slow) == 10
    assert all(span.end_ns is not None and span.status is SpanStatus.ERROR for span in slow)
    assert all("CancelledError" in str(span.status_message) + str(span.events) for span in slow)
