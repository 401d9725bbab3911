"""An evaluation that kills itself with -9 behind a number of calls; it prints how often its target was called."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import weft
from weft.scorers import Exact, ScoreValue

EXAMPLES, REPETITIONS = 60, 2


class Board:
    """Counts calls, outside of what the target's digest covers."""

    calls = 0


def note() -> None:
    Board.calls += 1
    if Board.calls == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)


class Target(weft.Model):
    async def predict(self, n: int) -> str:
        await asyncio.sleep(0)
        note()
        return str(n)


@weft.scorer
async def slow(output: str) -> ScoreValue:
    await asyncio.sleep(0)
    return ScoreValue(float(int(output) % 2), explanation="by hand")


def main() -> None:
    weft.init("victim")
    rows = [{"id": f"q{n}", "n": n, "expected": str(n)} for n in range(EXAMPLES)]
    evaluation = weft.Evaluation(
        "victim", weft.Dataset("victim", rows), [Exact(), slow], repetitions=REPETITIONS, concurrency=4
    )
    result = evaluation.evaluate_sync(Target())
    weft.finish()
    print(result.run_id, Board.calls, len(result.samples), result.summary["exact"].value, result.summary["slow"].value)


if __name__ == "__main__":
    main()
