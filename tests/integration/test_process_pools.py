"""The trace and the run go into the processes of pools, however these are started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import weft

PROGRAM = """
import json, multiprocessing, os, sys
import concurrent.futures
import weft

@weft.op
def leaf(number):
    return [number, os.getpid()]

def plain(number):
    return leaf(number)[1]

def main(method, early):
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.Process(target=plain, args=(0,)).start()  # the server runs before there is a session
    run = weft.init("pools", dir=os.environ["HOME_OF_TEST"], config={"lr": 1}, settings={"quiet": True})
    with weft.thread("t1", user="u1"), weft.span("top") as top:
        with weft.ProcessPoolExecutor(2, mp_context=context) as pool:
            pids = set(pool.map(plain, range(3)))
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            pids.add(pool.submit(weft.propagate(plain), 3).result())
        with context.Pool(1) as pool:
            pids.update(pool.map(weft.propagate(plain), [4]))
        process = context.Process(target=weft.propagate(plain), args=(5,))
        process.start()
        process.join()
    assert os.getpid() not in pids, pids
    leaf(6)
    weft.finish()
    print(json.dumps([run.id, top.trace_id, top.span_id]))

if __name__ == "__main__":
    main(sys.argv[1], False)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_spans_of_a_pool_join_the_trace_and_the_run(method: str, tmp_path: Path, fresh_home: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "HOME_OF_TEST": str(tmp_path / "home")}
    environment.pop("WEFT_DIR")
    done = subprocess.run(
        [sys.executable, str(program), method], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    run_id, trace_id, span_id = json.loads(done.stdout.splitlines()[-1])
    api = weft.Api(dir=tmp_path / "home")
    spans: list[Any] = list(api.spans(project="pools"))
    leaves = {span.input["number"]: span for span in spans if span.name == "leaf"}
    assert sorted(leaves) == list(range(7))
    for number in range(6):
        leaf = leaves[number]
        assert (leaf.trace_id, leaf.parent_span_id, leaf.run_id) == (trace_id, span_id, run_id)
        assert (leaf.thread_id, leaf.user_id) == ("t1", "u1")
        assert leaf.end_ns is not None
    assert leaves[6].trace_id != trace_id
    (run,) = api.runs(project="pools")
    assert (run.id, str(run.status), run.config) == (run_id, "finished", {"lr": 1})
