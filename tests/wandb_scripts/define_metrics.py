"""Own x axes and summaries."""

import random

import wandb

random.seed(1)
run = wandb.init(project="metrics")
run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch")
run.define_metric("val/loss", summary="min", step_metric="epoch")
run.define_metric("val/accuracy", summary="max", step_metric="epoch")
run.define_metric("train/loss", summary="mean")
for epoch in range(4):
    for _ in range(5):
        run.log({"train/loss": random.random()})
    run.log({"epoch": epoch, "val/loss": abs(2 - epoch) / 10, "val/accuracy": 1 - abs(2 - epoch) / 10})
run.finish()
