"""Training runs: metrics, config, environment, console, system samples and artifacts."""

from weft.training.artifacts import Artifact, LoggedArtifact
from weft.training.deployments import deployed
from weft.training.lifecycle import RunOptions
from weft.training.run import Run, finish, log

__all__ = ["Artifact", "LoggedArtifact", "Run", "RunOptions", "deployed", "finish", "log"]
