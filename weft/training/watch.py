"""Gradients and parameters of PyTorch's models while they train: histograms, norms, and numbers that are not finite."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weft.errors import InputError
from weft.training.core import RunCore
from weft.training.observers import Observers

if TYPE_CHECKING:
    from weft.training.media import Histogram

KINDS = ("gradients", "parameters", "all")
_BINS = 64

Log = Callable[[Mapping[str, Any]], None]


class ModelWatch:
    """Looks at one model on its first training step and on every ``log_freq``-th after it; an observer of the run.

    The steps between cost one call of Python in the forward pass: hooks on gradients exist only while they are looked
    at, from the forward pass to the end of the backward pass.
    """

    def __init__(self, model: Any, log: Log, *, kind: str, log_freq: int, prefix: str = "") -> None:
        self.model = model
        self._log = log
        self._kind = kind
        self._log_freq = log_freq
        self._prefix = prefix
        self._passes = 0
        self._hooks: list[Any] = []
        self._forward: Any = None
        self._found: dict[str, Any] = {}
        self._not_finite = 0
        self._squares = 0.0
        self._is_queued = False

    def start(self) -> None:
        """Begin to look."""
        self._forward = self.model.register_forward_hook(self._passed)

    def stop(self) -> None:
        """Take every hook off the model."""
        self._clear()
        if self._forward is not None:
            self._forward.remove()
            self._forward = None

    def after_fork(self) -> None:
        """In the child: a copy of the model, whose hooks are there; it is looked at, and logged apart, as all else."""

    def _passed(self, module: Any, inputs: Any, output: Any) -> None:
        torch = sys.modules["torch"]
        if not module.training or not torch.is_grad_enabled():
            return
        self._passes += 1
        if (self._passes - 1) % self._log_freq:
            return
        self._clear()
        if self._kind in ("parameters", "all"):
            self._log(self._of_parameters())
        if self._kind in ("gradients", "all"):
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    hook = self._hook_of(name)
                    self._hooks.append(parameter.register_post_accumulate_grad_hook(hook))

    def _of_parameters(self) -> dict[str, Any]:
        squares, not_finite = 0.0, 0
        found: dict[str, Any] = {}
        for name, parameter in self.model.named_parameters():
            square, bad = self._describe(found, "parameters", name, parameter)
            squares, not_finite = squares + square, not_finite + bad
        return {**found, **self._whole("parameters", squares, not_finite)}

    def _hook_of(self, name: str) -> Callable[[Any], None]:
        def accumulated(parameter: Any) -> None:
            if not self._is_queued:  # the first of this backward pass: the rest follows before it ends
                self._is_queued = True
                sys.modules["torch"].autograd.Variable._execution_engine.queue_callback(self._passed_back)
            square, bad = self._describe(self._found, "gradients", name, parameter.grad)
            self._squares += square
            self._not_finite += bad

        return accumulated

    def _passed_back(self) -> None:
        found = {**self._found, **self._whole("gradients", self._squares, self._not_finite)}
        self._clear()
        self._log(found)

    def _whole(self, what: str, squares: float, not_finite: int) -> dict[str, float]:
        return {
            f"{what}_norm/{self._prefix}total": squares**0.5,
            f"{what}_not_finite/{self._prefix}total": float(not_finite),
        }

    def _describe(self, found: dict[str, Any], what: str, name: str, tensor: Any) -> tuple[float, int]:
        """Add a tensor's histogram and norm; returns the square of the norm and how many numbers are not finite."""
        if tensor is None:
            return 0.0, 0
        name = self._prefix + name
        histogram, norm, bad = describe_tensor(tensor)
        if histogram is not None:
            found[f"{what}/{name}"] = histogram
        found[f"{what}_norm/{name}"] = norm
        if bad:
            found[f"{what}_not_finite/{name}"] = float(bad)
        return norm * norm, bad

    def _clear(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._found, self._squares, self._not_finite = [], {}, 0.0, 0
        self._is_queued = False


def describe_tensor(tensor: Any) -> tuple[Histogram | None, float, int]:
    """The histogram of a tensor's finite numbers (None where there are none), their Euclidean norm, and how many are
    not finite. It is counted on the tensor's device; what comes back is a few numbers."""
    from weft.training.media import Histogram  # noqa: PLC0415 - it brings numpy

    torch = sys.modules["torch"]
    with torch.no_grad():
        flat = tensor.detach()
        if flat.is_sparse:
            flat = flat.coalesce().values()
        flat = (flat.abs() if flat.is_complex() else flat).reshape(-1).to(torch.float32)
        is_finite = torch.isfinite(flat)
        finite = flat[is_finite]
        bad = int(flat.numel() - finite.numel())
        if not finite.numel():
            return None, 0.0, bad
        norm = float(torch.linalg.vector_norm(finite, dtype=torch.float64))
        low, high = (float(end) for end in torch.aminmax(finite))
        if low == high:
            low, high = low - 0.5, high + 0.5
        counts = torch.histc(finite, bins=_BINS, min=low, max=high).to(torch.int64).tolist()
    width = (high - low) / _BINS
    edges = [low + n * width for n in range(_BINS)] + [high]
    return Histogram(np_histogram=(counts, edges)), norm, bad


class RunWatch(RunCore):
    """The methods of a run that look at models."""

    _observers: Observers
    _watched: list[ModelWatch] | None = None

    if TYPE_CHECKING:

        def log(self, values: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
            """Record metrics of one step: the run's own method."""

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms and norms of a PyTorch model's gradients, parameters or both (``all``) while it trains.

        ``models`` is a module or a sequence of them; they are looked at on the first training step and on every
        ``log_freq``-th after it, and belong to the step at hand. The series are ``gradients/NAME`` (histograms),
        ``gradients_norm/NAME`` and ``gradients_not_finite/NAME``, the last two with a ``total``, and the same for
        ``parameters``; those of a second model begin with ``1.``. Hooks go with the run, or with :meth:`unwatch`.
        ``criterion``, ``idx`` and ``log_graph`` are taken for habit and change nothing. Raises InputError.
        """
        if log is None:
            return
        if log not in KINDS:
            raise InputError(
                f"There is nothing called {log!r} to watch.", remedy=f"Use {', '.join(KINDS)}.", field="log"
            )
        if not isinstance(log_freq, int) or log_freq < 1:
            raise InputError(f"log_freq is {log_freq!r}.", remedy="Use a whole number from 1 on.", field="log_freq")
        watched = self._watched = self._watched or []
        for model in _modules(models):
            if any(watch.model is model for watch in watched):
                continue
            prefix = f"{len(watched)}." if watched else ""
            watch = ModelWatch(model, self._log_watched, kind=log, log_freq=log_freq, prefix=prefix)
            watched.append(watch)
            self._observers.join(watch)

    def unwatch(self, models: Any = None) -> None:
        """Take the hooks off these models, or off all. Raises InputError for what is no model."""
        given = None if models is None else list(_modules(models))
        for watch in self._watched or ():
            if given is None or any(watch.model is model for model in given):
                watch.stop()
        self._watched = [
            watch
            for watch in self._watched or ()
            if given is not None and not any(watch.model is model for model in given)
        ]

    def _log_watched(self, values: Mapping[str, Any]) -> None:
        self.log(values, commit=False)


def _modules(models: Any) -> Iterator[Any]:
    torch = sys.modules.get("torch")
    for model in models if isinstance(models, Sequence) else [models]:
        if torch is None or not isinstance(model, torch.nn.Module):
            raise InputError(
                f"A {type(model).__name__} is no model of PyTorch.", remedy="Give a torch.nn.Module.", field="models"
            )
        yield model
