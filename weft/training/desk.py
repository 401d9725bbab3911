"""What an agent and the program of its trial tell each other, on one machine, in a folder that both know.

The program rings when it has logged the metric, so that the agent need not look again and again; the agent leaves a
note that the trial is over, which the program reads at its next log. Both may miss each other without harm: the agent
looks now and then by itself, and ends a program that goes on.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from weft.drainer.bell import Bell, ring
from weft.journal import replace_file

DESK = "_WEFT_TRIAL_DESK"
"""The variable that names the folder."""
_OFTEN_S = 0.05


class Desk:
    """The agent's side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bell: Bell | None = None
        with contextlib.suppress(OSError):  # a file system without pipes
            self._bell = Bell(folder / "bell")

    def rang(self) -> bool:
        """Whether the program has rung since the last call."""
        return self._bell is not None and self._bell.wait(0.0)

    def stop(self, reason: str) -> None:
        """Leave a note that the trial is over. Raises OSError."""
        replace_file(self._folder / "stopped", reason.encode())

    def close(self) -> None:
        """Hear nothing more."""
        if self._bell is not None:
            self._bell.close()


class Program:
    """The program's side; without a folder nobody is there."""

    def __init__(self, folder: str | None) -> None:
        self._bell = None if folder is None else os.path.join(folder, "bell")
        self._note = None if folder is None else os.path.join(folder, "stopped")
        self._rang = 0.0

    def ring(self) -> str | None:
        """Have the agent look, twenty times a second at most; returns why the trial is over, where it is."""
        now = time.monotonic()
        if self._bell is None or now - self._rang < _OFTEN_S:
            return None
        self._rang = now
        ring(self._bell)
        return self.stopped()

    def stopped(self) -> str | None:
        """Why the trial is over; None where it goes on."""
        if self._note is None or not os.path.exists(self._note):
            return None
        with contextlib.suppress(OSError):  # the agent has cleared the desk: it is over, too
            return Path(self._note).read_text("utf-8", "replace")
        return "it is over"
