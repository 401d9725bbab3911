"""Plain JAX: ``loop = Loop(params)`` around the loop that you write; trees of arrays as norms, histograms and files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from weft.integrations import loops
from weft.integrations.reporting import missing, quietly
from weft.training import Run
from weft.training.media import Histogram

try:
    import jax
except ModuleNotFoundError as error:
    raise missing("jax", error) from None


class Loop(loops.Loop):
    """A loop that knows the parameters (a tree of arrays). Of several processes only the first reports."""

    def __init__(self, params: Any = None, *, run: Run | None = None, **options: Any) -> None:
        super().__init__(run=run, **options)
        if params is not None:
            self._report.config({"model": summary(params), "backend": jax.default_backend()})

    @quietly
    def log_tree(self, name: str, tree: Any, *, histograms: bool = True) -> None:
        """Log the norm of a tree such as gradients, and of each leaf its norm and a histogram, as ``name/PATH``."""
        values: dict[str, Any] = {}
        total = 0.0
        for path, leaf in _leaves(tree):
            norm = float(np.linalg.norm(leaf.astype(np.float64)))
            total += norm**2
            values[f"{name}/{path}/norm"] = norm
            if histograms:
                values[f"{name}/{path}"] = Histogram(leaf)
        self.log({f"{name}/norm": total**0.5, **values})

    def save(self, params: Any, value: float | None = None, *, mode: str = "min", name: str | None = None) -> bool:
        """Keep a tree as it is now (``params.npz``, an array a leaf): see :meth:`Loop.checkpoint`."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "params.npz")
            np.savez(path, **dict(_leaves(params)))
            return self.checkpoint(path, value, mode=mode, name=name)


def summary(params: Any) -> dict[str, Any]:
    """Number of parameters, and the shape and type of each leaf of a tree."""
    leaves = _leaves(params)
    return {
        "parameters": sum(leaf.size for _, leaf in leaves),
        "leaves": {path: f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves},
    }


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), np.asarray(leaf)) for path, leaf in found]
