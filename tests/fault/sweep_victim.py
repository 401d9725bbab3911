"""An agent of a sweep: SWEEP LOG DIES HOLDS LEASE_S. With DIES > 0 it is killed in the middle of that trial of its own;
with HOLDS > 0 it stays in the middle of that one until it is told to stop, or until the file LOG.go is there."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import weft
from weft.training.run import Run
from weft.training.trials import TrialStopped

sweep_id, log = sys.argv[1], sys.argv[2]
dies, holds, lease_s = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
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
        if begun == holds and step == 2:
            hold(run)
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{run.notes}|{run.id}\n")
    run.finish()


def hold(run: Run) -> None:
    """Stay in the trial."""
    until = time.monotonic() + 120
    try:
        while time.monotonic() < until and not Path(f"{log}.go").exists():
            run.log({"waited": 1.0})
            Path(f"{log}.holds.{os.getpid()}").touch()
            time.sleep(0.05)
    except TrialStopped:
        Path(f"{log}.heard.{os.getpid()}").touch()
        raise


if __name__ == "__main__":
    weft.agent(sweep_id, train, lease_s=lease_s)
