"""At the end of a run: what it logged is uploaded, for as long as that gets on; the rest waits in the directory."""

from __future__ import annotations

import logging
import sys
import time

from weft import drainer
from weft.drainer import outbox
from weft.errors import WeftError
from weft.formatting import size
from weft.recording import Recorder

_TURN_S = 0.2
_LINE_S = 10.0
_log = logging.getLogger("weft")


def await_uploads(recorder: Recorder, folders: set[str]) -> None:
    """Wait until the outbox has none of these folders, telling how far it is.

    Returns at once where nobody uploads or the server is away, and as soon as nothing has got on for as long as an
    ending process waits for the store (``flush_timeout_s``). Never raises; what is left is sent later.
    """
    settings = recorder.settings
    if not folders or settings.mode != "online" or settings.drain == "off":
        return
    whole = left = _left(recorder, folders)
    told = _Told(quiet=settings.quiet)
    deadline = time.monotonic() + settings.flush_timeout_s
    while left is not None:
        if _is_away(recorder) or recorder.flush(_TURN_S).complete:
            break
        now = _left(recorder, folders)
        if now != left:
            deadline, left = time.monotonic() + settings.flush_timeout_s, now
        elif time.monotonic() >= deadline:
            break
        told.say(left or 0, whole or 0)
    told.end()
    if (rest := _left(recorder, folders)) is not None:
        _log.warning(
            "Weft: artifacts of %s wait in %s and are uploaded later; `weft sync` does it now.",
            size(rest),
            outbox.outbox_of(recorder.directory),
        )


def _left(recorder: Recorder, folders: set[str]) -> int | None:
    found = [left for name, left in outbox.waiting(recorder.directory).items() if name in folders]
    return sum(found) if found else None


def _is_away(recorder: Recorder) -> bool:
    try:
        answers = getattr(recorder.store, "answers", None)  # of a server; a database here is at hand
    except WeftError:
        return True
    if answers is not None and not answers():
        return True
    return drainer.read_status(recorder.directory).destination not in ("", "ok", None)


class _Told:
    """How far it is, on standard error: in place on a terminal, else a line now and then."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = time.monotonic()
        self._shown = False

    def say(self, left: int, whole: int) -> None:
        """Tell how many bytes are left."""
        if self._quiet:
            return
        line = f"Weft: uploading artifacts, {size(whole - left)} of {size(whole)}"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line}   ")
            sys.stderr.flush()
            self._shown = True
        elif time.monotonic() - self._last > _LINE_S:
            sys.stderr.write(f"{line}\n")
            self._last = time.monotonic()

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            sys.stderr.write("\n")
