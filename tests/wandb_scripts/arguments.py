"""Settings from the command line, and as a block."""

import argparse

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--lr", type=float, default=0.001)
args = parser.parse_args(["--lr", "0.01"])

with wandb.init(project="arguments", config=args, job_type="train", group="experiment-1") as run:
    assert run.config.lr == 0.01
    assert run.config["batch_size"] == 8
    run.config.update({"epochs": 4}, allow_val_change=True)
    run.config.setdefaults({"epochs": 100, "seed": 7})
    assert run.config.get("epochs") == 4
    assert dict(run.config)["seed"] == 7
    for step in range(run.config.epochs):
        run.log({"loss": 1 / (1 + step)}, commit=False)
        run.log({"accuracy": step / 10})
