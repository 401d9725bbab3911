"""PyTorch without a trainer: ``loop = Loop(model, optimizer)`` around the loop that you write."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from weft.integrations import loops
from weft.integrations.reporting import missing
from weft.training import Run

try:
    import torch
except ModuleNotFoundError as error:
    raise missing("torch", error) from None


class Loop(loops.Loop):
    """A loop that knows the model and its optimizer: their configuration, the learning rate, gradients, checkpoints.

    ``watch`` records ``"gradients"``, ``"parameters"`` or ``"all"`` of the model every ``watch_every`` steps.
    """

    def __init__(
        self,
        model: Any = None,
        optimizer: Any = None,
        *,
        run: Run | None = None,
        watch: str | None = None,
        watch_every: int = 100,
        **options: Any,
    ) -> None:
        super().__init__(run=run, **options)
        self._model = model
        self._optimizer = optimizer
        if model is not None:
            self._report.config({"model": summary(model)})
        if optimizer is not None:
            groups = [{key: value for key, value in part.items() if key != "params"} for part in optimizer.param_groups]
            self._report.config({"optimizer": {"class": type(optimizer).__name__, "groups": groups}})
        if watch is not None:
            self._report.watch(model, watch, watch_every)

    def save(self, value: float | None = None, *, mode: str = "min", name: str | None = None, **more: Any) -> bool:
        """Keep model, optimizer and ``more`` as they are now (``checkpoint.pt``): see :meth:`Loop.checkpoint`."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "checkpoint.pt")
            state = {"step": self.step, "epoch": self.epoch, **more}
            for key, part in (("model", self._model), ("optimizer", self._optimizer)):
                if part is not None:
                    state[key] = part.state_dict()
            torch.save(state, path)
            return self.checkpoint(path, value, mode=mode, name=name)

    def _more(self) -> dict[str, float]:
        if self._optimizer is None:
            return {}
        rates = [float(part["lr"]) for part in self._optimizer.param_groups]
        return {"lr": rates[0]} if len(rates) == 1 else {f"lr/{number}": rate for number, rate in enumerate(rates)}


def summary(model: Any) -> dict[str, Any]:
    """Class, number of parameters and layers of a module."""
    parameters = list(model.parameters())
    return {
        "class": type(model).__name__,
        "parameters": sum(part.numel() for part in parameters),
        "trainable_parameters": sum(part.numel() for part in parameters if part.requires_grad),
        "layers": {name: type(layer).__name__ for name, layer in model.named_children()},
    }
