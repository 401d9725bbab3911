"""What else one does with artifacts: parts of them, their files, other projects', the registry."""

import os
from datetime import timedelta
from pathlib import Path

import wandb

Path("data/deep").mkdir(parents=True)
Path("data/a.txt").write_text("a")
Path("data/deep/b.txt").write_text("b")
with wandb.init(project="sources", entity="my-team", job_type="upload") as run:
    first = run.id
    data = wandb.Artifact("rows", type="dataset", use_as="input")
    data.add_dir(local_path="data", name="all", skip_cache=True)
    data.add_file(local_path="data/a.txt", name="one.txt", policy="immutable")
    data.add_file("data/deep/b.txt", name="one.txt", overwrite=True)
    data["points"] = wandb.Table(columns=["x"], data=[[1], [2]])
    data.ttl = timedelta(days=30)
    assert data.is_draft()
    run.log_artifact(artifact_or_path=data, aliases=["best"], tags=["small"])
    data.wait()
    assert not data.is_draft()
    assert sorted(data.aliases) == ["best", "latest"]
    assert data["points"].data == [[1], [2]]

with wandb.init(project="users", job_type="train") as run:
    rows = run.use_artifact(artifact_or_name="my-team/sources/rows:best", type="dataset")
    folder = rows.download(root="rows", path_prefix="all/")
    assert os.listdir(folder) == ["all"]
    assert Path(folder + "/all/a.txt").read_text() == "a"
    assert Path(rows.get_path("one.txt").download(root="single")).read_text() == "b"
    assert "all/deep/b.txt" in rows.manifest.entries
    assert [file.name for file in rows.files(names=["one.txt"])] == ["one.txt"]
    assert rows.logged_by().id == first
    assert [user.id for user in rows.used_by()] == [run.id]
    rows.ttl = wandb.ArtifactTTL.INHERIT
    rows.aliases.append("checked")
    rows.save()
    Path("model.txt").write_text("0.5")
    model = wandb.Artifact("classifier", type="model")
    model.add_file("model.txt")
    model.add_reference(rows.get_path("one.txt"), name="rows.txt")
    used = run.use_artifact(model)
    assert used.file_count == 2
    assert used.source_version == "v1"
    linked = run.link_artifact(artifact=used, target_path="wandb-registry-model/classifier", aliases=["staging", "a"])
    assert (linked.stage, linked.aliases) == ("staging", ["a"])
    assert run.use_artifact("wandb-registry-model/classifier:staging").name == "classifier"
    draft = used.new_draft()
    draft.remove("rows.txt")
    draft.save()
    draft.wait()
    assert Path(run.use_artifact("classifier:latest").file()).read_text() == "0.5"
    assert str(run.use_model(name="classifier:latest")).endswith("model.txt")
    try:
        run.use_artifact("nothing:latest")
    except wandb.errors.CommError:
        wandb.termwarn("there is none")
