"""Loops of one's own in PyTorch and JAX, and fastai."""

from __future__ import annotations

import io
from typing import Any

import fastai.callback.progress  # noqa: F401 - gives learners `no_bar`
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from fastai.basics import DataLoader, DataLoaders, Learner, accuracy

import weft
from weft.errors import InputError
from weft.integrations import jax as for_jax
from weft.integrations import torch as for_torch
from weft.integrations.fastai import WeftCallback


def train_torch(rows: Any) -> Any:
    model = torch.nn.Sequential(torch.nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    data = torch.utils.data.TensorDataset(*(torch.from_numpy(part) for part in rows))
    loader = torch.utils.data.DataLoader(data, batch_size=10)
    loop = for_torch.Loop(model, optimizer, log_every=2)
    for _ in loop.epochs(2):
        for features, labels in loop.batches(loader):
            loss = torch.nn.functional.cross_entropy(model(features), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loop.log({"loss": loss})
        loop.save(1.0 - loop.epoch, note="kept")
        schedule.step()
    return loop


def test_a_loop_in_torch(rows: Any, read: Any) -> None:
    weft.init("frameworks", kind="train")
    loop = train_torch(rows)
    assert (loop.step, loop.epoch, loop.best) == (8, 2, 0.0)
    run = read()
    assert run.steps("loss") == list(range(8))
    assert run.steps("time/data_s") == run.steps("time/step_s") == [1, 3, 5, 7]
    assert [value for _, value in run.points("epoch")] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [value for _, value in run.points("lr")] == pytest.approx([0.1] * 4 + [0.05] * 4)
    assert run.config["model"] == {
        "class": "Sequential",
        "parameters": 10,
        "trainable_parameters": 10,
        "layers": {"0": "Linear"},
    }
    assert run.config["optimizer"]["class"] == "SGD"
    (versions,) = run.versions.values()
    newest = max(versions, key=lambda version: version.version)
    assert {"best", "last", "latest"} == set(newest.aliases)
    assert newest.metadata == {"step": 8, "value": 0.0}
    digest = run.api.store.artifacts.get_version("frameworks", newest.ref).files[0].digest
    data = b"".join(run.api.store.blobs.pieces("frameworks", digest))
    assert torch.load(io.BytesIO(data))["note"] == "kept"


def test_the_best_is_the_largest_where_that_is_meant(tmp_path: Any) -> None:
    (tmp_path / "a").write_bytes(b"1")
    loop = for_torch.Loop(mode="disabled")
    assert [loop.checkpoint(tmp_path / "a", value, mode="max") for value in (1.0, 0.5, float("nan"), 2.0)] == [
        True,
        False,
        False,
        True,
    ]
    with pytest.raises(InputError, match="There is no mode 'most'"):
        loop.checkpoint(tmp_path / "a", 1.0, mode="most")
    with pytest.raises(InputError, match="log_every is 0"):
        for_torch.Loop(log_every=0)


def test_a_loop_in_jax(rows: Any, read: Any) -> None:
    weft.init("frameworks", kind="train")
    features, labels = jnp.asarray(rows[0]), jnp.asarray(rows[1])
    params = {"dense": {"kernel": jnp.zeros((4,)), "bias": jnp.zeros(())}}

    def loss_of(tree: Any) -> Any:
        logits = features @ tree["dense"]["kernel"] + tree["dense"]["bias"]
        return jnp.mean(jnp.logaddexp(0.0, logits) - labels * logits)

    step = jax.jit(jax.value_and_grad(loss_of))
    loop = for_jax.Loop(params)
    for _ in loop.epochs(1):
        for _ in loop.batches(range(3)):
            loss, grads = step(params)
            params = jax.tree_util.tree_map(lambda value, grad: value - 0.5 * grad, params, grads)
            loop.log({"loss": loss})
            loop.log_tree("gradients", grads)
        loop.save(params, float(loss))
    run = read()
    assert run.steps("loss") == run.steps("time/step_s") == [0, 1, 2]
    assert run.points("loss")[0][1] == pytest.approx(np.log(2))
    norms = [run.points(f"gradients/dense.{part}/norm")[0][1] ** 2 for part in ("kernel", "bias")]
    assert run.points("gradients/norm")[0][1] == pytest.approx(sum(norms) ** 0.5)
    assert run.config["model"] == {
        "parameters": 5,
        "leaves": {"dense.bias": "float32[]", "dense.kernel": "float32[4]"},
    }
    assert run.logged == {"gradients/dense.bias": "histogram", "gradients/dense.kernel": "histogram"}
    assert len(run.api.store.logged.read_logged(run.id, "gradients/dense.bias")) == 3
    assert run.aliases == {"best", "last", "latest"}


def learner(rows: Any, folder: Any) -> Learner:
    pairs = [(torch.from_numpy(row), torch.tensor(label)) for row, label in zip(*rows, strict=True)]
    loaders = DataLoaders(DataLoader(pairs, bs=10), DataLoader(pairs[:10], bs=10))
    model = torch.nn.Sequential(torch.nn.Linear(4, 2))
    return Learner(loaders, model, torch.nn.CrossEntropyLoss(), metrics=accuracy, path=folder)


def test_fastai_batches_epochs_config_and_model(rows: Any, read: Any, tmp_path: Any) -> None:
    weft.init("frameworks", kind="train")
    callback = WeftCallback(log_model=True)
    learn = learner(rows, tmp_path)
    with learn.no_bar(), learn.no_logging():
        learn.fit(2, lr=0.1, cbs=callback)
        learn.fit(1, lr=0.05, cbs=callback)
    run = read()
    assert run.steps("train_loss") == run.steps("lr_0") == list(range(12))
    assert run.steps("valid_loss") == run.steps("accuracy") == [3, 7, 11]
    assert [value for _, value in run.points("epoch")][-5:] == [2.0, 2.25, 2.5, 2.75, 3.0]
    assert run.points("lr_0")[-1][1] == 0.05
    assert run.config["model"]["parameters"] == 10
    assert run.config["batch_size"] == 10
    (versions,) = run.versions.values()
    assert run.aliases == {"last", "latest"}
    assert len(versions) == 2


def test_training_goes_on_where_weft_fails(
    rows: Any, broken: None, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    learn = learner(rows, tmp_path)
    with learn.no_bar(), learn.no_logging():
        learn.fit(1, cbs=WeftCallback(log_model=True))
    assert train_torch(rows).step == 8
    assert "the training goes on. log: OSError: the disk is on fire" in caplog.text
