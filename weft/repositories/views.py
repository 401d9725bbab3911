"""The part of the contract that is about saved views."""

from __future__ import annotations

from typing import Protocol

from weft.records.views import SavedView


class Views(Protocol):
    """What pages show, saved by people."""

    def save_view(self, view: SavedView) -> SavedView:
        """Store a view and say when; one without an id is new and gets one, one of a known id is replaced.

        Raises NotFoundError for an id that is not there, InputError for an empty name or content of over 64 kB.
        """
        ...

    def get_view(self, view_id: str) -> SavedView: ...
    def list_views(self, project: str, *, page: str | None = None) -> list[SavedView]:
        """The views of a project, or of one of its pages, by name."""
        ...

    def delete_view(self, view_id: str) -> None:
        """Raises NotFoundError."""
        ...
