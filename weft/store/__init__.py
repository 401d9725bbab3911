"""The one run and trace database. SQLAlchemy is imported when the first store is opened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.store.backups import BackupReport, backup, restore
    from weft.store.copying import copy_database
    from weft.store.sql import SqlStore, open_memory, open_store, open_url

_HOMES = {
    "BackupReport": "weft.store.backups",
    "SqlStore": "weft.store.sql",
    "backup": "weft.store.backups",
    "copy_database": "weft.store.copying",
    "open_memory": "weft.store.sql",
    "open_store": "weft.store.sql",
    "open_url": "weft.store.sql",
    "restore": "weft.store.backups",
}
__all__ = ["BackupReport", "SqlStore", "backup", "copy_database", "open_memory", "open_store", "open_url", "restore"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
