"""What logging and fetching an artifact costs beside ``cp`` with ``sync``, and wandb's own log_artifact, offline.

*Many*: 10,000 files of 2 kB into a version, out of it again, and what listing the versions takes then. *Large*: one
file of 1 GB in and out, beside ``cp`` and ``fsync`` of the same file in turn; the ratio is of speeds. *Again*: the same
file once more, which is known. wandb gets the virtual environment that the benchmark ``training`` makes; it copies and
digests, as it would before an upload. Wall time in seconds; the best of the rounds.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import training

FILES, SMALL, LARGE, ROUNDS = 10_000, 2_000, 1_000_000_000, 3
SETTINGS = {"console": False, "git": False, "system_interval_s": 0, "quiet": True, "drain": "off"}
_WANDB = """
import os, sys, time
os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DISABLE_CODE="true")
import wandb
run = wandb.init(project="bench", settings=wandb.Settings(x_disable_stats=True, console="off"))
begun = time.perf_counter()
artifact = wandb.Artifact("net", type="model")
(artifact.add_dir if os.path.isdir(sys.argv[1]) else artifact.add_file)(sys.argv[1])
run.log_artifact(artifact)
run.finish()
print("took", time.perf_counter() - begun)
"""


def _timed(work: Callable[[], object]) -> float:
    os.sync()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _copied(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)
    os.sync()


def _wandb(source: Path, home: Path) -> float | None:
    try:
        python = training._rival_python()
    except (OSError, subprocess.CalledProcessError):
        return None
    environment = {**os.environ, "WANDB_DIR": str(home), "WANDB_CACHE_DIR": str(home), "WANDB_DATA_DIR": str(home)}
    done = subprocess.run(
        [str(python), "-c", _WANDB, str(source)], env=environment, capture_output=True, text=True, check=False
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("took ")]
    return float(told[0].split()[1]) if told else None


def _report(name: str, took: float, target: str, **beside: float | None) -> None:
    others = ", ".join(f"{who} {'-' if value is None else f'{value:.2f}'} s" for who, value in beside.items())
    print(f"{name:28} {took:6.2f} s   {target:34} {others}", flush=True)


def _many(home: Path) -> None:
    import weft

    folder = home / "many"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:05}.bin").write_bytes(random.Random(number).randbytes(SMALL))
    run = weft.init("bench", dir=home / "weft", settings=SETTINGS)
    run.log_artifact(weft.Artifact("first", "model").add_bytes("x", "x"))
    took = _timed(lambda: run.log_artifact(folder, name="many", type="model"))
    cp = _timed(lambda: _copied(folder, home / "copy"))
    _report(f"{FILES:,} files in", took, "at most 10 s", cp=cp, wandb=_wandb(folder, home / "wandb"))
    used = run.use_artifact("many")
    took = _timed(lambda: used.download(home / "out"))
    _report(f"{FILES:,} files out", took, "", cp=_timed(lambda: _copied(home / "copy", home / "again")))
    for number in range(20):
        run.log_artifact(used.new_draft().add_bytes(str(number), "extra"))
    took = _timed(lambda: run.recorder.store.artifacts.list_versions("bench", "many"))
    _report("list of 21 such versions", took, "reads no manifest")
    run.finish()


def _large(home: Path) -> None:
    import weft

    file = home / "large.bin"
    with file.open("wb") as opened:
        for number in range(100):
            opened.write(random.Random(number).randbytes(LARGE // 100))
    cp: list[float] = []
    came: list[float] = []
    went: list[float] = []
    again = 0.0
    for number in range(ROUNDS):
        cp.append(_timed(lambda: _copied(file, home / "copy.bin")))
        (home / "copy.bin").unlink()
        run = weft.init("bench", dir=home / f"weft{number}", settings=SETTINGS)
        run.log_artifact(weft.Artifact("first", "model").add_bytes("x", "x"))
        went.append(_timed(lambda run=run: (run.log_artifact(file, name="large", type="model"), os.sync())))
        again = _timed(lambda run=run: run.log_artifact(file, name="again", type="model"))
        used = run.use_artifact("large")
        came.append(_timed(lambda used=used: (used.download(home / "out"), os.sync())))
        run.finish()
        weft.finish()
        shutil.rmtree(home / "out")
        shutil.rmtree(home / f"weft{number}" / "blobs")
    ratio = min(cp) / min(went)
    _report(
        "1 GB in", min(went), f"{ratio:.2f} of cp's speed; at least 0.5", cp=min(cp), wandb=_wandb(file, home / "wandb")
    )
    _report("1 GB again", again, "known: nothing is copied")
    _report("1 GB out", min(came), f"{min(cp) / min(came):.2f} of cp's speed", cp=min(cp))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="weft-bench-", dir=os.environ.get("WEFT_BENCH_DIR")) as folder:
        _many(Path(folder))
        _large(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
