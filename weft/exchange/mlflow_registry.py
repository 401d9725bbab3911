"""MLflow's registered models in the registry: versions linked in their order, with MLflow's stages and aliases.

An import may be repeated: what MLflow moved since then is moved, but what was decided here in between stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from weft.errors import ConflictError
from weft.exchange.target import as_name
from weft.records import STAGES, Promotion, Registered, RegistryAction, RegistryEvent, RegistryVersion
from weft.repositories import Registry

AUTHOR = "mlflow"
_REASON = "so it is in MLflow"
_OF_STAGES = {
    *(RegistryAction.PROMOTED, RegistryAction.ROLLED_BACK),
    *(RegistryAction.DISPLACED, RegistryAction.UNSTAGED),
}


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A registered version whose files are kept: as the artifact version ``ref`` of ``project``; ``number`` is
    MLflow's."""

    project: str
    ref: str
    number: int
    stage: str | None
    aliases: list[str] = field(default_factory=list)


def register(registry: Registry, name: str, description: str | None, kept: Sequence[KeptVersion]) -> None:
    """Link versions to ``name``, the first one first, and have stages and aliases as MLflow has them.

    A promotion that a requirement forbids is left out. Raises ConflictError where the name is of another type.
    """
    ordered = sorted(kept, key=lambda one: one.number)
    shared = Counter(one.stage for one in ordered)
    stages = [replace(stage, many=stage.many or shared[stage.name] > 1) for stage in STAGES]
    known = registry.create(Registered(as_name(name), "model", description, stages), author=AUTHOR)
    linked = [
        (one, registry.link(known.name, one.project, one.ref, author=AUTHOR, note=f"v{one.number} in MLflow"))
        for one in ordered
    ]
    events = list(_events(registry, known.name))
    _set_aliases(registry, known, linked, events)
    _set_stages(registry, known, linked, events)


def _set_aliases(
    registry: Registry,
    known: Registered,
    linked: Sequence[tuple[KeptVersion, RegistryVersion]],
    events: Sequence[RegistryEvent],
) -> None:
    moved = {event.subject: event for event in reversed(events) if event.action is RegistryAction.ALIASED}
    for one, version in linked:
        for alias in map(as_name, one.aliases):
            last = moved.get(alias)
            is_ours = last is None or last.author == version.created_by
            if is_ours and alias != "latest" and all(alias != stage.name for stage in known.stages):
                registry.set_alias(known.name, alias, version.version, author=AUTHOR)


def _set_stages(
    registry: Registry,
    known: Registered,
    linked: Sequence[tuple[KeptVersion, RegistryVersion]],
    events: Sequence[RegistryEvent],
) -> None:
    many = {stage.name: stage.many for stage in known.stages}
    last = {event.version: event for event in reversed(events) if event.action in _OF_STAGES}
    decided_here = {version for version, event in last.items() if event.reason != _REASON}
    held = {version.stage for version in registry.list_versions(known.name) if version.version in decided_here}
    newest = {_stage_of(one, many): version.version for one, version in linked}
    # Who leaves a stage goes first, so that nobody is displaced from it.
    for one, version in sorted(linked, key=lambda pair: not many.get(_stage_of(pair[0], many) or "", True)):
        stage = _stage_of(one, many)
        if version.stage == stage or version.version in decided_here:
            continue
        if stage is not None and not many[stage] and (stage in held or newest[stage] != version.version):
            continue
        with suppress(ConflictError):  # a requirement is not met, and an import passes over none
            registry.promote(Promotion(known.name, version.version, stage, AUTHOR, _REASON))


def _stage_of(one: KeptVersion, stages: dict[str, bool]) -> str | None:
    """The stage; an alias that is named as one is a stage here."""
    return next((stage for stage in (one.stage, *map(as_name, one.aliases)) if stage in stages), None)


def _events(registry: Registry, name: str) -> Iterator[RegistryEvent]:
    """The log of a name, the newest first."""
    cursor: str | None = None
    while True:
        page = registry.list_events(name, limit=500, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return
