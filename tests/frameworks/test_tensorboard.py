"""Event files that the real TensorBoard writes: live into a run, and imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

import weft
from weft import exchange
from weft import settings as settings_module
from weft.errors import InputError, NotFoundError
from weft.integrations import tensorboard
from weft.testing.waiting import wait_for

NAMES = {"im": "image", "h": "histogram", "t/text_summary": "text", "a": "audio", "two": "image"}


def write(folder: Path) -> SummaryWriter:
    writer = SummaryWriter(str(folder), flush_secs=600)
    for step in range(3):
        writer.add_scalar("train/loss", 1 / (step + 1), step)
        writer.add_scalar("new", step * 2.0, step, new_style=True)
    writer.add_histogram("h", np.arange(10.0), 1)
    writer.add_image("im", np.zeros((3, 4, 4), dtype=np.uint8), 2)
    writer.add_images("two", np.zeros((2, 3, 4, 4), dtype=np.uint8), 2)
    writer.add_text("t", "hello", 1)
    writer.add_audio("a", torch.zeros(1, 100), 1, sample_rate=100)
    writer.add_hparams({"lr": 0.1, "opt": "sgd", "wd": 0.0}, {"hp/acc": 0.5}, run_name="hp")
    return writer


def test_a_run_hears_writers_and_takes_what_they_still_hold(tmp_path: Path, read: Any) -> None:
    run = weft.init("frameworks", sync_tensorboard=True)
    writer = write(tmp_path / "logs")
    writer.flush()
    assert wait_for(lambda: run.summary.get("new") == 4.0)
    writer.add_scalar("late", 7.0, 9)
    stored = read()
    writer.close()
    assert stored.points("late") == [(9, 7.0)]
    assert stored.points("new") == [(0, 0.0), (1, 2.0), (2, 4.0)]
    assert [step for step, _ in stored.points("train/loss")] == [0, 1, 2]
    assert stored.points("hp/hp/acc") == [(0, 0.5)]
    assert stored.logged == NAMES
    assert (stored.config["lr"], stored.config["wd"], stored.config["opt"]) == (0.1, 0.0, "sgd")


def test_training_and_validation_beside_each_other_are_one_run(tmp_path: Path, read: Any) -> None:
    weft.init("frameworks")
    tensorboard.patch()
    for part in ("train", "validation"):
        with SummaryWriter(str(tmp_path / part)) as writer:
            writer.add_scalar("loss", 1.0, 0)
    assert read().names == {"train/loss", "validation/loss"}


def test_sync_reads_what_is_there_and_again_adds_nothing(tmp_path: Path, read: Any) -> None:
    write(tmp_path / "logs").close()
    weft.init("frameworks")
    counts = [tensorboard.sync(tmp_path / "logs") for _ in range(2)]
    assert counts[0] == counts[1] == 13
    assert read().points("new") == [(0, 0.0), (1, 2.0), (2, 4.0)]
    with pytest.raises(NotFoundError, match="There are no event files below"):
        tensorboard.sync(tmp_path / "nothing", run=weft.init("frameworks"))


def test_import_makes_a_run_of_each_folder(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "first").close()
    settings = settings_module.load()
    reports = [exchange.load_runs(settings, "tensorboard", [tmp_path / "logs"], project="p") for _ in range(2)]
    assert reports[0] == reports[1] == exchange.RunsReport(runs=2, points=7, artifacts=0, rejected=0)
    with weft.Api() as api:
        runs = {run.name: run for run in api.runs(project="p")}
        assert set(runs) == {"first", "first/hp"}
        assert dict(runs["first/hp"].config) == {"lr": 0.1, "opt": "sgd", "wd": 0.0}
        assert runs["first"].summary["new"] == 4.0
        (series,) = api.store.series.read_series(runs["first"].id, "train/loss")
        assert series.values.tolist() == pytest.approx([1, 1 / 2, 1 / 3])
        assert series.times_ns[0] > 1_700_000_000_000_000_000
        assert {one.name: one.kind for one in api.store.logged.list_logged(runs["first"].id)} == NAMES
        (both,) = api.store.logged.read_logged(runs["first"].id, "two")
        assert len(both.items) in (1, 2)


def test_import_names_what_is_wrong(tmp_path: Path) -> None:
    settings = settings_module.load()
    with pytest.raises(InputError, match="There are no event files below"):
        exchange.load_runs(settings, "tensorboard", [tmp_path])
    (tmp_path / "events.out.tfevents.1").write_bytes(b"no events here, but enough bytes for a head")
    with pytest.raises(InputError, match="is no file of events, or is damaged, at byte 0"):
        exchange.load_runs(settings, "tensorboard", [tmp_path])
