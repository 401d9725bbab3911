"""A disk that fills up: losses are counted and named, recording resumes, the program never notices."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

import weft
from weft import session
from weft.journal import journal as journal_module
from weft.testing.waiting import wait_for

BYTES = 16 * 1024 * 1024


class Disk(Protocol):
    """A folder whose disk can be filled and freed."""

    root: Path

    def fill(self) -> None: ...
    def free(self) -> None: ...


class SmallDisk:
    """A real file system of a few MB."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self) -> None:
        with (self.root / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        (self.root / "ballast").unlink()


class RefusedDisk:
    """Where mounting is not allowed: the journal is told of a full disk where it would take more of it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._make = journal_module.create_segment
        self._patch = monkeypatch

    def fill(self) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self._patch.setattr(journal_module, "create_segment", refuse)

    def free(self) -> None:
        self._patch.setattr(journal_module, "create_segment", self._make)


@pytest.fixture(params=["mounted", "refused"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    mounted = request.param == "mounted" and mount(root)
    try:
        yield SmallDisk(root) if mounted else RefusedDisk(root, monkeypatch)
    finally:
        session.close()
        if mounted:
            subprocess.run(["umount", "-l", str(root)], check=True)


def mount(root: Path) -> bool:
    """Only root may, and not in every container; the other disk stands in then."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(root)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_losses_are_counted_and_recording_resumes(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("CONSOLE", "GIT", "SYSTEM_INTERVAL_S", "INSTRUMENT"):
        monkeypatch.setenv(f"WEFT_{name}", "0")
    monkeypatch.setenv("WEFT_QUIET", "1")
    monkeypatch.setenv("WEFT_DRAIN", "off")
    monkeypatch.setenv("WEFT_DIR", str(disk.root / "home"))
    run = weft.init("p", id="run")
    assert weft.flush().lost == {}  # opens the store as long as there is room
    disk.fill()
    step = 0
    with caplog.at_level(logging.ERROR, logger="weft"):
        while not weft.flush().lost:
            for _ in range(1000):
                run.log({"x": float(step)}, step=step)  # never raises
                step += 1
            assert step < 100_000
    assert caplog.text.count("Weft cannot keep records: disk full") == 1
    lost = weft.flush().lost["disk full"]
    assert 0 < lost < step
    disk.free()

    def kept() -> bool:
        nonlocal step
        before = weft.flush().lost["disk full"]
        run.log({"x": float(step)}, step=step)
        step += 1
        return weft.flush().lost["disk full"] == before

    wait_for(kept)
    last = step
    run.log({"x": float(last)}, step=last)
    lost = weft.flush().lost["disk full"]
    run.finish()
    session.close()
    with weft.Api() as api:
        series = api.run("run").series("x")
        assert api.run("run").status == "finished"
        assert api.store.integrity() == []
    assert series.steps.size + lost == last + 1
    assert (series.values == series.steps).all()
    assert series.steps[-1] == last
    command = [sys.executable, "-m", "weft.cli", "doctor"]
    doctor = subprocess.run(command, env={**os.environ, "COLUMNS": "160"}, capture_output=True, text=True, check=False)
    assert doctor.returncode != 0
    assert f"{lost} records were lost: disk full" in doctor.stdout
