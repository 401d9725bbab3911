"""What it costs to start a program: the commands, and ``import``, beside those of wandb and MLflow, CPU of a process.

The rivals are those of the virtual environment ``.venv-frameworks`` where it is there; rounds alternate, the least of
each counts, since what else a machine does only adds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 5
ROOT = Path(__file__).resolve().parents[1]
RIVALS = ROOT / ".venv-frameworks" / "bin"
WEFT = [sys.executable, "-m", "weft.cli"]
COMMANDS = {
    "weft --version": [*WEFT, "--version"],
    "wandb --version": [str(RIVALS / "wandb"), "--version"],
    "mlflow --version": [str(RIVALS / "mlflow"), "--version"],
    "weft --help": [*WEFT, "--help"],
    "wandb --help": [str(RIVALS / "wandb"), "--help"],
    "weft runs": [*WEFT, "runs"],
    "import weft": [sys.executable, "-c", "import weft"],
    "import wandb": [str(RIVALS / "python"), "-c", "import wandb"],
}


def _cpu_s(command: list[str], home: str) -> float:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "WANDB_"))}
    env |= {"PYTHONPATH": str(ROOT) if command[0] == sys.executable else "", "WEFT_DIR": home, "HOME": home}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, cwd=home, stdout=quiet, stderr=quiet) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def main() -> dict[str, float]:
    """Print and return CPU seconds of each, and what the rivals' take of Weft's."""
    there = {name: command for name, command in COMMANDS.items() if Path(command[0]).exists()}
    with tempfile.TemporaryDirectory() as home:
        for command in there.values():  # once for the compiled files, and for the database of `weft runs`
            _cpu_s(command, home)
        taken = {name: [_cpu_s(command, home)] for name, command in there.items()}
        for _ in range(ROUNDS - 1):
            for name, command in there.items():
                taken[name].append(_cpu_s(command, home))
    figures = {name: min(rounds) for name, rounds in taken.items()}
    for name, seconds in figures.items():
        own = figures.get(name.replace("wandb", "weft").replace("mlflow", "weft"), seconds)
        ratio = "" if own == seconds else f", {seconds / own:.1f} times Weft's"
        print(f"{name}: {seconds:.3f} s of CPU{ratio}")
    print("(targets: weft --version 0.2, weft --help 0.35)")
    return figures


if __name__ == "__main__":
    main()
