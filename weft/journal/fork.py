"""What must happen around ``os.fork``: the one registry of hooks.

A lock or thread that a child inherits is the classic deadlock of trackers in data-loader workers. Whoever holds
locks, threads, descriptors or mappings registers here: ``before`` runs in the parent ahead of the fork (take your
locks), ``parent`` behind it (give them back), ``child`` in the child (replace them). A hook that fails is logged and
the others still run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger("weft")


@dataclass(frozen=True, slots=True)
class _Hooks:
    child: Callable[[], None] | None
    before: Callable[[], None] | None
    parent: Callable[[], None] | None


_registered: list[_Hooks] = []


def register(
    child: Callable[[], None] | None = None,
    *,
    before: Callable[[], None] | None = None,
    parent: Callable[[], None] | None = None,
) -> Callable[[], None]:
    """Run these hooks at every fork; returns a function that takes them out again.

    ``before`` hooks run in the reverse order of registration, the others in its order.
    """
    hooks = _Hooks(child, before, parent)
    _registered.append(hooks)
    return lambda: _registered.remove(hooks) if hooks in _registered else None


def _run(hook: Callable[[], None] | None) -> None:
    if hook is None:
        return
    try:
        hook()
    except Exception:  # noqa: BLE001 - one room's hook must not keep the others from running
        _log.exception("A hook around os.fork failed.")


def _before() -> None:
    for hooks in reversed(_registered):
        _run(hooks.before)


def _parent() -> None:
    for hooks in list(_registered):
        _run(hooks.parent)


def _child() -> None:
    for hooks in list(_registered):
        _run(hooks.child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_parent, after_in_child=_child)
