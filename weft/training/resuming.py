"""Going on with a run: the same one, one with a part of another's history, or one that is taken back to a step."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from weft import ids
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import Run
from weft.repositories import Store
from weft.settings import Settings
from weft.training import local

RESUMES = ("allow", "must", "never", "auto")
_log = logging.getLogger("weft")
_MOMENT = re.compile(r"(?P<run>[^?]+)\?_step=(?P<step>-?\d+)")
_SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Wish:
    """What ``init`` was asked to go on from."""

    run_id: str | None = None
    resume: str | None = None
    fork_from: str | None = None
    resume_from: str | None = None
    primary: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """Which run begins, and what was known of it until now."""

    run_id: str
    stored: Run | None = None
    resumed: bool = False
    next_step: int = 0


def as_resume(given: bool | str | None) -> str | None:
    """The word for what ``init`` was given as ``resume``. Raises InputError."""
    if given is None or given is False or given == "":
        return None
    resume = "auto" if given is True else given
    if resume not in RESUMES:
        raise InputError(f"resume is {given!r}.", remedy=f"Use {', '.join(RESUMES)}.", field="resume")
    return resume


def check(wish: Wish) -> Wish:
    """The wish, with the id that it names. Raises InputError where it asks for things that exclude each other."""
    asked = [name for name in ("resume", "fork_from", "resume_from") if getattr(wish, name)]
    if len(asked) > 1:
        raise InputError(f"{' and '.join(asked)} are given.", remedy="Give one of them.", field=asked[1])
    if wish.resume == "must" and wish.run_id is None:
        raise InputError("resume='must' needs the run's id.", remedy="Give id='...'.", field="id")
    if wish.resume_from:
        run_id, _ = moment(wish.resume_from, "resume_from")
        if wish.run_id not in (None, run_id):
            raise InputError(
                f"resume_from names the run {run_id!r} and id the run {wish.run_id!r}.",
                remedy="Give resume_from alone.",
                field="id",
            )
    if wish.fork_from:
        run_id, _ = moment(wish.fork_from, "fork_from")
        if run_id == wish.run_id:
            raise InputError(
                f"The run {run_id!r} cannot be forked into itself.",
                remedy="Give another id, or none; resume_from takes a run back.",
                field="id",
            )
    return wish


def moment(text: str, field: str) -> tuple[str, int]:
    """Run id and step of ``RUN?_step=N``. Raises InputError."""
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InputError(
            f"{field} is {text!r}, which names no step of a run.", remedy=f"Use {field}='RUN?_step=100'.", field=field
        )
    return found["run"], int(found["step"])


def resolve(wish: Wish, settings: Settings, store: Callable[[], Store]) -> Start:
    """Which run a wish comes to; ``store`` gives the store, with all in it that the directory's journal holds.

    Raises ConflictError where ``resume="never"`` and the run exists, NotFoundError where it must and does not, and
    InputError for a fork or rewind of a run that is recorded offline.
    """
    if settings.mode == "disabled":
        named = moment(wish.resume_from, "resume_from")[0] if wish.resume_from else None
        return Start(named or wish.run_id or ids.new_id())
    if wish.fork_from or wish.resume_from:
        return _moved(wish, settings, store)
    run_id = wish.run_id
    if wish.resume == "auto" and run_id is None:
        run_id = local.remembered(settings.dir)
    start = Start(run_id or ids.new_id())
    if run_id is not None and wish.resume is not None:
        start = _resumed(run_id, wish.resume, settings, store)
    if wish.resume == "auto" and wish.primary:
        local.remember(settings.dir, start.run_id)
    return start


def _resumed(run_id: str, resume: str, settings: Settings, store: Callable[[], Store]) -> Start:
    known = local.find_local(settings.dir, run_id, settings.project) if settings.mode == "offline" else None
    if settings.mode != "offline":
        opened = store()
        stored = opened.runs.find_run(run_id)
        known = None if stored is None else (stored, next_step(opened, run_id))
    if known is None:
        if resume == "must":
            raise NotFoundError(
                f"There is no run {run_id!r} to resume.",
                remedy="Check the id and the directory or server, or use resume='allow'.",
                field="id",
            )
        return Start(run_id)
    if resume == "never":
        raise ConflictError(
            f"There is a run {run_id!r} already.", remedy="Use another id, or resume='allow'.", field="id"
        )
    return Start(run_id, known[0], True, known[1])


def _moved(wish: Wish, settings: Settings, store: Callable[[], Store]) -> Start:
    field = "fork_from" if wish.fork_from else "resume_from"
    run_id, step = moment(str(wish.fork_from or wish.resume_from), field)
    if settings.mode == "offline":
        raise InputError(
            f"{field} needs the history of the run {run_id!r}, which is out of reach offline.",
            remedy="Set WEFT_MODE=online, or use resume='allow'.",
            field=field,
        )
    opened = store()
    last = next_step(opened, run_id) - 1
    if step > last >= 0:
        _log.warning(
            "Weft: %s names the step %d of the run %r, whose last is %d: all is taken.", field, step, run_id, last
        )
    if wish.fork_from:
        stored = opened.histories.fork_run(run_id, step, new_id=wish.run_id or ids.new_id())
        return Start(stored.run_id, stored, False, step + 1)
    stored = opened.histories.rewind_run(run_id, step) if wish.primary else opened.runs.get_run(run_id)
    return Start(run_id, stored, True, step + 1)


def next_step(store: Store, run_id: str) -> int:
    """The step after the last that a run logged."""
    numbers = [summary.last_step for summary in store.series.list_series(run_id) if summary.source != _SYSTEM]
    others = [found.last_step for found in store.logged.list_logged(run_id) if not found.name.startswith("files/")]
    return max([*numbers, *others], default=-1) + 1
