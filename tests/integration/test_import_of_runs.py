"""Importing runs: what is not there, hostile, or not as its tool has it. Real files of the tools: tests/frameworks."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sqlite3
import struct
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import weft
from weft import exchange
from weft import settings as settings_module
from weft.cli import app
from weft.errors import InputError
from weft.exchange.target import as_name, shortened
from weft.exchange.wandb_media import as_value
from weft.formats import wandb_log
from weft.records import CheckKind, NodeKind, Promotion, Requirement


def load(source: str, path: Path, project: str | None = None) -> exchange.RunsReport:
    return exchange.load_runs(settings_module.load(), source, [path], project=project)


def mlruns(folder: Path, **about: object) -> Path:
    run = folder / "mlruns" / "7" / "abc"
    for part in ("params", "metrics", "tags"):
        (run / part).mkdir(parents=True)
    (run.parent / "meta.yaml").write_text("name: my exp\nlifecycle_stage: active\n")
    (run / "meta.yaml").write_text(json.dumps({"run_id": "abc", "status": 3, "start_time": 5, "end_time": 9, **about}))
    return run


@pytest.mark.parametrize("source", exchange.TRACKERS)
def test_what_is_not_there_is_told(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder"):
        load(source, tmp_path / "nothing")
    with pytest.raises(InputError, match="There (is|are) no (runs|store|event files)"):
        load(source, tmp_path)


def test_sources_and_projects_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no source 'comet'"):
        load("comet", tmp_path)
    with pytest.raises(InputError, match="The project name '../x' cannot stand in an address"):
        load("wandb", tmp_path, "../x")


def test_a_folder_of_mlflow_without_mlflow(tmp_path: Path) -> None:
    run = mlruns(tmp_path)
    (run / "params" / "lr").write_text("0.1")
    (run / "metrics" / "loss").write_text("1 2.0 0\n2 1.0 1\n3 1.0 1\n")
    (run / "tags" / "mlflow.runName").write_text("first")
    answer = CliRunner().invoke(app, ["import", "mlflow", str(tmp_path), "--project", "kept"])
    assert answer.output == "Read 1 runs, 3 points of metrics and 0 artifact versions.\n"
    with weft.Api() as api:
        (found,) = api.runs(project="kept")
        run_record = api.store.runs.get_run(found.id)
        assert (run_record.name, run_record.group, run_record.config) == ("first", "my exp", {"lr": 0.1})
        (series,) = api.store.series.read_series(found.id, "loss")
        assert (series.steps.tolist(), series.values.tolist()) == ([0, 1], [2.0, 1.0])


def registered(folder: Path, aliases: dict[str, int], **stages: str) -> None:
    """Have MLflow's model "reg" have these versions (v1="Production") and aliases."""
    model = folder / "mlruns" / "models" / "reg"
    for name, stage in stages.items():
        number = int(name[1:])
        (model / f"version-{number}").mkdir(parents=True, exist_ok=True)
        told = {"name": "reg", "version": number, "run_id": "abc", "current_stage": stage, "creation_timestamp": number}
        told |= {"source": "mlruns/7/abc/artifacts"}
        (model / f"version-{number}" / "meta.yaml").write_text(json.dumps(told))
    (model / "meta.yaml").write_text(json.dumps({"name": "reg", "description": "digits", "aliases": aliases}))


def registry_of(api: Any) -> dict[int, tuple[str | None, list[str]]]:
    return {one.version: (one.stage, one.aliases) for one in api.store.registry.list_versions("reg")}


def test_registered_models_of_mlflow_move_with_it_until_decided_here(tmp_path: Path) -> None:
    (mlruns(tmp_path) / "artifacts").mkdir()
    (tmp_path / "mlruns" / "7" / "abc" / "artifacts" / "model.bin").write_bytes(b"weights")
    registered(tmp_path, {"champion": 1, "production": 2}, v1="Staging", v2="None", v4="None")
    load("mlflow", tmp_path)
    with weft.Api() as api:
        assert registry_of(api) == {1: ("staging", ["champion"]), 2: ("production", []), 3: (None, [])}
        events = api.store.registry.list_events("reg", limit=100).items
        registered(tmp_path, {"champion": 2}, v1="None", v2="Staging", v4="Production", v5="Production")
        load("mlflow", tmp_path)
        now = {1: (None, []), 2: ("staging", ["champion"]), 3: (None, []), 4: ("production", [])}
        assert registry_of(api) == now  # one version is in production here: the newest
        told = api.store.registry.list_events("reg", limit=100).items
        load("mlflow", tmp_path)
        assert api.store.registry.list_events("reg", limit=100).items == told
        assert told[-len(events) :] == events
        assert {event.author for event in told} == {"mlflow"}

        api.store.registry.promote(Promotion("reg", 1, "production", "ann"))
        api.store.registry.set_alias("reg", "champion", 1, author="ann")
        registered(tmp_path, {"champion": 2}, v1="Archived", v2="Production")
        load("mlflow", tmp_path)
        assert registry_of(api) == {
            1: ("production", ["champion"]),
            2: ("staging", []),
            3: (None, []),
            4: ("archived", []),
        }


def test_stages_of_mlflow_hold_many_and_requirements_hold(tmp_path: Path) -> None:
    (mlruns(tmp_path) / "artifacts").mkdir()
    (tmp_path / "mlruns" / "7" / "abc" / "artifacts" / "model.bin").write_bytes(b"weights")
    registered(tmp_path, {}, v1="Production", v2="Production", v3="Archived")
    load("mlflow", tmp_path)
    with weft.Api() as api:
        assert [stage for stage, _ in registry_of(api).values()] == ["production", "production", "archived"]
        known = api.store.registry.get_registered("reg")
        assert (known.description, [stage.many for stage in known.stages]) == ("digits", [False, True, True])
        needs = Requirement("staging", CheckKind.RECORDED, "safety")
        api.store.registry.change(replace(known, checks=[needs]), author="ann")
        registered(tmp_path, {}, v4="Staging")
        load("mlflow", tmp_path)
        assert registry_of(api)[4] == (None, [])
        api.store.registry.record_check("reg", 4, "safety", True, author="ann")
        load("mlflow", tmp_path)
        assert registry_of(api)[4] == ("staging", [])


def test_files_of_mlflow_that_are_damaged_are_told(tmp_path: Path) -> None:
    run = mlruns(tmp_path)
    (run / "metrics" / "loss").write_text("1 two 3\n")
    with pytest.raises(InputError, match="loss, line 1 is no point of a metric: '1 two 3'"):
        load("mlflow", tmp_path / "mlruns")
    (run / "meta.yaml").write_text("a: [b")
    with pytest.raises(InputError, match="meta.yaml is damaged"):
        load("mlflow", tmp_path)


def test_a_database_that_is_not_mlflows_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE runs (a)")
    with pytest.raises(InputError, match="cannot be read as MLflow's database: no such table"):
        load("mlflow", tmp_path / "other.db")
    (tmp_path / "text.db").write_text("no database, but long enough to be asked")
    with pytest.raises(InputError, match="There is no store of MLflow"):
        load("mlflow", tmp_path / "text.db")


def test_media_of_wandb_stay_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    folder = tmp_path / "files"
    folder.mkdir()
    for path in ("../secret.png", str(tmp_path / "secret.png"), "a\0b", 7, "nothing.png"):
        assert as_value({"_type": "image-file", "path": path}, folder) is None
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert as_value({"_type": "image-file", "path": "link.png"}, folder) is None
    (folder / "t.table.json").write_text("{}")
    told = as_value({"_type": "table-file", "path": "t.table.json"}, folder)
    assert "wandb's table-file could not be read" in told.text


def test_artifacts_of_wandb_are_taken_where_their_content_is_the_one_named(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("hi")
    (tmp_path / "secret").write_text("key")
    entries = [
        {"path": "f.txt", "digest": "SfaKXIST7CwL9ImCHCH8Ow==", "size": 2, "local_path": str(tmp_path / "known")},
        {"path": "s.txt", "digest": "SfaKXIST7CwL9ImCHCH8Ow==", "size": 3, "local_path": str(tmp_path / "secret")},
        {"path": "r.csv", "digest": "etag", "size": 7, "ref": "s3://bucket/r.csv"},
        {"path": "x", "digest": "file:///etc/passwd", "ref": "file:///etc/passwd"},
    ]
    records = [
        {"run": {"run_id": "abc", "project": "proj", "start_time": {"seconds": 5}}},
        {"artifact": {"name": "data", "type": "dataset", "aliases": ["best"], "manifest": {"contents": entries}}},
        {"artifact": {"name": "elsewhere", "type": "dataset", "manifest": {"contents": []}}},
        {"output_raw": {"output_type": 1, "line": "10%\r20%\nhalf"}},
        {"alert": {"title": "Careful", "text": "hot", "level": "WARN"}},
        {"exit": {"exit_code": 3, "runtime": 2}},
    ]
    data = b"".join(_record(number, record) for number, record in enumerate(records))
    (tmp_path / "run-abc.wandb").write_bytes(b":W&B\xe1\xbe\x00" + data)
    assert load("wandb", tmp_path / "run-abc.wandb") == load("wandb", tmp_path / "run-abc.wandb")
    with weft.Api() as api:
        files = api.store.artifacts.get_version("proj", "data:best").files
        assert [(file.path, file.url, file.etag) for file in files] == [
            ("f.txt", None, None),
            ("r.csv", "s3://bucket/r.csv", "etag"),
        ]
        run = api.store.runs.get_run("abc")
        assert (run.status, run.exit_code, run.ended_at_ns) == ("failed", 3, 7_000_000_000)
        assert run.environment["artifacts_not_imported"] == ["data: s.txt, x", "elsewhere"]
        assert api.store.runs.console("abc") == ["20%", "half"]


def test_files_of_artifacts_are_found_in_wandbs_cache_and_the_rest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    texts = {"cached.txt": "c", "of/run.txt": "r", "gone.txt": "g"}
    md5 = {name: hashlib.md5(text.encode()) for name, text in texts.items()}
    kept = tmp_path / "cache" / "artifacts" / "obj" / "md5" / md5["cached.txt"].hexdigest()[:2]
    for place in (kept, tmp_path / "files" / "of"):
        place.mkdir(parents=True)
    (kept / md5["cached.txt"].hexdigest()[2:]).write_text("c")
    (tmp_path / "files" / "of" / "run.txt").write_text("r")
    entries = [
        {"path": name, "digest": base64.b64encode(md5[name].digest()).decode(), "local_path": str(tmp_path / "nowhere")}
        for name in texts
    ]
    entries += [
        {**entries[0], "path": "../up"},
        {"path": "odd", "digest": "no base64"},
        {"path": "nul\0", "digest": entries[0]["digest"][::-1]},
    ]
    large = tmp_path / "manifest.jl.gz"
    with gzip.open(large, "wt") as lines:
        lines.writelines(f"{json.dumps(entry)}\n" for entry in entries[:2])
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(large.read_bytes()[:20])
    wandb_run(
        tmp_path / "run-1.wandb",
        {"artifact": {"name": "data", "type": "dataset", "manifest": {"contents": entries}}},
        {"artifact": {"name": "many", "type": "dataset", "manifest": {"manifest_file_path": str(large)}}},
        {"artifact": {"name": "cut", "type": "dataset", "manifest": {"manifest_file_path": str(damaged)}}},
        {"artifact": {"name": "away", "type": "dataset", "manifest": {"manifest_file_path": "/no/such.gz"}}},
    )
    missing = ("data: gone.txt, ../up, odd, nul\0", "cut", "away")
    for _ in range(2):
        assert load("wandb", tmp_path / "run-1.wandb").missing == missing
    answer = CliRunner().invoke(app, ["import", "wandb", str(tmp_path / "run-1.wandb")])
    assert "Not on this machine: data: gone.txt" in answer.output
    with weft.Api() as api:
        for name in ("data", "many"):
            (version,) = api.store.artifacts.list_versions("proj", name)
            files = api.store.artifacts.get_version("proj", version.ref).files
            assert [file.path for file in files] == ["cached.txt", "of/run.txt"]
            assert [api.store.blobs.get("proj", file.digest) for file in files] == [b"c", b"r"]


def test_what_runs_of_wandb_used_and_their_alerts(tmp_path: Path) -> None:
    entries = []
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
        digest = base64.b64encode(hashlib.md5(name.encode()).digest()).decode()
        entries.append({"path": "f.txt", "digest": digest, "size": 6, "local_path": str(tmp_path / name)})
    wandb_run(
        tmp_path / "run-1-maker.wandb",
        *({"artifact": {"name": "data", "type": "dataset", "manifest": {"contents": [entry]}}} for entry in entries),
    )
    wandb_run(
        tmp_path / "run-2-user.wandb",
        {"use_artifact": {"name": "team/proj/data:v1"}},
        {"use_artifact": {"name": "data:v7"}},
        {"use_artifact": {"name": ""}},
        {"alert": {"title": "Careful", "text": "hot", "level": "WARN"}},
        {"alert": {"title": "Careful", "text": "hotter", "level": "NEW"}},
    )
    for _ in range(2):
        exchange.load_runs(settings_module.load(), "wandb", sorted(tmp_path.glob("*.wandb")))
    with weft.Api() as api:
        graph = api.store.artifacts.lineage("proj", NodeKind.RUN, "run-2-user", depth=1)
        assert [(edge.source, edge.relation, edge.target) for edge in graph.upstream] == [
            ("data:v2", "used", "run-2-user")
        ]
        (file,) = api.store.artifacts.get_version("proj", "data:v2").files
        assert api.store.blobs.get("proj", file.digest) == b"second"
        alerts = api.store.alerts.list_alerts(run_id="run-2-user").items
        assert sorted((alert.text, alert.level) for alert in alerts) == [("hot", "WARN"), ("hotter", "INFO")]
        assert all(alert.title == "Careful" and alert.posted_ns for alert in alerts)  # wandb posted them


def wandb_run(path: Path, *more: dict[str, Any]) -> None:
    """Write wandb's log of a run that is named as the file."""
    begun = {"run": {"run_id": path.stem, "project": "proj", "start_time": {"seconds": 5}}}
    records = [begun, *more, {"exit": {"exit_code": 0, "runtime": 2}}]
    data = b"".join(_record(number, record) for number, record in enumerate(records))
    path.write_bytes(b":W&B\xe1\xbe\x00" + data)


def _record(number: int, fields: dict[str, Any]) -> bytes:
    payload = wandb_log._MESSAGES["Record"](num=number, **fields).SerializeToString()
    return struct.pack("<IHB", zlib.crc32(payload, zlib.crc32(b"\x01")), len(payload), 1) + payload


def test_names_become_names() -> None:
    assert as_name("my exp") == "my exp"
    assert as_name("a/b:c") == "a-b-c"
    assert as_name("/x") == "x-x"
    long = "m" * 300
    assert len(shortened(long, 256)) == 256
    assert shortened(long, 256) != shortened(long + "n", 256)


def test_an_import_that_is_stopped_says_how_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exchange, "load_runs", stopped)
    answer = CliRunner().invoke(app, ["import", "mlflow", "mlruns"])
    assert "Stopped. What was read is stored; the same command again goes on." in answer.output
    assert answer.exit_code == 130
