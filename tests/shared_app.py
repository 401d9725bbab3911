"""One application for the tests of a process: to make one takes a second."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.types import ASGIApp

from weft import settings
from weft.repositories import Store
from weft.server import create_app
from weft.testing.memory import memory_store


class Later:
    """A part of the store that is asked now, whichever that is when it is used."""

    def __init__(self, behind: Behind, name: str) -> None:
        self._behind, self._name = behind, name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._behind.current, self._name), name)


class Behind:
    """The store that the application serves now; each test gives it a new one."""

    def __init__(self, current: Store) -> None:
        self.current = current
        self.people = Later(self, "people")  # who signs in is known to the application from its start

    def __getattr__(self, name: str) -> Any:
        return getattr(self.current, name)


@cache
def _made(api_key: str | None) -> tuple[Behind, ASGIApp]:
    first = memory_store()
    behind = Behind(first)
    made = create_app(behind, settings.load({"api_key": api_key}, {}))
    first.close()
    return behind, made


def app_over(store: Store, api_key: str | None = None) -> ASGIApp:
    """The application, over this store from now on."""
    behind, made = _made(api_key)
    behind.current = store
    return made
