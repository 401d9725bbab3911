"""The public interface in the forms that its users write."""

import wandb
from wandb.apis.public import Run, Runs

ids = []
for lr in (0.1, 0.2):
    with wandb.init(project="shelf", entity="my-team", name=f"lr-{lr}", group="g", config={"lr": lr}) as run:
        ids.append(run.id)
        for step in range(4):
            run.log({"loss": lr / (step + 1), "x": 3 - step})
        artifact = wandb.Artifact("rows", type="dataset")
        with artifact.new_file("rows.txt", mode="w") as file:
            file.write(str(lr))
        run.log_artifact(artifact)
        run.save(__file__)

api = wandb.Api(overrides={"entity": "my-team", "project": "shelf"}, timeout=30)
runs = api.runs(path="my-team/shelf", filters={"$and": [{"group": "g"}, {"display_name": {"$regex": "^lr-0.[1]$"}}]})
assert isinstance(runs, Runs)
assert [run.id for run in runs] == ids[:1]
one = api.run(f"my-team/shelf/{ids[1]}")
assert isinstance(one, Run)
assert (one.summary["_step"], one.summary.get("_runtime") > 0, one.summary.get("nothing")) == (3, True, None)
assert '"value"' in one.json_config
assert one.history(samples=10, keys=["loss"], x_axis="x", pandas=False)[0]["x"] == 0
assert len(list(one.scan_history(keys=["loss"], page_size=2, min_step=1, max_step=3))) == 2
assert len(api.runs("my-team/shelf").histories(keys=["loss"], format="pandas")) == 8
assert [file.name for file in one.files(pattern="%.py")] == ["reading_back.py"]
assert one.file("reading_back.py").download(root="copy", exist_ok=True).exists()
assert wandb.restore("reading_back.py", run_path=f"my-team/shelf/{ids[1]}", root="copy").read()
assert [project.name for project in api.projects("my-team")] == ["shelf"]
assert api.from_path(f"my-team/shelf/{ids[0]}").id == ids[0]
assert [version.source_version for version in api.artifacts("dataset", "my-team/shelf/rows")] == ["v2", "v1"]
assert [one.name for one in api.artifact_type("dataset", "my-team/shelf").collections()] == ["rows"]
assert api.artifact_collection("dataset", "my-team/shelf/rows").aliases == ["latest"]
assert api.artifact_exists("my-team/shelf/rows:v1")
assert not api.artifact_exists("my-team/shelf/nothing:v1")
assert api.artifact("my-team/shelf/rows:latest", type="dataset").logged_by().config["lr"] == 0.2
late = wandb.Artifact("late", type="report")
with late.new_file("late.txt", mode="w") as file:
    file.write("afterwards")
one.log_artifact(late, aliases=["final"])
api.run(ids[0]).use_artifact(api.artifact("shelf/late:final"))
assert [artifact.name for artifact in api.run(ids[0]).used_artifacts()] == ["late"]
try:
    api.run("my-team/shelf/nothing")
except wandb.errors.CommError as error:
    wandb.termlog(str(error))
