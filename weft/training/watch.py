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
    """Looks at one model on its first backward pass in training and on every ``log_freq``-th after it; an observer of
    the run.

    Backward passes are counted, since they happen whichever part of the model a step calls. Those between cost one
    call of Python: a hook on one parameter, the first that had a gradient when all were looked at. The hooks on all
    parameters are there only for the pass that is looked at, from the end of the one before it.
    """

    def __init__(self, model: Any, log: Log, *, kind: str, log_freq: int, prefix: str = "") -> None:
        self.model = model
        self._log = log
        self._kind = kind
        self._log_freq = log_freq
        self._prefix = prefix
        self._left = 0
        self._hooks: list[Any] = []
        self._look: _Look | None = None

    def start(self) -> None:
        """Begin to look: at the next backward pass."""
        self._hook_all()

    def stop(self) -> None:
        """Take every hook off the model."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._look = [], None

    def after_fork(self) -> None:
        """In the child: a copy of the model, whose hooks are there; it is looked at, and logged apart, as all else."""

    def _hook_all(self) -> None:
        self.stop()
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                self._hooks.append(parameter.register_post_accumulate_grad_hook(self._hook_of(name)))

    def _hook_of(self, name: str) -> Callable[[Any], None]:
        def accumulated(parameter: Any) -> None:
            if not self.model.training:
                return
            look = self._look
            if look is None or name in look.names:  # a new pass; one that an exception ended is forgotten
                look = self._look = _Look(parameter)
                _at_the_end_of_the_pass(lambda: self._passed(look))
            look.names.add(name)
            if self._kind != "parameters":
                look.describe("gradients", self._prefix, name, parameter.grad)

        return accumulated

    def _passed(self, look: _Look) -> None:
        """After the pass that was looked at: log it, and count up to the next one."""
        if look is not self._look:
            return  # unwatched meanwhile
        if self._log_freq > 1:
            self.stop()
            self._left = self._log_freq - 1
            self._hooks = [look.first.register_post_accumulate_grad_hook(self._count)]
        self._look = None
        found = {} if self._kind == "parameters" else look.whole("gradients", self._prefix)
        if self._kind != "gradients":
            look = _Look(look.first)
            for name, parameter in self.model.named_parameters():
                look.describe("parameters", self._prefix, name, parameter)
            found.update(look.whole("parameters", self._prefix))
        self._log(found)

    def _count(self, parameter: Any) -> None:
        if not self.model.training:
            return
        self._left -= 1
        if self._left <= 0:
            _at_the_end_of_the_pass(lambda: self._hook_all() if self._hooks else None)


class _Look:
    """What one pass shows of a model's tensors."""

    def __init__(self, first: Any) -> None:
        self.first = first
        self.names: set[str] = set()
        self._found: dict[str, Any] = {}
        self._squares = 0.0
        self._not_finite = 0

    def describe(self, what: str, prefix: str, name: str, tensor: Any) -> None:
        """Add a tensor's histogram, its norm, and how many of its numbers are not finite."""
        if tensor is None:
            return
        name = prefix + name
        histogram, norm, bad = describe_tensor(tensor)
        if histogram is not None:
            self._found[f"{what}/{name}"] = histogram
        self._found[f"{what}_norm/{name}"] = norm
        if bad:
            self._found[f"{what}_not_finite/{name}"] = float(bad)
        self._squares += norm * norm
        self._not_finite += bad

    def whole(self, what: str, prefix: str) -> dict[str, Any]:
        """All that was found, with the norm and the count over all tensors."""
        return {
            **self._found,
            f"{what}_norm/{prefix}total": self._squares**0.5,
            f"{what}_not_finite/{prefix}total": float(self._not_finite),
        }


def _at_the_end_of_the_pass(call: Callable[[], None]) -> None:
    sys.modules["torch"].autograd.Variable._execution_engine.queue_callback(call)


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

        ``models`` is a module or a sequence of them; they are looked at on the first backward pass in training and on
        every ``log_freq``-th after it, whichever of their parts is called, and belong to the step at hand.

        The series are ``gradients/NAME`` (histograms), ``gradients_norm/NAME`` and ``gradients_not_finite/NAME``, the
        last two with a ``total``, and the same for ``parameters``; those of a second model begin with ``1.``. Hooks go
        with the run, or with :meth:`unwatch`.
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
