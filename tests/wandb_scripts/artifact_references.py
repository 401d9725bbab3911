"""Data that stays where it is."""

from pathlib import Path

import wandb

Path("big").mkdir(exist_ok=True)
Path("big/part-1.bin").write_bytes(b"1" * 100)
Path("big/part-2.bin").write_bytes(b"2" * 100)
with wandb.init(project="references") as run:
    artifact = wandb.Artifact("big", type="dataset")
    artifact.add_reference(Path("big").absolute().as_uri())
    run.log_artifact(artifact)
