"""Lightning: ``Trainer(logger=WeftLogger(project="p"))``."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.integrations.reporting import Reporter, missing, quietly
from weft.training import LoggedArtifact, Run
from weft.training.media import Audio, Image, Table, Video

try:
    from lightning.pytorch.loggers.logger import DummyExperiment, Logger, rank_zero_experiment
    from lightning.pytorch.utilities import rank_zero_only
    from lightning.pytorch.utilities.model_summary import ModelSummary
except ModuleNotFoundError as error:
    raise missing("lightning", error) from None


# The names and order that users of WandbLogger know; an options record would break that habit.
class WeftLogger(Logger):
    """A Lightning logger that writes to a run: ``experiment``, the current one, or one that begins at first use.

    ``log_model`` keeps checkpoints as versions of an artifact: True at the end, ``"all"`` each as it is saved, with the
    aliases ``best`` and ``last``. ``version`` or ``id`` names a run that is gone on with where it exists. Other
    arguments are those of :func:`weft.init`, and WandbLogger's are taken. Only rank 0 reports.
    """

    LOGGER_JOIN_CHAR = "-"

    def __init__(
        self,
        name: str | None = None,
        save_dir: str | os.PathLike[str] = ".",
        version: str | None = None,
        offline: bool = False,
        *,
        project: str | None = None,
        id: str | None = None,
        log_model: bool | str = False,
        experiment: Run | None = None,
        prefix: str = "",
        checkpoint_name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        run_id = version or id
        known = {"id": run_id, "resume": "allow" if run_id else None, "mode": "offline" if offline else None}
        # `dir` is WandbLogger's other name of `save_dir`; the other two mean nothing here.
        self._save_dir = os.fspath(options.pop("dir", None) or save_dir)
        others = {key: value for key, value in options.items() if key not in ("anonymous", "add_file_policy")}
        self._options = {"name": name, "project": project, **known, **others}
        self._report = Reporter(experiment, **self._options)
        self._log_model = log_model
        self._prefix = prefix
        self._checkpoint_name = checkpoint_name
        self._checkpoint: Any = None
        self._kept: dict[str, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A process that Lightning spawns gets a copy: it joins this very run.
        run = self._report.run
        options = self._options if run is None else {**self._options, "id": run.id}
        return {**self.__dict__, "_report": None, "_checkpoint": None, "_options": options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._report = Reporter(**self._options)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; one that does nothing on later ranks, or where Weft cannot record."""
        run = self._report.run
        return DummyExperiment() if run is None else run

    @property
    def name(self) -> str | None:
        """The project, after which Lightning names the folder of checkpoints."""
        run = self._report.run if rank_zero_only.rank == 0 else None
        return self._options["project"] if run is None else run.project

    @property
    def version(self) -> str | None:
        """The id of the run."""
        run = self._report.run if rank_zero_only.rank == 0 else None
        return None if run is None else run.id

    @property
    def save_dir(self) -> str:
        """Where Lightning writes checkpoints."""
        return self._save_dir

    @rank_zero_only
    @quietly
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics at the trainer's step."""
        join = self.LOGGER_JOIN_CHAR
        self._report.log({f"{self._prefix}{join}{key}" if self._prefix else key: metrics[key] for key in metrics}, step)

    @rank_zero_only
    @quietly
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *more: Any, **others: Any) -> None:
        """Merge hyperparameters into the config."""
        self._report.config(vars(params) if isinstance(params, Namespace) else dict(params))

    @rank_zero_only
    @quietly
    def log_graph(self, model: Any, *more: Any) -> None:
        """Note the size and layers of the model in the config."""
        summary = ModelSummary(model, max_depth=1)
        layers = {name: kind for name, kind, *_ in zip(summary.layer_names, summary.layer_types, strict=False)}
        self._report.config(
            {
                "model": {
                    "class": type(model).__name__,
                    "parameters": summary.total_parameters,
                    "trainable_parameters": summary.trainable_parameters,
                    "layers": layers,
                }
            }
        )

    @rank_zero_only
    def watch(self, model: Any, log: str = "gradients", log_freq: int = 100, log_graph: bool = True) -> None:
        """Record the gradients, the parameters or ``"all"`` of the model every ``log_freq`` steps."""
        self._report.watch(model, log, log_freq)

    @rank_zero_only
    @quietly
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Keep what was saved, at once or at the end."""
        if self._log_model == "all" or (self._log_model and checkpoint_callback.save_top_k == -1):
            self._keep(checkpoint_callback)
        elif self._log_model:
            self._checkpoint = checkpoint_callback

    @rank_zero_only
    @quietly
    def finalize(self, status: str) -> None:
        """Keep the checkpoints that are there at the end; the run goes on until ``weft.finish()``."""
        if self._checkpoint is not None:
            self._keep(self._checkpoint)

    @rank_zero_only
    def use_artifact(self, artifact: str, artifact_type: str | None = None) -> LoggedArtifact:
        """The artifact ``name:alias``, noted as used by the run. Raises NotFoundError."""
        found: LoggedArtifact = self.experiment.use_artifact(artifact)
        return found

    @rank_zero_only
    def log_table(
        self,
        key: str,
        columns: list[str] | None = None,
        data: list[list[Any]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
    ) -> None:
        """Log a table of rows, or of a data frame."""
        table = Table(columns=columns, data=data, dataframe=dataframe, allow_mixed_types=True)
        self.log_metrics({key: table}, step)

    @rank_zero_only
    def log_text(
        self,
        key: str,
        columns: list[str] | None = None,
        data: list[list[str]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
    ) -> None:
        """Log texts as a table."""
        self.log_table(key, columns, data, dataframe, step)

    @rank_zero_only
    def log_image(self, key: str, images: list[Any], step: int | None = None, **more: list[Any]) -> None:
        """Log images (tensors, arrays, PIL images or paths); ``caption`` and others are lists, one for each."""
        self.log_metrics({key: _each(Image, images, more)}, step)

    @rank_zero_only
    def log_audio(self, key: str, audios: list[Any], step: int | None = None, **more: list[Any]) -> None:
        """Log sounds (arrays or paths); ``sample_rate``, ``caption`` are lists, one for each."""
        self.log_metrics({key: _each(Audio, audios, more)}, step)

    @rank_zero_only
    def log_video(self, key: str, videos: list[Any], step: int | None = None, **more: list[Any]) -> None:
        """Log videos (arrays or paths); ``fps``, ``caption`` and others are lists, one for each."""
        self.log_metrics({key: _each(Video, videos, more)}, step)

    def _keep(self, callback: Any) -> None:
        scores = {path: _number(score) for path, score in callback.best_k_models.items()}
        if callback.best_model_path:
            scores.setdefault(callback.best_model_path, _number(callback.best_model_score))
        if callback.last_model_path:
            scores.setdefault(callback.last_model_path, _number(callback.current_score))
        found = [(Path(path).stat().st_mtime, path) for path in scores if Path(path).exists()]
        for written, path in sorted(found):
            if self._kept.get(path) == written:
                continue
            self._kept[path] = written
            self._report.files(
                path,
                name=self._checkpoint_name,
                aliases=self._aliases(callback, path, found),
                metadata={"score": scores[path], "monitor": callback.monitor, "original_filename": Path(path).name},
            )

    def _aliases(self, callback: Any, path: str, found: Sequence[tuple[float, str]]) -> list[str]:
        newest = callback.last_model_path or max(found)[1]
        return [alias for alias, of in (("best", callback.best_model_path), ("last", newest)) if of == path]


def _each(kind: Any, values: Sequence[Any], more: Mapping[str, Sequence[Any]]) -> list[Any]:
    for name, parts in more.items():
        if len(parts) != len(values):
            raise InputError(
                f"There are {len(values)} values and {len(parts)} of {name!r}.", remedy="Give one for each.", field=name
            )
    return [kind(value, **{name: parts[number] for name, parts in more.items()}) for number, value in enumerate(values)]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


# As W&B's users call it.
WandbLogger = WeftLogger
