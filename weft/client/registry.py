"""The registry of a Weft server. Who decides there is whoever the key belongs to, and the role is for the server to
say; ``author`` counts where that is nobody in particular."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from weft.client.wire import Wire, parse, segment
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


def _home(*parts: str) -> str:
    return "/".join(["/api/registry", *(segment(part) for part in parts)])


class RemoteRegistry:
    """Registered names, their versions and stages."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, registered: Registered, *, author: str) -> Registered:
        """Register a name; one that exists is returned as it is."""
        body = {"registered": asdict(registered), "author": author}
        made: Registered = parse(Registered, self._wire.post("/api/registry", body))
        return made

    def change(self, registered: Registered, *, author: str, role: Role = Role.ADMIN, reason: str = "") -> Registered:
        """Set description, stages and requirements."""
        body = {"registered": asdict(registered), "author": author, "reason": reason}
        changed: Registered = parse(Registered, self._wire.put(_home(registered.name), body))
        return changed

    def get_registered(self, name: str) -> Registered:
        """What is registered as ``name``."""
        found: Registered = parse(Registered, self._wire.get(_home(name)))
        return found

    def list_registered(self, *, type: str | None = None) -> list[Registered]:
        """Everything that is registered, by name."""
        found: list[Registered] = parse(list[Registered], self._wire.get("/api/registry", type=type))
        return found

    def link(
        self, name: str, project: str, ref: str, *, author: str, aliases: Sequence[str] = (), note: str | None = None
    ) -> RegistryVersion:
        """Make an artifact's version one of ``name``."""
        body = {"project": project, "ref": ref, "author": author, "aliases": list(aliases), "note": note}
        return self._version(self._wire.post(_home(name, "versions"), body))

    def get_version(self, ref: str) -> RegistryVersion:
        """The version that a reference names."""
        name, _, tag = ref.removeprefix("registry/").partition(":")
        return self._version(self._wire.get(_home(name, "versions", tag or "latest")))

    def list_versions(self, name: str) -> list[RegistryVersion]:
        """All versions of a name, the first one first."""
        found: list[RegistryVersion] = parse(list[RegistryVersion], self._wire.get(_home(name, "versions")))
        return found

    def list_links(self, project: str, ref: str) -> list[RegistryVersion]:
        """What a version of an artifact is in the registry."""
        path = f"/api/projects/{segment(project)}/artifacts/{segment(ref)}/links"
        found: list[RegistryVersion] = parse(list[RegistryVersion], self._wire.get(path))
        return found

    def set_alias(self, name: str, alias: str, version: int, *, author: str) -> RegistryVersion:
        """Move an alias to a version."""
        body = {"version": version, "author": author}
        return self._version(self._wire.put(_home(name, "aliases", alias), body))

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
        """Write down that a check passed or failed for a version."""
        body = {"check": check, "passed": passed, "author": author, "reason": reason, "run_id": run_id}
        return self._event(_home(name, "versions", str(version), "checks"), body)

    def approve(
        self, name: str, version: int, stage: str, *, author: str, approved: bool = True, reason: str | None = None
    ) -> RegistryEvent:
        """Approve a version for a stage, or take it back."""
        body = {"stage": stage, "approved": approved, "author": author, "reason": reason}
        return self._event(_home(name, "versions", str(version), "approvals"), body)

    def list_checks(self, name: str, version: int, stage: str, *, promoter: str | None = None) -> list[CheckState]:
        """How the requirements of a stage stand for a version."""
        path = _home(name, "versions", str(version), "checks")
        found: list[CheckState] = parse(list[CheckState], self._wire.get(path, stage=stage, promoter=promoter))
        return found

    def promote(self, promotion: Promotion) -> RegistryVersion:
        """Put a version into a stage."""
        told = asdict(promotion)
        body = {name: told[name] for name in ("version", "stage", "author", "reason", "override", "expected")}
        return self._version(self._wire.post(_home(promotion.name, "promote"), body, again=False))

    def roll_back(
        self, name: str, stage: str, *, author: str, reason: str, expected: int | None = None
    ) -> RegistryVersion:
        """Put the version that was in a stage before back there."""
        body = {"stage": stage, "author": author, "reason": reason, "expected": expected}
        return self._version(self._wire.post(_home(name, "rollback"), body, again=False))

    def list_standings(self, name: str | None = None) -> list[Standing]:
        """What is in which stage of a name or of all."""
        found: list[Standing] = parse(list[Standing], self._wire.get("/api/registry-stages", name=name))
        return found

    def list_events(
        self, name: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[RegistryEvent]:
        """The log, the newest first."""
        found = self._wire.get("/api/registry-log", name=name, limit=limit, cursor=cursor)
        page: Page[RegistryEvent] = parse(Page[RegistryEvent], found)
        return page

    def add_hook(self, hook: Hook, secret: str) -> Hook:
        """Tell an address of decisions from now on."""
        answer = self._wire.post("/api/hooks", {"hook": asdict(hook), "secret": secret}, again=False)
        made: Hook = parse(Hook, answer)
        return made

    def delete_hook(self, hook_id: str) -> None:
        """Tell it no more."""
        self._wire.call("DELETE", f"/api/hooks/{segment(hook_id)}", again=False)

    def list_hooks(self) -> list[Hook]:
        """Every hook, the oldest first, without secrets."""
        found: list[Hook] = parse(list[Hook], self._wire.get("/api/hooks"))
        return found

    def list_deliveries(
        self, hook_id: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Delivery]:
        """What became of telling hooks, the newest first."""
        found = self._wire.get("/api/hook-deliveries", hook_id=hook_id, limit=limit, cursor=cursor)
        page: Page[Delivery] = parse(Page[Delivery], found)
        return page

    def _version(self, answer: Any) -> RegistryVersion:
        version: RegistryVersion = parse(RegistryVersion, answer)
        return version

    def _event(self, path: str, body: dict[str, Any]) -> RegistryEvent:
        event: RegistryEvent = parse(RegistryEvent, self._wire.post(path, body, again=False))
        return event
