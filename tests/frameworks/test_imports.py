"""Runs that the real wandb and MLflow wrote, imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import exchange
from weft import settings as settings_module
from weft.errors import InputError
from weft.formats.wandb_log import TABLE

WANDB = """
import wandb, numpy as np, pathlib
pathlib.Path("f.txt").write_text("hi")
run = wandb.init(project="proj", name="first", config={"lr": 0.1, "model": {"depth": 2}}, tags=["a", "b"], notes="why",
                 group="g", job_type="train", mode="offline")
run.define_metric("loss", summary="min")
for i in range(5):
    run.log({"loss": 1 / (i + 1), "acc": {"top1": i}, "text": "hello", "nan": float("nan")})
table = wandb.Table(columns=["n", "img"], data=[[1, wandb.Image(np.zeros((4, 4, 3), dtype=np.uint8))]])
run.log({"h": wandb.Histogram(np.arange(10.0)), "img": wandb.Image(np.zeros((4, 4, 3), dtype=np.uint8), caption="c"),
         "two": [wandb.Image(np.zeros((4, 4, 3), dtype=np.uint8)) for _ in range(2)], "tab": table,
         "page": wandb.Html("<b>x</b>")}, step=10)
print("hello console")
artifact = wandb.Artifact("data", type="dataset", metadata={"k": 1}, description="rows")
artifact.add_file("f.txt")
run.log_artifact(artifact, aliases=["best"])
run.save("f.txt")
run.alert("Careful", "it is hot", level="WARN")
run.summary["best"] = 3
run.finish(exit_code=0)
"""
MLFLOW = """
import mlflow, sys, pathlib
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("my exp")
with mlflow.start_run(run_name="first", description="why", tags={"team": "a"}) as run:
    mlflow.log_params({"lr": 0.1, "opt": "sgd", "deep": True})
    for i in range(3):
        mlflow.log_metric("loss", 1 / (i + 1), step=i)
        mlflow.log_metric("unnumbered", i)
    mlflow.log_metrics({"val/acc": 0.5, "inf": float("inf")}, step=2)
    pathlib.Path("f.txt").write_text("hi")
    mlflow.log_artifact("f.txt", "sub")
    with mlflow.start_run(run_name="child", nested=True):
        pass
    client = mlflow.MlflowClient()
    client.create_registered_model("reg", description="tells digits")
    for _ in range(3):
        client.create_model_version("reg", mlflow.get_artifact_uri("sub"), run.info.run_id)
    client.set_registered_model_alias("reg", "champion", 2)
    client.transition_model_version_stage("reg", 1, "Archived")
    client.transition_model_version_stage("reg", 2, "Production")
try:
    with mlflow.start_run(run_name="bad"):
        raise ValueError("x")
except ValueError:
    pass
"""


def program(code: str, *arguments: str, **environ: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def import_twice(source: str, path: Path) -> exchange.RunsReport:
    settings = settings_module.load()
    first, second = (exchange.load_runs(settings, source, [path]) for _ in range(2))
    assert first == second
    return first


def stored(api: Any, project: str) -> dict[str, Any]:
    return {run.name: api.store.runs.get_run(run.id) for run in api.runs(project=project)}


def test_wandb_runs_are_kept_whole_and_twice_adds_nothing(tmp_path: Path) -> None:
    program(WANDB, WANDB_SILENT="true", HOME=str(tmp_path))
    report = import_twice("wandb", tmp_path / "wandb")
    assert (report.runs, report.rejected) == (1, 0)
    assert report.artifacts == 2
    with weft.Api() as api:
        (run,) = stored(api, "proj").values()
        assert (run.name, run.status, run.group, run.job_type, run.notes) == ("first", "finished", "g", "train", "why")
        assert sorted(run.tags) == ["a", "b"]
        assert run.config == {"lr": 0.1, "model": {"depth": 2}}
        assert run.summary["best"] == 3
        assert run.summary["acc.top1"] == 4
        assert run.definitions["loss"]["summary"] == "min"
        (series,) = api.store.series.read_series(run.run_id, "loss")
        assert series.steps.tolist() == [0, 1, 2, 3, 4]
        assert series.values.tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
        assert len(api.store.series.read_series(run.run_id, "nan")[0].values) == 5
        logged = {one.name: one.kind for one in api.store.logged.list_logged(run.run_id)}
        kinds = {"h": "histogram", "img": "image", "two": "image", "tab": "table", "page": "html"}
        assert kinds.items() <= logged.items()
        assert {"files/f.txt", "files/requirements.txt"} <= set(logged)
        (image,) = api.store.logged.read_logged(run.run_id, "img")
        assert (image.step, image.data["caption"]) == (10, "c")
        assert api.store.runs.console(run.run_id) == ["hello console"]
        (alert,) = api.store.alerts.list_alerts(run_id=run.run_id).items
        assert (alert.title, alert.text, alert.level, alert.posted_ns is not None) == (
            *("Careful", "it is hot", "WARN"),
            True,
        )
        (version,) = api.store.artifacts.list_versions("proj", "data")
        assert (version.metadata, version.description, set(version.aliases)) == ({"k": 1}, "rows", {"best", "latest"})


def test_a_log_that_ends_early_is_a_run_that_failed(tmp_path: Path) -> None:
    program(WANDB, WANDB_SILENT="true", HOME=str(tmp_path))
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    import_twice("wandb", file)
    with weft.Api() as api:
        (run,) = stored(api, "proj").values()
        assert (run.status, run.failure["type"]) == ("failed", "Unfinished")
    file.write_bytes(data[:200] + b"\xff" + data[201:])
    with pytest.raises(InputError, match="is damaged at byte"):
        exchange.load_runs(settings_module.load(), "wandb", [file])


def test_fields_have_the_numbers_that_wandb_gives_them() -> None:
    from wandb.proto import wandb_internal_pb2

    for line in TABLE.strip().splitlines():
        name, _, fields = line.strip().partition(": ")
        theirs = getattr(wandb_internal_pb2, name, None)
        if name == "Timestamp":
            continue
        if name == "MetricSummary":
            theirs = wandb_internal_pb2.MetricSummary
        numbers = {field.name: field.number for field in theirs.DESCRIPTOR.fields}
        for field in fields.split(", "):
            key, _, number = field.rpartition(" ")[2].partition("=")
            assert numbers[key] == int(number), f"{name}.{key}"


@pytest.mark.parametrize("form", ["database", "folder"])
def test_mlflow_runs_are_kept_whole_and_twice_adds_nothing(form: str, tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/mlflow.db" if form == "database" else f"file://{tmp_path}/mlruns"
    program(MLFLOW, place, MLFLOW_ALLOW_FILE_STORE="true", GIT_PYTHON_REFRESH="quiet")
    report = import_twice("mlflow", tmp_path / "mlflow.db" if form == "database" else tmp_path)
    assert (report.runs, report.points, report.artifacts, report.rejected) == (3, 8, 4, 0)
    with weft.Api() as api:
        runs = stored(api, "my exp")
        first, child, bad = runs["first"], runs["child"], runs["bad"]
        assert (first.status, bad.status, child.parent_run_id) == ("finished", "failed", first.run_id)
        assert first.config == {"lr": 0.1, "opt": "sgd", "deep": True}
        assert (first.tags, first.notes) == (["team=a"], "why")
        values = {name: api.store.series.read_series(first.run_id, name)[0] for name in ("loss", "unnumbered", "inf")}
        assert values["loss"].values.tolist() == pytest.approx([1, 1 / 2, 1 / 3])
        assert values["unnumbered"].steps.tolist() == [0, 1, 2]
        assert values["inf"].values.tolist() == [float("inf")]
        versions = {version.version: version for version in api.store.artifacts.list_versions("my exp", "reg")}
        assert sorted(versions) == [1, 2, 3]
        assert "champion" in versions[2].aliases
        registered = api.store.registry.list_versions("reg")
        assert [(one.stage, one.aliases, one.note) for one in registered] == [
            ("archived", [], "v1 in MLflow"),
            ("production", ["champion"], "v2 in MLflow"),
            (None, [], "v3 in MLflow"),
        ]
        assert api.store.registry.get_registered("reg").description == "tells digits"
        assert [file.path for file in api.store.artifacts.get_version("x", "registry/reg:champion").files] == ["f.txt"]
        files = api.store.artifacts.get_version("my exp", f"run-{first.run_id}").files
        assert [file.path for file in files] == ["sub/f.txt"]


def test_files_outside_the_store_are_not_taken(tmp_path: Path) -> None:
    from weft.exchange.mlflow_stores import files_of

    (tmp_path / "store" / "a").mkdir(parents=True)
    (tmp_path / "store" / "a" / "f").write_text("x")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("x")
    (tmp_path / "store" / "a" / "link").symlink_to(tmp_path / "secret" / "key")
    root = tmp_path / "store"
    assert list(files_of(f"file://{root}/a", root)) == ["f"]
    assert list(files_of("/elsewhere/a", root)) == ["f"]
    assert files_of(f"file://{tmp_path}/secret", root) == {}
    assert files_of("../secret", root) == {}
    assert files_of("s3://bucket/a", root) == {}
