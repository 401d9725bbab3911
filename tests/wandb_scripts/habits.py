"""What scripts do with names, versions, summaries and tables once they have them."""

import os

import numpy as np
import wandb

run = wandb.init(project="größe и цвет", group="gruppe 1", config={"lr": 0.1, "by_class": {0: "cat", 1: "dog"}})
run.define_metric("acc", summary="max")
for epoch in range(3):
    wandb.log({"epoch": epoch, "acc": [0.5, 0.9, 0.7][epoch], "per_class": {0: 0.1, 1: 0.2}})
assert wandb.run.summary["acc"]["max"] == 0.9
assert run.config["by_class"]["1"] == "dog"

table = wandb.Table(columns=["id", "image"])
table.add_data(1, wandb.Image(np.zeros((4, 6, 3), dtype=np.uint8), caption="black"))
dataset = wandb.Artifact("predictions", type="predictions")
dataset.add(table, "table")
run.log_artifact(dataset).wait()
assert int(dataset.version[1:]) >= 0
again = run.use_artifact(f"{dataset.name}:{dataset.version}", type="predictions")
assert again.collection.name == "predictions"
cell = again.get("table").data[0][1]
assert (cell.image.size, cell.caption) == ((6, 4), "black")

with open(os.path.join(wandb.run.dir, "model.h5"), "w") as file:
    file.write("weights")
wandb.save(os.path.join(wandb.run.dir, "model.h5"))
run.log(
    {
        "pr": wandb.plot_table(
            "wandb/area-under-curve/v0",
            wandb.Table(["x", "y", "class"], [[0, 1, "a"]]),
            {
                "x": "x",
                "y": "y",
                "class": "class",
            },
        )
    }
)
wandb.finish()

api = wandb.Api()
[best] = api.runs("größe и цвет", filters={"summary_metrics.acc": {"$gt": 0.8}}, order="-summary_metrics.acc")
assert best.summary["acc"]["max"] == 0.9
assert [file.name for file in best.files() if "model" in file.name] == ["model.h5"]
best.config["threshold"], best.summary["n"] = np.float32(0.5), np.int64(3)
best.update()
assert (api.run(f"größe и цвет/{best.id}").config["threshold"], best.summary["n"]) == (0.5, 3)
assert isinstance(best, wandb.apis.public.Run)
assert isinstance(run, wandb.sdk.wandb_run.Run)
