"""The script of wandb's users that watches a network of PyTorch runs with the import changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import weft

SCRIPT = Path(__file__).parents[1] / "wandb_scripts" / "torch_watch.py"


def test_a_watched_network(tmp_path: Path) -> None:
    text = SCRIPT.read_text().replace("import wandb\n", "import weft as wandb\n")
    (tmp_path / "train.py").write_text(text)
    environ = {**os.environ, "WEFT_SYSTEM_INTERVAL_S": "0"}
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with weft.Api() as api:
        [run] = api.runs("watched")
        assert run.series("loss").steps.tolist() == list(range(10))
        kinds = {one.name: one.kind for one in run.media()}
        assert kinds["gradients/0.weight"] == kinds["parameters/0.weight"] == "histogram"
        [model] = run.logged_artifacts()
        assert (model.name, model.type) == ("watched-model", "model")
