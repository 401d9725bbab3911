"""The registry: what is registered across projects, its versions and stages, and every decision about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from weft.records.people import Role


class CheckKind(StrEnum):
    """What a requirement asks for: an evaluation whose gates passed, a recorded check, approvals by people."""

    EVALUATION = "evaluation"
    RECORDED = "recorded"
    APPROVAL = "approval"


class RegistryAction(StrEnum):
    """What the audit log tells of."""

    CREATED = "created"
    CHANGED = "changed"
    LINKED = "linked"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    DISPLACED = "displaced"
    UNSTAGED = "unstaged"
    ALIASED = "aliased"
    CHECKED = "checked"
    APPROVED = "approved"


class DeliveryState(StrEnum):
    """Where a delivery stands; ``failed`` is final."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Stage:
    """A step that versions are promoted through; ``many`` says whether it holds more than one version at a time."""

    name: str
    many: bool = False


STAGES = (Stage("staging"), Stage("production"), Stage("archived", many=True))


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a version must have before it enters ``stage``.

    ``evaluation``: the newest finished run of the evaluation ``name`` on this very version passed all its gates; with
    ``dataset`` (``name`` or ``name:v3``), on that dataset. ``recorded``: the newest check recorded under ``name`` for
    the version passed. ``approval``: ``count`` people of the role ``name`` (or above) approved it for the stage,
    whoever promotes it not counted.
    """

    stage: str
    kind: CheckKind
    name: str
    dataset: str | None = None
    count: int = 1

    @property
    def text(self) -> str:
        """As people write it: ``evaluation NAME on DATASET``, ``check NAME``, ``2 approvals by admin``."""
        if self.kind == CheckKind.EVALUATION:
            return f"evaluation {self.name}" + (f" on {self.dataset}" if self.dataset else "")
        if self.kind == CheckKind.RECORDED:
            return f"check {self.name}"
        return f"{self.count} approval{'' if self.count == 1 else 's'} by {self.name}"


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered model, dataset or other artifact: one name across all projects."""

    name: str
    type: str = "model"
    description: str | None = None
    stages: list[Stage] = field(default_factory=lambda: list(STAGES))
    checks: list[Requirement] = field(default_factory=list)
    created_ns: int = 0
    created_by: str = ""
    versions: int = 0


@dataclass(frozen=True, slots=True)
class RegistryVersion:
    """A version of a registered name: which artifact version it is, and the stage that it is in since ``staged_ns``."""

    name: str
    version: int
    project: str
    artifact: str
    created_ns: int
    created_by: str
    stage: str | None = None
    staged_ns: int | None = None
    aliases: list[str] = field(default_factory=list)
    note: str | None = None

    @property
    def ref(self) -> str:
        """The stable reference that resolves everywhere, ``registry/name:v3``."""
        return f"registry/{self.name}:v{self.version}"

    @property
    def node(self) -> str:
        """The version's name in lineage, ``name:v3``."""
        return f"{self.name}:v{self.version}"


@dataclass(frozen=True, slots=True)
class CheckState:
    """How a requirement stands for a version: whether it is met, why in one sentence, and on which evidence.

    ``evidence`` is JSON: ``run_id``, ``verdicts`` and ``dataset`` of an evaluation; ``sequence``, ``author`` and
    ``run_id`` of a recorded check; ``approvals`` of people.
    """

    requirement: Requirement
    passed: bool
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promotion:
    """A wish to put a version into a stage; ``stage`` None takes it out of the one it is in.

    ``expected`` is the version that the caller believes to be there (0: none); where another is, the promotion is
    refused. ``override`` passes over requirements that are not met: an admin may, with a reason.
    """

    name: str
    version: int
    stage: str | None
    author: str
    reason: str = ""
    role: Role = Role.ADMIN
    override: bool = False
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryEvent:
    """One line of the audit log, which nothing changes or deletes.

    ``sequence`` counts the events of a name. ``subject`` is the stage, alias or check that it is about, ``before`` the
    stage or version that was there; ``evidence`` is what the requirements rested on, ``overridden`` what was passed
    over.
    """

    name: str
    sequence: int
    time_ns: int
    action: RegistryAction
    author: str
    version: int | None = None
    subject: str | None = None
    before: str | None = None
    passed: bool | None = None
    reason: str | None = None
    run_id: str | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)
    overridden: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in a stage: the version, and the event that put it there (who, when, why, on which evidence)."""

    stage: str
    version: RegistryVersion
    event: RegistryEvent


@dataclass(frozen=True, slots=True)
class Hook:
    """An address that is told of changes: of ``name`` or, with None, of all; of ``actions`` or, with none, of all.

    The secret that signs is given once, when the hook is made; it is never read back.
    """

    hook_id: str
    url: str
    name: str | None = None
    actions: list[str] = field(default_factory=list)
    created_ns: int = 0
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of telling a hook of an event. ``attempts`` are the tries so far: time, HTTP status, what failed."""

    delivery_id: str
    hook_id: str
    name: str
    sequence: int
    state: DeliveryState
    due_ns: int
    attempts: list[dict[str, Any]] = field(default_factory=list)
