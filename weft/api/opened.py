"""A place that is read: a directory, a database or a server, and the projects in it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from weft import ids, session, settings
from weft.api.collections import Project

if TYPE_CHECKING:
    from weft.repositories import Store


class Opened:
    """The part of :class:`weft.Api` that opens a store and knows its projects."""

    def __init__(
        self,
        dir: str | Path | Mapping[str, Any] | None = None,
        url: str | None = None,
        db: str | None = None,
        api_key: str | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        if isinstance(dir, Mapping):  # other trackers' users have them first
            dir, overrides = None, dir
        given = {"dir": dir, "url": url, "db": db, "api_key": api_key, "project": (overrides or {}).get("project")}
        self._settings = settings.load(given)
        self._opened: Store | None = None

    @property
    def place(self) -> settings.Settings:
        """The settings that say which place it is."""
        return self._settings

    @property
    def store(self) -> Store:
        """The store with all that is pending stored: what the methods here do not offer can be asked of it."""
        if self._opened is None:
            self._opened = session.open_store(self._settings)
        session.catch_up(self._settings, self._opened)
        return self._opened

    def close(self) -> None:
        """Give back the database connection."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def default_entity(self) -> str:
        """Nobody: a Weft directory or server has one owner."""
        return ""

    @property
    def viewer(self) -> str:
        """Who asks: this system's user."""
        return user_here()

    @property
    def settings(self) -> dict[str, str]:
        """Project and owner that are meant where none is named, and the server."""
        place = self._settings
        return {"entity": "", "project": place.project, "base_url": place.url or ""}

    def flush(self) -> None:
        """Nothing is remembered: every call reads what is there."""

    def address(self, path: str) -> str:
        """The address of a page, from its path such as ``/run/abc``."""
        place = self._settings
        return (place.url or f"http://127.0.0.1:{place.port}").rstrip("/") + path

    def projects(self, entity: str | None = None, per_page: int = 200) -> list[Project]:
        """The names of all projects, each of which knows what is in it; the arguments change nothing."""
        return [Project.of(self, name) for name in self.store.runs.list_projects()]

    def create_project(self, name: str, entity: str | None = None) -> None:
        """Nothing has to be made: a project is there with its first run."""

    def project(self, name: str | None = None, entity: str | None = None) -> Project:
        """The project of a name that may have an owner before a slash; by default that of the settings.

        ``team/shop`` is ``team.shop``, or ``shop`` where only that exists: ``weft.init(entity=...)`` changes no name.
        """
        joined, alone = ids.as_project(name or self._settings.project), (name or "").strip("/").rpartition("/")[2]
        if name and joined != alone:
            known = self.store.runs.list_projects()
            joined = alone if joined not in known and alone in known else joined
        return Project.of(self, joined)


def user_here() -> str:
    """This system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
