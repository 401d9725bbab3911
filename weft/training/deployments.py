"""Which version serves where."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from weft import ids, recording
from weft.errors import InputError
from weft.records import Deployment


def deployed(
    ref: str, environment: str = "production", *, project: str | None = None, metadata: Mapping[str, Any] | None = None
) -> Deployment:
    """Record that a model (or prompt, or any artifact) serves in an environment from now on.

    ``ref`` is ``name``, ``name:alias`` or ``name:v3``; the version that it names now is recorded. What served there
    of the same artifact ends; where that very version serves already, that deployment is returned, so that every worker
    may call this as it starts. It is a decision: it needs the database or the server, and raises NotFoundError for an
    unknown version, InputError for a bad name, ServerError where the server is away.
    """
    recorder = recording.require("weft.deployed")
    if not isinstance(ref, str) or not ref.strip():
        raise InputError(f"A model reference cannot be {ref!r}.", remedy="Give name:v3 or name:alias.", field="ref")
    return recorder.store.deployments.start(
        Deployment(
            deployment_id=ids.new_id(),
            project=project or recorder.project,
            environment=environment,
            ref=ref,
            started_ns=0,
            host=platform.node() or None,
            run_id=recorder.run_id,
            metadata=dict(metadata or {}),
        )
    )
