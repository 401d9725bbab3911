"""Deletion, retention and audit of a Weft server."""

from __future__ import annotations

from dataclasses import fields

from weft.client.wire import Wire, parse
from weft.records import AuditEntry, Deletion, Page, Retention, SpanQuery


class RemoteKeeping:
    """What is kept for how long, and who deleted what."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def delete_spans(self, wanted: SpanQuery, *, author: str, force: bool = False) -> Deletion:
        """Delete the spans that a query finds."""
        asked = {f.name: getattr(wanted, f.name) for f in fields(wanted)}
        body = {"query": {name: value for name, value in asked.items() if value is not None}}
        answer = self._wire.post("/api/spans/delete", {**body, "author": author, "force": force})
        done: Deletion = parse(Deletion, answer)
        return done

    def set_retention(self, policy: Retention, *, author: str) -> Retention:
        """Keep spans of a project so long from now on."""
        body = {"project": policy.project, "days": policy.days, "where": policy.where, "author": author}
        stored: Retention = parse(Retention, self._wire.put("/api/retentions", body))
        return stored

    def clear_retention(self, project: str, where: str | None = None, *, author: str) -> None:
        """Keep them for ever from now on."""
        self._wire.call("DELETE", "/api/retentions", query={"project": project, "where": where, "author": author})

    def list_retentions(self, project: str | None = None) -> list[Retention]:
        """The policies, by project and expression."""
        found: list[Retention] = parse(list[Retention], self._wire.get("/api/retentions", project=project))
        return found

    def apply_retentions(self, *, author: str, limit_s: float | None = None) -> Deletion:
        """Delete what is older than the policies say."""
        answer = self._wire.post("/api/retentions/apply", {"author": author, "limit_s": limit_s})
        done: Deletion = parse(Deletion, answer)
        return done

    def list_audit(
        self, project: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """Who deleted what, the newest first."""
        found = self._wire.get("/api/audit", project=project, limit=limit, cursor=cursor)
        page: Page[AuditEntry] = parse(Page[AuditEntry], found)
        return page
