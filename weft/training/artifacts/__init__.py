"""Artifacts: named, typed, versioned files with a digest, and the edges to the runs that made or used them."""

from weft.training.artifacts.diffs import ArtifactDiff
from weft.training.artifacts.draft import Artifact
from weft.training.artifacts.keeping import finish_uploads, keep_for, log_artifact, use_artifact
from weft.training.artifacts.logged import ArtifactTTL, LoggedArtifact
from weft.training.artifacts.paths import checked_path, places_of
from weft.training.artifacts.places import Place

__all__ = [
    "Artifact",
    "ArtifactDiff",
    "ArtifactTTL",
    "LoggedArtifact",
    "Place",
    "checked_path",
    "finish_uploads",
    "keep_for",
    "log_artifact",
    "places_of",
    "use_artifact",
]
