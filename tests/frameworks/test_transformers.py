"""WeftCallback and report_to="weft" against the real Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import weft
from weft.integrations.transformers import WeftCallback


class Rows(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> dict[str, Any]:
        tokens = torch.tensor([index % 7 + 1, index % 3 + 1, 2, 3])
        return {"input_ids": tokens, "attention_mask": torch.ones(4, dtype=torch.long), "labels": tokens[0] % 2}


def small() -> Any:
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    return transformers.BertForSequenceClassification(
        transformers.BertConfig(vocab_size=16, max_position_embeddings=8, **shape)
    )


def trainer(folder: Path, *callbacks: Any, **arguments: Any) -> Any:
    given = {"report_to": "none", "save_strategy": "no", "logging_steps": 2, "max_steps": 4, "use_cpu": True}
    return transformers.Trainer(
        model=small(),
        args=transformers.TrainingArguments(
            output_dir=str(folder / "out"),
            per_device_train_batch_size=4,
            learning_rate=0.01,
            disable_tqdm=True,
            **{**given, **arguments},
        ),
        train_dataset=Rows(),
        eval_dataset=Rows(),
        callbacks=list(callbacks),
    )


def test_report_to_weft_needs_nothing_but_a_run(tmp_path: Path, read: Any) -> None:
    weft.init("frameworks", kind="train")
    trainer(tmp_path, report_to="weft", eval_strategy="steps", eval_steps=2).train()
    run = read()
    assert run.steps("train/loss") == [2, 4]
    assert run.steps("eval/loss") == [2, 4]
    assert run.steps("train/learning_rate") == [2, 4]
    assert {"train/grad_norm", "train/epoch", "eval/runtime"} <= run.names
    assert run.config["learning_rate"] == 0.01
    assert run.config["model"]["config"]["hidden_size"] == 8
    assert run.config["model"]["class"] == "BertForSequenceClassification"
    assert run.config["model"]["parameters"] == run.config["model"]["trainable_parameters"] > 100
    assert run.summary["train/runtime"] > 0


def test_checkpoints_are_versions_and_the_best_is_named(tmp_path: Path, read: Any) -> None:
    report = WeftCallback(log_model="checkpoint", name="bert")
    strategy = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}
    trainer(tmp_path, report, load_best_model_at_end=True, metric_for_best_model="loss", **strategy).train()
    run = read()
    assert run.name == "bert"
    (versions,) = run.versions.values()
    assert {"best", "last", "final", "latest", "step-2", "step-4"} <= run.aliases
    stored = run.api.store.artifacts.get_version("frameworks", versions[-1].ref)
    assert "model.safetensors" in [file.path for file in stored.files]
    assert versions[-1].metadata["step"] == 4


def test_the_model_at_the_end(tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_LOG_MODEL", "end")
    trained = trainer(tmp_path, WeftCallback())
    trained.train()
    trained.predict(Rows())
    run = read()
    (versions,) = run.versions.values()
    assert run.aliases == {"final", "last", "latest"}
    assert len(versions) == 1
    assert run.steps("test/loss") == [4]


def test_only_process_zero_reports(tmp_path: Path) -> None:
    report = WeftCallback()
    state = transformers.TrainerState(is_world_process_zero=False)
    report.on_log(None, state, None, logs={"loss": 1.0})
    assert weft.run is None


def test_training_goes_on_where_weft_fails(tmp_path: Path, broken: None, caplog: pytest.LogCaptureFixture) -> None:
    trained = trainer(tmp_path, WeftCallback(log_model="end"))
    assert trained.train().global_step == 4
    assert "the training goes on. log: OSError: the disk is on fire" in caplog.text
