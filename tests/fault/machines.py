"""Machines that share a store: each has a home of its own, and all its processes vanish or stand still at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import psutil

from weft.drainer import live_writers, read_status
from weft.journal import Folder

VICTIM = Path(__file__).parent / "sweep_victim.py"
QUIET = {"QUIET": "1", "CONSOLE": "off", "GIT": "0", "SYSTEM_INTERVAL_S": "0", "INSTRUMENT": "0"}


begun: list[Machine] = []
"""Those that a test began; what it leaves of them is ended behind it."""


class Machine:
    """One machine: ``agent`` begins agents on it. ``where`` says how it reaches the store."""

    def __init__(self, home: Path, where: Mapping[str, str]) -> None:
        self.home = home
        own = {"WEFT_DIR": str(home), **{f"WEFT_{key}": value for key, value in QUIET.items()}}
        self._environment = {**os.environ, **where, **own}
        self.agents: list[subprocess.Popen[str]] = []
        begun.append(self)

    def agent(self, sweep_id: str, log: Path, *, dies: int = 0, holds: int = 0, lease_s: float = 4.0) -> None:
        """Begin an agent."""
        words = [sys.executable, str(VICTIM), sweep_id, str(log), str(dies), str(holds), str(lease_s)]
        self.agents.append(
            subprocess.Popen(words, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )

    def pids(self) -> list[int]:
        """Its agents."""
        return [agent.pid for agent in self.agents]

    def holding(self, log: Path) -> bool:
        """Whether all of its agents stay in a trial."""
        return all(Path(f"{log}.holds.{pid}").exists() for pid in self.pids())

    def signal(self, number: int) -> int:
        """Send a signal to all that runs on it, its drainer too; returns to how many processes."""
        told = 0
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and self._has(process):
                    process.send_signal(number)
                    told += 1
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return told

    def _has(self, process: psutil.Process) -> bool:
        home = str(self.home)  # a drainer is told its folder by its command line
        return process.environ().get("WEFT_DIR") == home or ("--dir", home) in pairwise(process.cmdline())

    def vanish(self) -> None:
        """The machine is gone, with all that was only on it."""
        while self.signal(signal.SIGKILL):
            for agent in self.agents:
                agent.wait()
                assert agent.stdout is not None
                agent.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def waiting(self) -> str:
        """What of its journal is not where it goes, and why."""
        names = [file.path.name for file in Folder.of(self.home).segments()]
        return f"{self.home.name}: {names}, live {live_writers(self.home)}, {read_status(self.home)}"

    def ended(self) -> list[tuple[int, str]]:
        """How each agent ended, with what it said, once they have."""
        said = [agent.communicate()[0] for agent in self.agents]
        return list(zip([agent.returncode for agent in self.agents], said, strict=True))
