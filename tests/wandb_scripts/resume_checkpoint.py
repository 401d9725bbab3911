"""Save what is needed, and take it up again."""

import json
import os

import wandb

run_id = wandb.util.generate_id()
for _attempt in range(2):
    run = wandb.init(project="checkpoints", id=run_id, resume="allow", dir=os.getcwd())
    start = 0
    if os.path.exists("checkpoint.json"):
        with open("checkpoint.json") as file:
            start = json.load(file)["epoch"] + 1
    for epoch in range(start, start + 3):
        run.log({"epoch": epoch, "loss": 1 / (epoch + 1)})
        with open("checkpoint.json", "w") as file:
            json.dump({"epoch": epoch}, file)
        run.save("checkpoint.json")
    run.finish()
