"""What the evaluation engine costs beside pydantic-evals, in one run: rounds of both alternate, a fresh process each.

*Free* asks a coroutine that answers at once (exact match, 10 in flight): CPU a sample of the event loop's thread, of
the whole process, and, of Weft, of the drainer's process until all is in the database; pydantic-evals stores nothing.
Then 2,000 samples of 10 and of 100 ms, 100 in flight (ideal 0.20 and 2.00 s of wall time), and 100,000 samples that are
streamed from a file: the most memory that the process ever had. The dataset is published before the clock starts;
what Weft's ``evaluate`` does besides (the run's record, aggregates, intervals) counts.

pydantic-evals needs a client that Weft's own test environment must not have: it gets a virtual environment of its own
under the folder for temporary files, made by the first run.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS, FREE, TIMED, MANY = 3, 10_000, 2_000, 100_000
PEER = "pydantic-evals==2.62.0"
SETTINGS = {"console": False, "git": False, "system_interval_s": 0, "quiet": True, "instrument": False}
WAITS = {"free": 0.0, "10ms": 0.01, "100ms": 0.1}


def _rows(n: int) -> list[dict[str, str]]:
    return [{"id": f"q{i}", "question": f"question {i}", "expected": f"question {i}"} for i in range(n)]


class _Clocks:
    """CPU of this thread and of the process, and the wall."""

    def __init__(self) -> None:
        self._started = time.thread_time(), time.process_time(), time.perf_counter()

    def read(self, n: int) -> dict[str, float]:
        thread, process, wall = self._started
        return {
            "thread_us": (time.thread_time() - thread) / n * 1e6,
            "process_us": (time.process_time() - process) / n * 1e6,
            "wall_s": time.perf_counter() - wall,
        }


def _peer_case(what: str, n: int, at_once: int) -> dict[str, float]:
    """In the environment of pydantic-evals."""
    from pydantic_evals import Case, Dataset
    from pydantic_evals.evaluators import EqualsExpected

    cases = [Case(name=r["id"], inputs=r["question"], expected_output=r["expected"]) for r in _rows(n)]
    dataset: Any = Dataset(name="bench", cases=cases, evaluators=[EqualsExpected()])
    wait_s = WAITS[what]

    async def target(question: str) -> str:
        if wait_s:
            await asyncio.sleep(wait_s)
        return question

    async def run() -> dict[str, float]:
        await dataset.evaluate(target, max_concurrency=at_once, progress=False)  # warm, as Weft is
        clocks = _Clocks()
        report = await dataset.evaluate(target, max_concurrency=at_once, progress=False)
        found = clocks.read(n)
        assert report.averages().assertions == 1, report.averages()
        return found

    return asyncio.run(run())


def _weft_case(what: str, n: int, at_once: int) -> dict[str, float]:
    import weft
    from weft import session
    from weft.scorers import Exact

    wait_s = WAITS[what]

    async def target(question: str) -> str:
        if wait_s:
            await asyncio.sleep(wait_s)
        return question

    with tempfile.TemporaryDirectory() as home:
        session.init("bench", dir=home, settings=SETTINGS)
        dataset = weft.Dataset("bench", _rows(n))
        evaluation = weft.Evaluation("bench", dataset, [Exact()], concurrency=at_once)
        dataset.ensure_published()

        async def run() -> dict[str, float]:
            await evaluation.evaluate(target)
            assert session.flush(300).complete
            before = _drainer_s(home)
            clocks = _Clocks()
            result = await evaluation.evaluate(target)
            found = clocks.read(n)
            assert result.summary["exact"].value == 1
            assert session.flush(300).complete
            found["drainer_us"] = (_drainer_s(home) - before) / n * 1e6
            assert len(weft.evals.load(result.run_id).samples) == n
            return found

        found = asyncio.run(run())
        session.close()
    return found


def _drainer_s(home: str) -> float:
    """CPU seconds of the process that stores what this one records."""
    import psutil

    total = 0.0
    for process in psutil.process_iter():
        try:
            if home in " ".join(process.cmdline()) and process.pid != os.getpid():
                total += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


def _memory_case(n: int) -> dict[str, float]:
    import weft
    from weft import session
    from weft.scorers import Exact

    async def target(question: str) -> str:
        return question

    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "rows.jsonl"
        text = "a question of some length " * 10
        with path.open("w") as file:
            for i in range(n):
                file.write(json.dumps({"id": f"q{i}", "question": f"{i} {text}", "expected": f"{i} {text}"}) + "\n")
        session.init("bench", dir=home, settings=SETTINGS)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        evaluation = weft.Evaluation("bench", weft.Dataset.from_jsonl(path, stream=True), [Exact()], concurrency=100)
        started = time.perf_counter()
        result = evaluation.evaluate_sync(target)
        took = time.perf_counter() - started
        assert (len(result.samples), result.summary["exact"].value) == (n, 1)
        assert result.samples[n - 1].output == f"{n - 1} {text}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert session.flush(600).complete
        session.close()
    return {"peak_mb": peak, "before_mb": before, "wall_s": took}


def _peer_python() -> str | None:
    """The interpreter of an environment with pydantic-evals; None where it cannot be made."""
    home = Path(tempfile.gettempdir()) / f"weft-bench-{PEER.replace('==', '-')}"
    python = home / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        if subprocess.run([str(python), "-c", "import pydantic_evals"], capture_output=True, check=False).returncode:
            subprocess.run([str(python), "-m", "pip", "install", "-q", PEER], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"pydantic-evals is not there to compare with: {error}")
        return None
    return str(python)


def _run(python: str, *words: object) -> dict[str, float]:
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root if python == sys.executable else ""}
    command = [python, __file__, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=environment)
    if done.returncode:
        sys.exit(f"{words}: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> dict[str, float]:
    """Print and return the figures and their ratios."""
    peer = _peer_python()
    sides = {"weft": sys.executable, **({} if peer is None else {"pydantic-evals": peer})}
    result: dict[str, float] = {}
    for what, n, at_once in (("free", FREE, 10), ("10ms", TIMED, 100), ("100ms", TIMED, 100)):
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, python in sides.items():
                rounds[name].append(_run(python, name, what, n, at_once))
        ideal = WAITS[what] * n / at_once
        for name, found in rounds.items():
            middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
            result |= {f"{name}, {what}, {key}": value for key, value in middle.items()}
            drainer = f", drainer {middle['drainer_us']:.0f}" if "drainer_us" in middle else ""
            wall = f"{middle['wall_s']:.2f} s" + (f" = {middle['wall_s'] / ideal:.2f} x ideal" if ideal else "")
            print(
                f"{what:6} {n:,} samples, {at_once:3} in flight, {name:15} CPU us a sample: event loop's thread "
                f"{middle['thread_us']:4.0f}, process {middle['process_us']:4.0f}{drainer}; wall {wall}"
                f" (best {min(one['wall_s'] for one in found):.2f})"
            )
        if peer is not None:
            for key in ("thread_us", "process_us"):
                ratio = result[f"weft, {what}, {key}"] / result[f"pydantic-evals, {what}, {key}"]
                result[f"{what}, {key} ratio"] = ratio
                print(f"{what:6} weft / pydantic-evals, {key}: {ratio:.2f}")
    memory = _run(sys.executable, "memory", MANY)
    result |= {f"{MANY:,} streamed, {key}": value for key, value in memory.items()}
    print(
        f"{MANY:,} samples streamed: at most {memory['peak_mb']:.0f} MB "
        f"({memory['before_mb']:.0f} before it began), {memory['wall_s']:.1f} s"
    )
    return result


def _case(words: list[str]) -> dict[str, float]:
    if words[0] == "memory":
        return _memory_case(int(words[1]))
    return (_weft_case if words[0] == "weft" else _peer_case)(words[1], int(words[2]), int(words[3]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_case(sys.argv[1:])))
    else:
        main()
