"""An agent of a sweep: SWEEP LOG DIES. With DIES > 0 it is killed in the middle of that trial of its own."""

from __future__ import annotations

import os
import signal
import sys

import weft

sweep_id, log, dies = sys.argv[1], sys.argv[2], int(sys.argv[3])
begun = 0


def train() -> None:
    """One trial; a line of the log says that it was done."""
    global begun
    begun += 1
    run = weft.init(config={"steps": 5})
    for step in range(run.config.steps):
        run.log({"loss": abs(run.config.x - 0.3) / (step + 1)})
        if begun == dies and step == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{run.notes}\n")
    run.finish()


if __name__ == "__main__":
    weft.agent(sweep_id, train, lease_s=4.0)
