"""Reading back: runs of a project, their history, their files."""

import wandb

for lr in (0.1, 0.01):
    with wandb.init(project="reading", entity="my-team", config={"lr": lr}, tags=["read"]) as run:
        for step in range(10):
            run.log({"loss": lr / (step + 1), "accuracy": step / 10})

api = wandb.Api()
runs = api.runs("my-team/reading", filters={"config.lr": 0.1}, order="-created_at")
assert len(runs) == 1
found = runs[0]
assert found.state == "finished"
assert found.config["lr"] == 0.1
assert abs(found.summary["loss"] - 0.01) < 1e-12
history = found.history()
assert next(iter(history["loss"])) == 0.1
assert {"_step", "loss", "accuracy"} <= set(history.columns)
assert len(list(found.scan_history(keys=["loss"]))) == 10
assert len(found.history(keys=["accuracy"], pandas=False)) == 10
assert {run.config["lr"] for run in api.runs("my-team/reading")} == {0.1, 0.01}
one = api.run(f"my-team/reading/{found.id}")
assert one.name == found.name
one.tags.append("seen")
one.update()
assert "seen" in api.run(f"my-team/reading/{found.id}").tags
frame = [{**run.summary, **run.config, "name": run.name} for run in runs]
assert frame[0]["lr"] == 0.1
