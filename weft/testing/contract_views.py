"""The part of the contract that is about saved views."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.errors import InputError, NotFoundError
from weft.records.views import SavedView
from weft.repositories import Store


class ViewContract:
    """Views are saved, listed by name, replaced and deleted."""

    def test_a_view_is_saved_and_found_by_its_id(self, store: Store) -> None:
        saved = store.views.save_view(SavedView("p", "runs", " by lr ", {"order": "summary.loss", "q": "ä\u2028"}))
        assert saved.view_id
        assert saved.updated_ns > 0
        assert saved.name == "by lr"
        assert store.views.get_view(saved.view_id) == saved

    def test_a_view_of_a_known_id_is_replaced(self, store: Store) -> None:
        saved = store.views.save_view(SavedView("p", "runs", "one", {"q": "a"}))
        store.views.save_view(replace(saved, name="two", content={}))
        (kept,) = store.views.list_views("p")
        assert (kept.view_id, kept.name, kept.content) == (saved.view_id, "two", {})

    def test_views_are_listed_by_project_page_and_name(self, store: Store) -> None:
        for project, page, name in (
            ("p", "runs", "b"),
            ("p", "runs", "a"),
            ("p", "traces", "c"),
            ("other", "runs", "d"),
        ):
            store.views.save_view(SavedView(project, page, name))
        assert [view.name for view in store.views.list_views("p")] == ["a", "b", "c"]
        assert [view.name for view in store.views.list_views("p", page="runs")] == ["a", "b"]

    def test_a_deleted_view_is_gone(self, store: Store) -> None:
        saved = store.views.save_view(SavedView("p", "runs", "one"))
        store.views.delete_view(saved.view_id)
        for call in (store.views.get_view, store.views.delete_view):
            with pytest.raises(NotFoundError, match="There is no saved view"):
                call(saved.view_id)
        with pytest.raises(NotFoundError, match="There is no saved view"):
            store.views.save_view(saved)

    def test_a_view_has_a_name_and_is_no_archive(self, store: Store) -> None:
        with pytest.raises(InputError, match="A view needs a name"):
            store.views.save_view(SavedView("p", "runs", "  "))
        with pytest.raises(InputError, match="more than 65,536 bytes"):
            store.views.save_view(SavedView("p", "runs", "big", {"sel": "x" * 70_000}))
        with pytest.raises(InputError, match="The view cannot be stored"):
            store.views.save_view(SavedView("a/b", "runs", "one"))
