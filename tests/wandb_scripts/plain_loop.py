"""The first script that everybody writes: settings, a loop, a summary."""

import random

import wandb

run = wandb.init(
    project="first-project",
    entity="my-team",
    name="plain",
    notes="the smallest loop",
    tags=["baseline", "demo"],
    config={"learning_rate": 0.02, "architecture": "CNN", "dataset": "CIFAR-100", "epochs": 10},
)
random.seed(0)
offset = random.random() / 5
for epoch in range(2, run.config.epochs):
    acc = 1 - 2**-epoch - random.random() / epoch - offset
    loss = 2**-epoch + random.random() / epoch + offset
    run.log({"acc": acc, "loss": loss})
run.summary["best_accuracy"] = 0.9
run.finish()
