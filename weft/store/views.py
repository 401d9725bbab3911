"""Saved views of pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from weft import clock, ids
from weft.errors import InputError, NotFoundError
from weft.records.views import SavedView
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database

_MOST_BYTES = 65_536
_COLUMNS = tuple(column.name for column in t.views.columns)


class SqlViews:
    """The saved views of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_view(self, view: SavedView) -> SavedView:
        """Store a view; one without an id is new. Raises NotFoundError, InputError."""
        kept = replace(_checked(view), view_id=view.view_id or ids.new_id(), updated_ns=clock.now_ns())
        row = tuple(v.to_json(kept.content) if name == "content" else getattr(kept, name) for name in _COLUMNS)
        with self._database.write() as connection:
            if view.view_id:
                known = select(t.views.c.view_id).where(t.views.c.view_id == view.view_id)
                if connection.execute(known).first() is None:
                    raise _missing(view.view_id)
            self._database.upsert(connection, "views", _COLUMNS, ("view_id",), [row])
        return kept

    def get_view(self, view_id: str) -> SavedView:
        """One view. Raises NotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(select(t.views).where(t.views.c.view_id == view_id)).first()
        if row is None:
            raise _missing(view_id)
        return _view(row)

    def list_views(self, project: str, *, page: str | None = None) -> list[SavedView]:
        """The views of a project, or of one of its pages, by name."""
        c = t.views.c
        query = select(t.views).where(c.project == project).order_by(c.name, c.view_id)
        if page is not None:
            query = query.where(c.page == page)
        with self._database.read() as connection:
            return [_view(row) for row in connection.execute(query)]

    def delete_view(self, view_id: str) -> None:
        """Forget a view. Raises NotFoundError."""
        with self._database.write() as connection:
            if not connection.execute(t.views.delete().where(t.views.c.view_id == view_id)).rowcount:
                raise _missing(view_id)


def _missing(view_id: str) -> NotFoundError:
    return NotFoundError(f"There is no saved view {view_id!r}.", field="view_id")


def _view(row: Any) -> SavedView:
    return SavedView(**{**row._mapping, "content": v.from_json(row.content)})


def _checked(view: SavedView) -> SavedView:
    try:
        project = v.project_name(view.project)
        name, page = v.words(view.name, "name").strip(), v.words(view.page, "page")
        author = v.words_or_none(view.author, "author")
        content = {v.words(key, "content"): v.words(value, "content") for key, value in view.content.items()}
    except ValueError as error:
        raise InputError(f"The view cannot be stored: {error}.", remedy="Correct this field.", field="view") from None
    if not name:
        raise InputError("A view needs a name.", remedy="Say in a word or two what it shows.", field="name")
    if len(v.to_json(content).encode()) > _MOST_BYTES:
        raise InputError(
            f"The view holds more than {_MOST_BYTES:,} bytes.", remedy="Select fewer runs or columns.", field="content"
        )
    return replace(view, project=project, name=name, page=page, author=author, content=content)
