"""Watching PyTorch's models: what is logged of gradients and parameters, and that no hook stays."""

from __future__ import annotations

import copy
import io
import math
from typing import Any

import numpy as np
import pytest
import torch

import weft
from weft import session
from weft.errors import InputError
from weft.training.watch import describe_tensor


def model() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


def train(net: torch.nn.Module, run: Any, steps: int, scale: float = 1.0) -> list[dict[str, torch.Tensor]]:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    gradients = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (net(torch.ones(8, 3)) * scale).pow(2).mean()
        loss.backward()
        gradients.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
        optimizer.step()
        run.log({"loss": loss.item()})
    return gradients


def hooks_of(net: torch.nn.Module) -> int:
    on_gradients = sum(len(getattr(p, "_post_accumulate_grad_hooks", None) or ()) for p in net.parameters())
    return len(net._forward_hooks) + on_gradients


class Parts(torch.nn.Module):
    """A model of which a step calls the parts, as Lightning's training_step does; its forward never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.unused, self.body, self.head = torch.nn.Linear(2, 2), torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)

    def loss(self) -> torch.Tensor:
        return self.head(self.body(torch.ones(8, 3))).pow(2).mean()


def stored() -> Any:
    assert weft.flush().complete
    return session._session.store  # type: ignore[union-attr]


def test_gradients_are_logged_with_the_step_that_they_belong_to() -> None:
    run = weft.init("watch")
    net = model()
    run.watch(net, log="gradients", log_freq=2)
    gradients = train(net, run, 5)
    run.finish()
    assert hooks_of(net) == 0
    store = stored()
    norms = weft.Api().run(run.id).series("gradients_norm/0.weight")
    assert norms.steps.tolist() == [0, 2, 4]
    assert norms.values.tolist() == pytest.approx([float(gradients[n]["0.weight"].norm()) for n in (0, 2, 4)], rel=1e-5)
    total = weft.Api().run(run.id).series("gradients_norm/total").values[0]
    assert total == pytest.approx(math.sqrt(sum(float(g.norm()) ** 2 for g in gradients[0].values())), rel=1e-5)
    logged = store.logged.read_logged(run.id, "gradients/0.weight")
    assert [(one.step, one.kind, sum(one.data["counts"])) for one in logged] == [
        (n, "histogram", 12) for n in (0, 2, 4)
    ]
    expected, _ = np.histogram(gradients[2]["0.weight"].numpy(), bins=64)
    assert np.abs(np.cumsum(logged[1].data["counts"]) - np.cumsum(expected)).max() <= 1
    names = {one.name for one in store.logged.list_logged(run.id)}
    assert not any(name.startswith("parameters") for name in names)


def test_parameters_of_two_models_and_unwatch() -> None:
    run = weft.init("watch")
    one, two = model(), model()
    run.watch([one, two], log="all", log_freq=1)
    train(one, run, 1)
    train(two, run, 1)
    run.unwatch(one)
    assert (hooks_of(one), hooks_of(two)) == (0, 4)
    train(one, run, 1)
    run.unwatch()
    assert hooks_of(two) == 0
    run.watch(two, log=None)
    assert hooks_of(two) == 0
    run.finish()
    found = {series.name: series.points for series in stored().series.list_series(run.id)}
    assert found["parameters_norm/0.weight"] == found["gradients_norm/0.weight"] == 1
    assert found["parameters_norm/1.2.bias"] == found["gradients_norm/1.total"] == 1


@pytest.mark.parametrize("kind", ["gradients", "parameters", "all"])
def test_backward_passes_are_counted_whichever_part_is_called(kind: str) -> None:
    run = weft.init("watch")
    net = Parts()
    run.watch(net, log=kind, log_freq=3)
    hooks = []
    for _ in range(7):
        net.zero_grad()
        net.loss().backward()
        hooks.append(hooks_of(net))
        run.log({"loss": 0.0})
    assert hooks == [1, 1, 6, 1, 1, 6, 1]
    run.finish()
    found = weft.Api().run(run.id)
    for what in ("gradients", "parameters") if kind == "all" else (kind,):
        assert found.series(f"{what}_norm/body.weight").steps.tolist() == [0, 3, 6]
    names = {one.name for one in stored().logged.list_logged(run.id)}
    assert ("parameters/unused.bias" in names) == (kind != "gradients")
    assert ("gradients/head.weight" in names) == (kind != "parameters")


def test_a_pass_that_fails_is_forgotten_and_the_next_one_is_looked_at() -> None:
    run = weft.init("watch")
    net = Parts()
    run.watch(net, log_freq=10)

    def fail(gradient: torch.Tensor) -> None:
        raise RuntimeError("out of memory")

    failing = net.body.weight.register_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        net.loss().backward()
    failing.remove()
    run.log({"loss": 0.0})
    net.zero_grad()
    net.loss().backward()
    run.log({"loss": 0.0})
    run.finish()
    norms = weft.Api().run(run.id).series("gradients_norm/total")
    assert norms.steps.tolist() == [1]
    whole = math.sqrt(sum(float(p.grad.norm()) ** 2 for p in net.parameters() if p.grad is not None))
    assert norms.values.tolist() == pytest.approx([whole], rel=1e-5)


def test_a_watched_model_is_copied_saved_and_converted() -> None:
    run = weft.init("watch")
    net = model()
    run.watch(net, log_freq=2)
    copied = copy.deepcopy(net)
    torch.save(net, kept := io.BytesIO())
    kept.seek(0)
    assert hooks_of(copied) == hooks_of(torch.load(kept, weights_only=False)) == 0
    net.double()
    for _ in range(3):
        net(torch.ones(8, 3, dtype=torch.float64)).sum().backward()
        run.log({"loss": 0.0})
    run.finish()
    assert weft.Api().run(run.id).series("gradients_norm/total").steps.tolist() == [0, 2]


def test_nothing_is_looked_at_in_evaluation_and_between() -> None:
    run = weft.init("watch")
    net = model()
    run.watch(net, log="all", log_freq=100)
    net.eval()
    net(torch.ones(1, 3)).sum().backward()
    with torch.no_grad():
        net.train()(torch.ones(1, 3))
    train(net, run, 30)
    assert hooks_of(net) == 1
    run.finish()
    assert weft.Api().run(run.id).series("gradients_norm/total").steps.tolist() == [0]


def test_numbers_that_are_not_finite_are_counted() -> None:
    run = weft.init("watch")
    net = model()
    run.watch(net, log_freq=1)
    train(net, run, 1, scale=float("inf"))
    run.finish()
    api = weft.Api().run(run.id)
    assert api.series("gradients_not_finite/2.bias").values.tolist() == [1.0]
    assert api.series("gradients_not_finite/total").values[0] > 1


def test_tensors_are_described() -> None:
    histogram, norm, bad = describe_tensor(torch.tensor([3.0, 4.0, float("nan"), float("inf")]))
    assert histogram is not None
    assert (norm, bad) == (5.0, 2)
    assert histogram.counts.sum() == 2
    assert describe_tensor(torch.tensor([float("nan")]))[::2] == (None, 1)
    assert describe_tensor(torch.zeros(0)) == (None, 0.0, 0)
    constant, norm, _ = describe_tensor(torch.full((4,), 2.0, dtype=torch.bfloat16))
    assert constant is not None
    assert (constant.counts.sum(), norm) == (4, 4.0)
    sparse = torch.sparse_coo_tensor([[0, 1]], [3.0, 4.0], (5,), check_invariants=True)
    assert describe_tensor(sparse)[1] == 5.0
    assert describe_tensor(torch.tensor([3 + 4j]))[1] == 5.0


def test_bad_arguments_are_named() -> None:
    run = weft.init("watch")
    with pytest.raises(InputError, match="no model of PyTorch"):
        run.watch({"not": "a model"})
    with pytest.raises(InputError, match="nothing called 'weights' to watch"):
        run.watch(model(), log="weights")
    with pytest.raises(InputError, match="log_freq is 0"):
        run.watch(model(), log_freq=0)
