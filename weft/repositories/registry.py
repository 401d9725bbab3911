"""The part of the contract that is about the registry: every method that changes something is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from weft.records import (
    CheckState,
    Delivery,
    Hook,
    Page,
    Promotion,
    Registered,
    RegistryEvent,
    RegistryVersion,
    Role,
    Standing,
)


class Registry(Protocol):
    """Registered names, their versions and stages. Decisions about one name take turns; each is a line of a log that
    nothing changes or deletes.

    A ``ref`` is ``name``, ``name:production`` (a stage), ``name:alias`` or ``name:v3``, with or without ``registry/``
    in front; without a suffix it is the newest version.
    """

    def create(self, registered: Registered, *, author: str) -> Registered:
        """Register a name; one that exists is returned as it is. Raises InputError, ConflictError for another type."""
        ...

    def change(self, registered: Registered, *, author: str, role: Role = Role.ADMIN, reason: str = "") -> Registered:
        """Set description, stages and requirements; the latter two as an admin. Raises NotFoundError, InputError, and
        ConflictError where the caller may not, or a stage that would go holds a version."""
        ...

    def get_registered(self, name: str) -> Registered: ...
    def list_registered(self, *, type: str | None = None) -> list[Registered]:
        """Everything that is registered, by name."""
        ...

    def link(
        self, name: str, project: str, ref: str, *, author: str, aliases: Sequence[str] = (), note: str | None = None
    ) -> RegistryVersion:
        """Make an artifact's version one of ``name``, which is registered where it is not; one that is linked is
        returned as it is, its aliases moved. Raises NotFoundError, InputError, ConflictError for another type."""
        ...

    def get_version(self, ref: str) -> RegistryVersion: ...
    def list_versions(self, name: str) -> list[RegistryVersion]:
        """All versions of a name, the first one first. Raises NotFoundError."""
        ...

    def list_links(self, project: str, ref: str) -> list[RegistryVersion]:
        """What a version of an artifact is in the registry. Raises NotFoundError."""
        ...

    def set_alias(self, name: str, alias: str, version: int, *, author: str) -> RegistryVersion:
        """Move an alias to a version. Raises NotFoundError, InputError for one that names a stage or a version."""
        ...

    def record_check(
        self,
        name: str,
        version: int,
        check: str,
        passed: bool,
        *,
        author: str,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> RegistryEvent:
        """Write down that a check passed or failed for a version; the newest of a name holds. Raises NotFoundError."""
        ...

    def approve(
        self, name: str, version: int, stage: str, *, author: str, approved: bool = True, reason: str | None = None
    ) -> RegistryEvent:
        """Approve a version for a stage, or take it back. Raises NotFoundError, InputError for an unknown stage."""
        ...

    def list_checks(self, name: str, version: int, stage: str, *, promoter: str | None = None) -> list[CheckState]:
        """How the requirements of a stage stand for a version; approvals by ``promoter`` count for nothing where people
        sign in. Raises NotFoundError, InputError."""
        ...

    def promote(self, promotion: Promotion) -> RegistryVersion:
        """Put a version into a stage; the one that was there makes way. What is required is looked at in the same
        transaction. Raises NotFoundError, InputError, and ConflictError that names each requirement that is not met,
        or where another version is there than was expected."""
        ...

    def roll_back(
        self, name: str, stage: str, *, author: str, reason: str, expected: int | None = None
    ) -> RegistryVersion:
        """Put the version that was in a stage before back there; what is required was met when it first came there.

        Raises NotFoundError where there was none, InputError without a reason, ConflictError.
        """
        ...

    def list_standings(self, name: str | None = None) -> list[Standing]:
        """What is in which stage of a name or of all, with the event that put it there. Raises NotFoundError."""
        ...

    def list_events(
        self, name: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[RegistryEvent]:
        """The log, the newest first."""
        ...

    def add_hook(self, hook: Hook, secret: str) -> Hook:
        """Tell an address of decisions from now on, signed with the secret. Raises InputError, NotFoundError."""
        ...

    def delete_hook(self, hook_id: str) -> None:
        """Tell it no more; what waited for it goes too. Raises NotFoundError."""
        ...

    def list_hooks(self) -> list[Hook]:
        """Every hook, the oldest first, without secrets."""
        ...

    def list_deliveries(
        self, hook_id: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Delivery]:
        """What became of telling hooks, the newest first."""
        ...
