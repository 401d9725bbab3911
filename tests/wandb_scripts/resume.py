"""A run that stops and goes on, by its id."""

import wandb

run_id = wandb.util.generate_id()
with wandb.init(project="resumed", id=run_id, resume="allow", config={"lr": 0.1}) as run:
    assert not run.resumed
    for step in range(5):
        run.log({"loss": 10 - step})

with wandb.init(project="resumed", id=run_id, resume="must") as run:
    assert run.id == run_id
    first = run.step if run.resumed else 5
    for step in range(first, first + 5):
        run.log({"loss": 10 - step})
