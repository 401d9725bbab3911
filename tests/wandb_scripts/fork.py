"""From the middle of one run into another."""

import wandb

with wandb.init(project="forks") as run:
    first = run.id
    for step in range(10):
        run.log({"loss": 10 - step})

with wandb.init(project="forks", fork_from=f"{first}?_step=4") as run:
    for step in range(5, 8):
        run.log({"loss": 100 - step}, step=step)
