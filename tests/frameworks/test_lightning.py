"""WeftLogger against the real Lightning."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint

import weft
from weft.errors import InputError
from weft.integrations.lightning import WeftLogger


class Small(lightning.LightningModule):
    def __init__(self, lr: float = 0.1, width: int = 4) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 2)

    def forward(self, features: Any) -> Any:
        return self.layer(features)

    def training_step(self, batch: Any, index: int) -> Any:
        loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


def fit(logger: WeftLogger, rows: Any, folder: Path, watch: int = 0, **checkpoints: Any) -> Small:
    data = torch.utils.data.TensorDataset(*(torch.from_numpy(part) for part in rows))
    loader = torch.utils.data.DataLoader(data, batch_size=10)
    checkpoint = ModelCheckpoint(dirpath=folder / "checkpoints", monitor="val_loss", save_last=True, **checkpoints)
    trainer = lightning.Trainer(
        logger=logger,
        max_epochs=2,
        accelerator="cpu",
        log_every_n_steps=2,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[LearningRateMonitor(), checkpoint],
    )
    model = Small()
    if watch:
        logger.watch(model, log_freq=watch)
    trainer.fit(model, loader, loader)
    return model


def test_metrics_steps_config_and_checkpoints(rows: Any, tmp_path: Path, read: Any) -> None:
    logger = WeftLogger(name="small", project="frameworks", log_model=True, tags=["a"])
    fit(logger, rows, tmp_path)
    assert (logger.name, logger.version) == ("frameworks", weft.run.id)
    run = read()
    assert (run.name, run.kind) == ("small", "train")
    assert run.steps("train_loss") == [1, 3, 5, 7]
    assert run.steps("val_loss") == [3, 7]
    assert [value for _, value in run.points("epoch")][-1] == 1
    assert [value for _, value in run.points("lr-SGD")] == pytest.approx([0.1, 0.05])
    assert run.config["lr"] == 0.1
    assert run.config["model"]["parameters"] == 10
    assert run.config["model"]["layers"] == {"layer": "Linear"}
    (versions,) = run.versions.values()
    assert versions[0].name == f"model-{run.id}"
    assert {"best", "last", "latest"} <= run.aliases
    assert versions[0].metadata["monitor"] == "val_loss"


def test_each_checkpoint_as_it_is_saved_and_gradients(rows: Any, tmp_path: Path, read: Any) -> None:
    logger = WeftLogger(log_model="all", prefix="fold1", checkpoint_name="small")
    fit(logger, rows, tmp_path, watch=1, save_top_k=-1)
    run = read()
    assert run.logged == {"gradients/layer.weight": "histogram", "gradients/layer.bias": "histogram"}
    assert run.steps("fold1-val_loss") == [3, 7]
    assert len(run.versions["small"]) >= 2


def test_tables_texts_and_images(read: Any) -> None:
    logger = WeftLogger()
    logger.log_table("rows", columns=["a"], data=[[1]], step=1)
    logger.log_text("texts", columns=["a"], data=[["b"]])
    logger.log_image("images", [torch.zeros(3, 4, 4)], step=2, caption=["one"])
    logger.log_audio("sounds", [torch.zeros(100).numpy()], sample_rate=[100])
    with pytest.raises(InputError, match="There are 1 values and 2 of 'caption'"):
        logger.log_image("images", [torch.zeros(3, 4, 4)], caption=["one", "two"])
    assert read().logged == {"rows": "table", "texts": "table", "images": "image", "sounds": "audio"}


def test_a_run_is_gone_on_with_and_what_wandb_takes_is_taken(rows: Any, tmp_path: Path, read: Any) -> None:
    WeftLogger(project="frameworks", id="mine").log_metrics({"loss": 1.0}, step=0)
    weft.finish()
    logger = WeftLogger(project="frameworks", id="mine", anonymous=True, add_file_policy="live", dir=str(tmp_path))
    logger.log_metrics({"loss": 0.5}, step=1)
    assert logger.save_dir == str(tmp_path)
    assert read().points("loss") == [(0, 1.0), (1, 0.5)]


def test_a_copy_in_a_spawned_process_joins_the_run() -> None:
    logger = WeftLogger(project="frameworks")
    run = logger.experiment
    assert pickle.loads(pickle.dumps(logger)).experiment is run


def test_later_ranks_report_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning.pytorch.utilities import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = WeftLogger(project="frameworks")
    logger.log_metrics({"loss": 1.0}, step=1)
    logger.experiment.log({"loss": 2.0})
    assert (logger.version, weft.run) == (None, None)


def test_training_goes_on_where_weft_fails(
    rows: Any, tmp_path: Path, broken: None, caplog: pytest.LogCaptureFixture
) -> None:
    before = Small().layer.weight
    model = fit(WeftLogger(log_model=True), rows, tmp_path)
    assert not torch.equal(model.layer.weight, before)
    assert "the training goes on. log: OSError: the disk is on fire" in caplog.text


def test_training_goes_on_where_no_run_can_begin(rows: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(WeftLogger(project="../no project"), rows, tmp_path)
    assert "init: SettingError: The project name" in caplog.text
