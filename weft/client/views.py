"""Saved views of a Weft server."""

from __future__ import annotations

from dataclasses import asdict

from weft.client.wire import Wire, parse, segment
from weft.records.views import SavedView


class RemoteViews:
    """What pages show, saved by people."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def save_view(self, view: SavedView) -> SavedView:
        """Store a view; one without an id is new."""
        saved: SavedView = parse(SavedView, self._wire.post("/api/views", asdict(view), again=bool(view.view_id)))
        return saved

    def get_view(self, view_id: str) -> SavedView:
        """One view."""
        found: SavedView = parse(SavedView, self._wire.get(f"/api/views/{segment(view_id)}"))
        return found

    def list_views(self, project: str, *, page: str | None = None) -> list[SavedView]:
        """The views of a project, or of one of its pages, by name."""
        found: list[SavedView] = parse(list[SavedView], self._wire.get("/api/views", project=project, page=page))
        return found

    def delete_view(self, view_id: str) -> None:
        """Forget a view."""
        self._wire.call("DELETE", f"/api/views/{segment(view_id)}", again=False)
