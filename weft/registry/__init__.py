"""The registry: versions that a team agreed on. ``weft.registry.register("clf:v3", "classifier")``, then promote it.

The functions speak to the store of the current session; :class:`Registry` does the same for a store of one's own.
"""

from weft.registry.cards import model_card
from weft.registry.facade import (
    Registry,
    Version,
    add_hook,
    alias,
    approve,
    card,
    change,
    checks,
    create,
    get,
    history,
    link,
    list_registered,
    production,
    promote,
    record_check,
    register,
    roll_back,
    versions,
)

__all__ = [
    "Registry",
    "Version",
    "add_hook",
    "alias",
    "approve",
    "card",
    "change",
    "checks",
    "create",
    "get",
    "history",
    "link",
    "list_registered",
    "model_card",
    "production",
    "promote",
    "record_check",
    "register",
    "roll_back",
    "versions",
]
