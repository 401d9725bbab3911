"""From an artifact to a version in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.errors import InputError, WeftError
from weft.recording import Recorder
from weft.records import RegistryVersion
from weft.records.registry import Promotion
from weft.repositories import Store
from weft.tracing.human_scores import login


def link(
    recorder: Recorder,
    artifact: Any,
    target: str,
    *,
    aliases: Sequence[str] = (),
    note: str | None = None,
    author: str | None = None,
) -> RegistryVersion:
    """Make a logged artifact, or the version that a reference names, one of a name in the registry.

    ``target`` is ``registry/NAME`` or the name alone; of a path with more parts the last counts. Raises InputError for
    what is no artifact, NotFoundError for an unknown version, ConflictError where the name is another type's.
    """
    if recorder.settings.mode == "disabled":
        raise WeftError("Nothing can be registered: Weft is disabled.", remedy="Set WEFT_MODE=online.", field="mode")
    ref = artifact if isinstance(artifact, str) else getattr(artifact, "ref", None)
    if not isinstance(ref, str) or not ref.strip():
        raise InputError(
            f"{artifact!r} is no version of an artifact.",
            remedy="Give what run.log_artifact returned, or a reference such as 'clf:v3'.",
            field="artifact",
        )
    if not isinstance(target, str) or not target.rpartition("/")[2]:
        raise InputError(
            f"{target!r} is no name in the registry.", remedy="Write 'registry/classifier'.", field="target"
        )
    if isinstance(aliases, str):
        raise InputError(
            f"The aliases are the text {aliases!r}, not a list.", remedy=f"Use [{aliases!r}].", field="aliases"
        )
    project = getattr(artifact, "project", None)
    home = project if isinstance(project, str) and project else recorder.project
    return registered(recorder.store, home, ref, target, aliases=aliases, note=note, author=author)


def registered(
    store: Store,
    project: str,
    ref: str,
    target: str,
    *,
    aliases: Sequence[str] = (),
    note: str | None = None,
    author: str | None = None,
) -> RegistryVersion:
    """Make the version ``ref`` of a project one of the name that ``target`` ends with; an alias that is one of its
    stages promotes it there, where what the stage requires is met. Raises ConflictError where it is not."""
    who, name = author or login(), target.rpartition("/")[2]
    found = store.registry.link(name, project, ref, author=who, note=note)
    known = {stage.name for stage in store.registry.get_registered(name).stages}
    stages = [alias for alias in aliases if alias in known]
    if own := [alias for alias in aliases if alias != "latest" and alias not in stages]:
        found = store.registry.link(name, project, ref, author=who, aliases=own)
    for stage in stages:
        found = store.registry.promote(Promotion(name, found.version, stage, who, "Linked with this alias."))
    return found
