"""Data to model, with what was used and made."""

import os
from pathlib import Path

import wandb

os.makedirs("data/raw", exist_ok=True)
for name in ("a.csv", "b.csv"):
    Path("data/raw", name).write_text(f"x,y\n1,{name}\n")

with wandb.init(project="artifacts", job_type="upload") as run:
    data = wandb.Artifact(name="rows", type="dataset", description="two files", metadata={"rows": 2})
    data.add_dir("data/raw")
    with data.new_file("index.txt", mode="w") as file:
        file.write("a.csv\nb.csv\n")
    logged = run.log_artifact(data)
    logged.wait()

with wandb.init(project="artifacts", job_type="train") as run:
    if not run.offline:
        rows = run.use_artifact("rows:latest", type="dataset")
        folder = rows.download()
        assert sorted(os.listdir(folder)) == ["a.csv", "b.csv", "index.txt"]
        assert rows.metadata["rows"] == 2
    Path("model.bin").write_bytes(b"\x00" * 1000)
    model = wandb.Artifact("classifier", type="model", metadata={"accuracy": 0.9})
    model.add_file("model.bin", name="weights/model.bin")
    run.log_artifact(model, aliases=["best", "candidate"])
