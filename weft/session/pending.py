"""What a reader has stored first: all that a directory's journal holds by now."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from weft import drainer
from weft.drainer.drain import ends
from weft.drainer.leader import destination_of, is_rival
from weft.errors import StoreError
from weft.journal import Position
from weft.settings import Settings

if TYPE_CHECKING:
    from weft.repositories import Store

_log = logging.getLogger("weft")
_PATIENCE_S = 45.0  # a drainer lets other programs go first: on a busy machine it may come to nothing for a while


def store_pending(settings: Settings, store: Store, scrub: drainer.Scrub) -> None:
    """Have what the journal of the settings' directory holds by now stored in ``store``, the one that is here; says
    where that takes longer than the settings allow."""
    destination = destination_of(settings)
    with contextlib.suppress(PermissionError):  # somebody else's directory: their drainer will do it
        try:
            sink = drainer.StoreSink(store)
            drainer.drain(settings.dir, sink, scrub=scrub, timeout_s=0.0, destination=destination)
        except StoreError:  # another drainer is at it
            if is_rival(settings.dir, destination):
                _log.warning("Records in %s go to another place now, by another program's settings.", settings.dir)
                return
            targets = ends(settings.dir, store.progress)
            if not _stored(store, targets, max(settings.flush_timeout_s, _PATIENCE_S)):
                _log.warning("Records in %s are still being stored; what is read now may lack them.", settings.dir)


def _stored(store: Store, targets: list[Position], patience_s: float) -> bool:
    """Whether all up to ``targets`` is stored; waited for as long as ``patience_s`` brings more of it."""
    left = drainer.pending_bytes(store.progress, targets)
    while not drainer.wait_until_stored(store, targets, patience_s):
        before, left = left, drainer.pending_bytes(store.progress, targets)
        if left >= before:
            return False
    return True


def send_pending(settings: Settings, store: Store, ensure: Callable[[], object] | None) -> None:
    """The same for a server; ``ensure`` sees to it that somebody sends. Raises ServerError."""
    targets = ends(settings.dir, store.progress)
    if not drainer.wait_until_stored(store.progress, targets, settings.flush_timeout_s, ensure=ensure):
        _log.warning("Records in %s are still on their way; what is read now may lack them.", settings.dir)
