"""Recorded without a network; stored later by a command."""

import wandb

with wandb.init(project="offline", mode="offline", config={"kind": "offline"}) as run:
    for step in range(20):
        run.log({"loss": 1 / (step + 1)})
    run.summary["note"] = "kept on disk"
