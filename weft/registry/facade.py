"""What users call: the registry of a store in the name of somebody, and the same for the current session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weft import recording
from weft.drainer import ensure_running
from weft.errors import InputError, WeftError
from weft.records import (
    STAGES,
    CheckKind,
    CheckState,
    Hook,
    Promotion,
    Registered,
    RegistryEvent,
    RegistryVersion,
    Requirement,
    Role,
    Stage,
    Standing,
)
from weft.registry.cards import model_card
from weft.repositories import Store
from weft.settings import Settings
from weft.tracing.human_scores import login
from weft.training import LoggedArtifact
from weft.training.artifacts import use_artifact
from weft.training.linking import link as link_artifact

PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a registered name, and what can be done with it. ``ref`` resolves wherever a reference may stand."""

    record: RegistryVersion
    registry: Registry

    @property
    def name(self) -> str:
        """The registered name."""
        return self.record.name

    @property
    def version(self) -> int:
        """Its number in the registry."""
        return self.record.version

    @property
    def ref(self) -> str:
        """The stable reference, ``registry/name:v3``."""
        return self.record.ref

    @property
    def stage(self) -> str | None:
        """The stage that it was in when it was read."""
        return self.record.stage

    @property
    def aliases(self) -> list[str]:
        """Its aliases in the registry."""
        return list(self.record.aliases)

    @property
    def artifact(self) -> str:
        """The artifact's version, ``name:v3`` of ``project``."""
        return self.record.artifact

    @property
    def project(self) -> str:
        """The project that the artifact belongs to."""
        return self.record.project

    def use(self) -> LoggedArtifact:
        """The artifact with its files; the current run, if there is one, is noted as using it."""
        recorder = recording.active
        if recorder is not None and recorder.run_id is not None:
            return use_artifact(recorder, recorder.run_id, self.ref)
        store = self.registry.store
        return LoggedArtifact(store, store.artifacts.get_version(self.record.project, self.record.artifact))

    def download(self, root: str | Path | None = None) -> Path:
        """Its files in a folder, as :meth:`weft.training.LoggedArtifact.download` puts them there."""
        return self.use().download(root)

    def promote(self, stage: str | None, *, reason: str = "", override: bool = False) -> Version:
        """Put it into a stage; see :func:`promote`."""
        return self.registry.promote(self.ref, stage, reason=reason, override=override)

    def card(self) -> str:
        """Its model card, Markdown."""
        return model_card(self.registry.store, self.record)

    def __repr__(self) -> str:
        return f"<weft {self.ref} = {self.project}/{self.artifact}, {self.stage or 'no stage'}>"


class Registry:
    """The registry of ``store`` in the name of ``author``. ``decided`` is called after each decision."""

    def __init__(
        self,
        store: Store,
        author: str | None = None,
        *,
        role: Role = Role.ADMIN,
        decided: Callable[[], object] = lambda: None,
    ) -> None:
        self.store = store
        self.author = author or login()
        self.role = role
        self._decided = decided

    def create(
        self,
        name: str,
        type: str = "model",
        *,
        description: str | None = None,
        stages: Sequence[str | Stage] | None = None,
        requires: Mapping[str, Sequence[str | Requirement]] | None = None,
    ) -> Registered:
        """Register a name, with stages of its own and what each requires; one that exists is returned as it is."""
        made = Registered(name, type, description, _stages(stages), _requirements(requires or {}))
        known = self.store.registry.create(made, author=self.author)
        self._decided()
        return known

    def change(
        self,
        name: str,
        *,
        description: str | None = None,
        stages: Sequence[str | Stage] | None = None,
        requires: Mapping[str, Sequence[str | Requirement]] | None = None,
        reason: str = "",
    ) -> Registered:
        """Change what is given: ``requires`` replaces the requirements of all stages. Raises NotFoundError,
        InputError, ConflictError."""
        known = self.store.registry.get_registered(name)
        wanted = replace(
            known,
            description=known.description if description is None else description,
            stages=known.stages if stages is None else _stages(stages),
            checks=known.checks if requires is None else _requirements(requires),
        )
        changed = self.store.registry.change(wanted, author=self.author, role=self.role, reason=reason)
        self._decided()
        return changed

    def link(
        self, name: str, project: str, ref: str, *, aliases: Sequence[str] = (), note: str | None = None
    ) -> Version:
        """Make an artifact's version one of ``name``."""
        linked = self.store.registry.link(name, project, ref, author=self.author, aliases=aliases, note=note)
        return self._done(linked)

    def get(self, name: str, *, stage: str | None = None, alias: str | None = None) -> Version:
        """The version ``name``, ``name:v3``, ``name:production``; or ``name`` with a ``stage`` or ``alias``."""
        tag = stage or alias
        if tag is not None and ":" in name:
            raise InputError(f"{name!r} names a version already.", remedy="Leave stage and alias out.", field="stage")
        return Version(self.store.registry.get_version(f"{name}:{tag}" if tag else name), self)

    def versions(self, name: str) -> list[Version]:
        """All versions of a name, the first one first."""
        return [Version(record, self) for record in self.store.registry.list_versions(name)]

    def promote(
        self,
        ref: str,
        stage: str | None,
        *,
        reason: str = "",
        override: bool = False,
        expected: int | None = None,
    ) -> Version:
        """Put a version (``name:v3``, ``name:candidate``) into a stage, or with None out of it.

        Raises ConflictError that names each requirement that is not met: an admin may pass over them with
        ``override`` and a ``reason``; or where another version than ``expected`` is in the stage.
        """
        known = self.store.registry.get_version(ref)
        wish = Promotion(known.name, known.version, stage, self.author, reason, self.role, override, expected)
        return self._done(self.store.registry.promote(wish))

    def roll_back(self, name: str, stage: str = PRODUCTION, *, reason: str) -> Version:
        """Put the version that was in a stage before back there."""
        return self._done(self.store.registry.roll_back(name, stage, author=self.author, reason=reason))

    def alias(self, ref: str, alias: str) -> Version:
        """Move an alias to a version."""
        known = self.store.registry.get_version(ref)
        return self._done(self.store.registry.set_alias(known.name, alias, known.version, author=self.author))

    def record_check(
        self, ref: str, check: str, passed: bool, *, reason: str | None = None, run_id: str | None = None
    ) -> RegistryEvent:
        """Write down that a check of one's own passed or failed for a version."""
        known, told = self.store.registry.get_version(ref), {"author": self.author, "reason": reason, "run_id": run_id}
        event = self.store.registry.record_check(known.name, known.version, check, passed, **told)  # type: ignore[arg-type]
        self._decided()
        return event

    def approve(self, ref: str, stage: str = PRODUCTION, *, reason: str | None = None) -> RegistryEvent:
        """Approve a version for a stage."""
        known = self.store.registry.get_version(ref)
        event = self.store.registry.approve(known.name, known.version, stage, author=self.author, reason=reason)
        self._decided()
        return event

    def checks(self, ref: str, stage: str = PRODUCTION) -> list[CheckState]:
        """How the requirements of a stage stand for a version."""
        known = self.store.registry.get_version(ref)
        return self.store.registry.list_checks(known.name, known.version, stage, promoter=self.author)

    def production(self, name: str, stage: str = PRODUCTION) -> Standing | None:
        """What is in production, since when, by whom, why and on which evidence; None where nothing is."""
        standings = self.store.registry.list_standings(name)
        return next((standing for standing in standings if standing.stage == stage), None)

    def history(self, name: str | None = None, *, limit: int = 100) -> list[RegistryEvent]:
        """Decisions about a name or all, the newest first."""
        return self.store.registry.list_events(name, limit=limit).items

    def card(self, ref: str) -> str:
        """The model card of a version, Markdown."""
        return model_card(self.store, self.store.registry.get_version(ref))

    def add_hook(self, url: str, secret: str, *, name: str | None = None, actions: Sequence[str] = ()) -> Hook:
        """Tell an address of decisions about a name or all, signed with HMAC-SHA256 of the secret."""
        return self.store.registry.add_hook(Hook("", url, name, list(actions), created_by=self.author), secret)

    def _done(self, record: RegistryVersion) -> Version:
        self._decided()
        return Version(record, self)


def evaluation(name: str, dataset: str | None = None) -> str:
    """The text by which ``requires`` asks that an evaluation's gates passed."""
    return f"evaluation {name}" + (f" on {dataset}" if dataset else "")


def requirement(stage: str, text: str) -> Requirement:
    """A requirement out of ``evaluation NAME``, ``evaluation NAME on DATASET``, ``check NAME``, ``approval`` or
    ``2 approvals by admin``. Raises InputError for another text."""
    words = text.split()
    match words:
        case ["evaluation", *name] if name:
            before, found, dataset = " ".join(name).partition(" on ")
            return Requirement(stage, CheckKind.EVALUATION, before, dataset if found else None)
        case ["check", *name] if name:
            return Requirement(stage, CheckKind.RECORDED, " ".join(name))
        case ["approval" | "approvals"]:
            return Requirement(stage, CheckKind.APPROVAL, Role.MEMBER)
        case ["approval" | "approvals", "by", role]:
            return Requirement(stage, CheckKind.APPROVAL, role)
        case [count, "approval" | "approvals", *by] if count.isdigit() and by[:1] in ([], ["by"]) and len(by) in (0, 2):
            return Requirement(stage, CheckKind.APPROVAL, by[1] if by else Role.MEMBER, count=int(count))
    raise InputError(
        f"{text!r} is no requirement.",
        remedy="Write 'evaluation NAME', 'evaluation NAME on DATASET', 'check NAME' or '2 approvals by admin'.",
        field="requires",
    )


def _stages(given: Sequence[str | Stage] | None) -> list[Stage]:
    if given is None:
        return list(STAGES)
    # The last of a team's own list takes what makes way, where it is called so.
    return [one if isinstance(one, Stage) else Stage(one, many=one == "archived") for one in given]


def _requirements(given: Mapping[str, Sequence[str | Requirement]]) -> list[Requirement]:
    return [
        one if isinstance(one, Requirement) else requirement(stage, one)
        for stage, all_ in given.items()
        for one in all_
    ]


def _of_session(what: str) -> Registry:
    recorder = recording.active
    if recorder is None:
        raise WeftError(
            f"weft.registry.{what} needs a running session.",
            remedy="Call weft.init('my-project') first, or use weft.Api().registry, which needs no run.",
        )
    store = recorder.caught_up()  # what a requirement rests on may still be on its way
    return Registry(store, decided=lambda: wake(recorder.settings))


def wake(settings: Settings) -> None:
    """Have the drainer look after a decision: hooks are told by it, or by the server's."""
    if settings.url is None and settings.drain == "process" and settings.mode == "online":
        ensure_running(settings)


def register(
    artifact: Any, name: str, *, aliases: Sequence[str] = (), note: str | None = None, stage: str | None = None
) -> Version:
    """Make a version of an artifact (what ``run.log_artifact`` returned, or a reference) one of ``name``; with
    ``stage`` it is promoted at once. What is registered is returned as it is."""
    registry = _of_session("register")
    recorder = recording.require("weft.registry.register")
    version = Version(link_artifact(recorder, artifact, name, aliases=aliases, note=note), registry)
    wake(recorder.settings)
    return version if stage is None else version.promote(stage, reason=note or "")


link = register


def create(name: str, type: str = "model", **options: Any) -> Registered:
    """Register a name; ``options`` are those of :meth:`Registry.create`: description, stages, requires."""
    return _of_session("create").create(name, type, **options)


def change(name: str, **options: Any) -> Registered:
    """Change a name's description, stages or requirements: :meth:`Registry.change`."""
    return _of_session("change").change(name, **options)


def get(name: str, *, stage: str | None = None, alias: str | None = None) -> Version:
    """The version ``name`` (the newest), ``name:v3``, or ``name`` in a ``stage`` or with an ``alias``."""
    return _of_session("get").get(name, stage=stage, alias=alias)


def versions(name: str) -> list[Version]:
    """All versions of a name, the first one first."""
    return _of_session("versions").versions(name)


def list_registered(type: str | None = None) -> list[Registered]:
    """Everything that is registered, by name."""
    return _of_session("list_registered").store.registry.list_registered(type=type)


def promote(ref: str, stage: str | None, **options: Any) -> Version:
    """Put a version into a stage: :meth:`Registry.promote`, with reason, override and expected."""
    return _of_session("promote").promote(ref, stage, **options)


def roll_back(name: str, stage: str = PRODUCTION, *, reason: str) -> Version:
    """Put the version that was in a stage before back there."""
    return _of_session("roll_back").roll_back(name, stage, reason=reason)


def alias(ref: str, alias: str) -> Version:
    """Move an alias of the registry to a version."""
    return _of_session("alias").alias(ref, alias)


def record_check(
    ref: str, check: str, passed: bool, *, reason: str | None = None, run_id: str | None = None
) -> RegistryEvent:
    """Write down that a check passed or failed for a version; by default on the evidence of the current run."""
    recorder = recording.require("weft.registry.record_check")
    run_id = run_id or recorder.run_id
    return _of_session("record_check").record_check(ref, check, passed, reason=reason, run_id=run_id)


def approve(ref: str, stage: str = PRODUCTION, *, reason: str | None = None) -> RegistryEvent:
    """Approve a version for a stage."""
    return _of_session("approve").approve(ref, stage, reason=reason)


def checks(ref: str, stage: str = PRODUCTION) -> list[CheckState]:
    """How the requirements of a stage stand for a version."""
    return _of_session("checks").checks(ref, stage)


def production(name: str, stage: str = PRODUCTION) -> Standing | None:
    """What is in production: since when, by whom, why, on which evidence; None where nothing is."""
    return _of_session("production").production(name, stage)


def history(name: str | None = None, *, limit: int = 100) -> list[RegistryEvent]:
    """Decisions about a name or all, the newest first."""
    return _of_session("history").history(name, limit=limit)


def card(ref: str) -> str:
    """The model card of a version, Markdown."""
    return _of_session("card").card(ref)


def add_hook(url: str, secret: str, *, name: str | None = None, actions: Sequence[str] = ()) -> Hook:
    """Tell an address of decisions about a name or all; see docs/how-to/registry.md."""
    return _of_session("add_hook").add_hook(url, secret, name=name, actions=actions)
