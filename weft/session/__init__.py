"""The composition root: settings become a journal, a store, a tracer and the current run of this process.

The only process state of Weft is here: the session, and with it the slot of :mod:`weft.recording` and the
current run of :mod:`weft.training.run`.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from weft import drainer, recording, tracing
from weft import settings as settings_module
from weft.drainer.scrubbing import scrub_of
from weft.errors import InputError, StoreError
from weft.journal import MEMORY_BYTES, fork, memory_directory
from weft.recording import FlushReport
from weft.session.pending import store_pending
from weft.session.place import Session
from weft.session.stores import open_store
from weft.settings import Settings
from weft.training import apart, frameworks, lifecycle, trials
from weft.training import run as runs
from weft.training.arguments import BEGUN, Arguments, arguments
from weft.training.environment import rank
from weft.training.lifecycle import RunOptions
from weft.training.resuming import Wish, resolve
from weft.training.run import Run

if TYPE_CHECKING:
    from weft.drainer import DrainReport
    from weft.repositories import Store

__all__ = [
    "Session",
    "catch_up",
    "close",
    "flush",
    "init",
    "join_run",
    "login",
    "open_store",
    "setup",
    "sync",
    "teardown",
]

_log = logging.getLogger("weft")
_lock = threading.RLock()
_session: Session | None = None
_hooked = False
_uncaught: BaseException | None = None
_exit_code = 0
_FOREIGN = "wandb.ai"
_ACCEPTED = {"anonymous", "magic", "monitor_gym", "tensorboard"}


# The names that users of experiment trackers know; an options record would break that habit.
def init(
    project: str | None = None,
    *,
    kind: str = "app",
    name: str | None = None,
    config: Any = None,
    tags: Sequence[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    mode: str | None = None,
    dir: str | Path | None = None,
    url: str | None = None,
    id: str | None = None,
    instrument: bool | None = None,
    redact: tracing.Redaction = None,
    entity: str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    reinit: bool | str | None = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    save_code: bool | None = None,
    sync_tensorboard: bool | None = None,
    force: bool | None = None,
    settings: Any = None,
    **more: Any,
) -> Run:
    """Start recording: returns the run, makes it current and prints its address.

    Called again in the same project it returns the current run with config and tags merged; in another project
    or place it finishes the current one first. ``reinit`` decides otherwise: ``return_previous``, ``finish_previous``
    or ``create_new``, which leaves the current run as it is. Processes that pass one ``id`` share one run.

    ``config`` is what :func:`weft.training.config.as_config` takes. ``resume`` (``allow``, ``must``, ``never``,
    ``auto``) goes on with the run ``id``; ``fork_from="RUN?_step=100"`` begins a new run with another's history up to
    a step, ``resume_from`` takes that very run back to it. ``settings`` takes any other setting by name; ``redact`` is
    that of ``weft.op``, for every span of this process until another is given. ``entity``, ``force``, ``anonymous``,
    ``magic`` and ``monitor_gym`` are accepted and change nothing; ``tensorboard`` is another name of
    ``sync_tensorboard``. Raises SettingError, InputError, StoreError where the directory cannot be written, and, where
    a run is gone on with, NotFoundError, ConflictError and ServerError.
    """
    asked = arguments(
        kind=kind,
        config=config,
        tags=tags,
        settings=settings,
        named={
            **{"project": project, "mode": mode, "dir": dir, "url": url, "instrument": instrument},
            **_switches(save_code, sync_tensorboard, more),
        },
        described={"name": name, "group": group, "job_type": job_type, "notes": notes, "entity": entity},
        keys=(config_exclude_keys, config_include_keys),
        reinit=reinit,
        allow_val_change=allow_val_change,
    )
    return _begin(asked, id, {"resume": resume, "resume_from": resume_from, "fork_from": fork_from}, redact)


def _begin(asked: Arguments, run_id: str | None, moves: dict[str, Any], redact: tracing.Redaction) -> Run:
    """The run that ``init`` was asked for: the one that goes on where it means that, else a new one."""
    with _lock:
        wanted = _settings(asked.given)
        trial = None if wanted.mode != "online" and trials.at_hand() is None else _trial(wanted)
        if trial is not None:
            asked, run_id, moves = trials.placed(asked, trial), trial.trial.run_id, {}
            wanted = _settings(asked.given)
        wish = asked.wish(run_id, wanted, moves)
        tracing.redact_with(redact)
        current = runs.at_hand()
        if current is not None and asked.reinit != "create_new":
            if _is_the_current(asked.reinit, wanted, wish, current):
                current.update(config=asked.config, tags=asked.tags)
                return current
            current.finish()
        session = _session if current is not None and runs.at_hand() is current and _session is not None else None
        session = session or _start(wanted)
        start = resolve(wish, wanted, session.caught_up)
        return _start_run(session, asked.options(wish, start, wanted), trial)


def _trial(wanted: Settings) -> trials.Link | None:
    return trials.upcoming(wanted.trial, lambda: open_store(wanted))


def _is_the_current(reinit: str, wanted: Settings, wish: Wish, current: Run) -> bool:
    """Whether ``init`` means the run that goes on already."""
    if reinit in {"return_previous", "finish_previous"}:
        return reinit == "return_previous"
    same = _session is not None and _session.asked == wanted and wish.run_id in (None, current.id)
    return same and not (wish.fork_from or wish.resume_from)


def _switches(save_code: bool | None, sync_tensorboard: bool | None, more: dict[str, Any]) -> dict[str, Any]:
    """Those that are given, the older name ``tensorboard`` too. Raises TypeError for arguments that nobody knows."""
    unknown = more.keys() - _ACCEPTED
    if unknown:
        raise TypeError(f"weft.init() got an unexpected keyword argument {min(unknown)!r}")
    given = {
        "save_code": save_code,
        "sync_tensorboard": more.get("tensorboard") if sync_tensorboard is None else sync_tensorboard,
    }
    return {name: value for name, value in given.items() if value is not None}


def login(key: str | None = None, *, host: str | None = None, **more: Any) -> bool:
    """Use this key and this server in this process and those that it starts, where ``WEFT_API_KEY`` and ``WEFT_URL``
    are unset.

    Nothing is asked and nothing kept on disk; other arguments that users of experiment trackers know change nothing,
    and W&B's own host is passed over: nothing is sent there.
    """
    if host and (urlsplit(host).hostname or "").endswith(_FOREIGN):
        host = None
    for variable, value in (("WEFT_API_KEY", key), ("WEFT_URL", host)):
        if value and not os.environ.get(variable):
            os.environ[variable] = value
    return True


def setup(settings: Any = None) -> None:
    """Nothing is to be set up before ``init``: this is here for programs that call it."""


def teardown(exit_code: int | None = None) -> None:
    """Finish the current run and let go of everything, as the end of the process does."""
    runs.finish(exit_code)
    close()


def join_run(given: dict[str, Any], run_id: str, parent: int) -> None:
    """Record into a run of another process, the one that started this; what ``weft.propagate`` does in a pool."""
    # A process of a fork server has not inherited this.
    os.environ.setdefault(BEGUN, f"{run_id}:{parent}")
    init(id=run_id, settings={**given, "console": False, "git": False, "system_interval_s": 0.0, "quiet": True})


def flush(timeout_s: float = 30.0) -> FlushReport:
    """Wait until all that this process has recorded is in the store, or for ``timeout_s``; says what is missing."""
    session = _session
    return FlushReport(complete=True) if session is None else session.flush(timeout_s)


def close() -> None:
    """Finish the current run and let go of everything; what the end of the process does by itself."""
    global _session
    runs.finish()
    with _lock:
        session, _session = _session, None
        if session is not None:
            session.close()
            tracing.redact_with(())


def sync(settings: Settings) -> DrainReport:
    """Store, or send to the server, all that the directory's journal holds. Raises StoreError or ServerError."""
    return drainer.drain_all(settings)


def catch_up(settings: Settings, store: Store) -> None:
    """Before reading from ``store``: have what the directory's journal holds by now stored in it."""
    session = _session
    if settings.url is None:
        ours = settings if session is None or session.settings.dir != settings.dir else session.settings
        store_pending(settings, store, scrub_of(ours))
    elif session is not None and session.settings.url == settings.url:
        session.flush(settings.flush_timeout_s)
    else:
        drainer.drain_all(settings)


def _settings(given: dict[str, Any]) -> Settings:
    """The settings in force: those given now, and while a run goes on, its own for the rest."""
    loaded = settings_module.load(given)
    if runs.at_hand() is None or _session is None:
        return loaded
    return replace(_session.asked, **{key: getattr(loaded, key) for key in given})


def _start(settings: Settings) -> Session:
    """The session with these settings: the one that is open, or a new one in its place."""
    global _session
    if _session is not None:
        if _session.asked == settings and _session.pid == os.getpid():
            return _session
        if apart.here.get() is not None:
            raise InputError(
                "Trials in threads share where they record: this one has settings of its own.",
                remedy="Give weft.init the same settings in each, or run trials in processes.",
                field="settings",
            )
        stale, _session = _session, None
        stale.close()
    _install_hooks()
    try:
        _session = Session(settings, join_run)
    except StoreError as error:
        in_memory = _in_memory(settings, error)
        if in_memory is None:
            raise
        _session = Session(in_memory, join_run)
        _session.asked = settings
    return _session


@contextmanager
def aside() -> Iterator[None]:
    """Put the current run and where it records aside: what begins in here has its own, and afterwards they go on."""
    with _lock:
        if runs.current is None:
            close()  # one that nothing records to
        kept, begun = _exchanged((None, None, None)), os.environ.pop(BEGUN, None)
    try:
        yield
    finally:
        runs.finish()
        with _lock:
            _, mine, _ = _exchanged(kept)
            if mine is not None:
                mine.close()  # what is redacted stays so in the run that goes on
            if begun is not None:
                os.environ[BEGUN] = begun


_Place = tuple[Run | None, Session | None, recording.Recorder | None]


def _exchanged(place: _Place) -> _Place:
    """Have this process record there; returns where it did."""
    global _session
    former: _Place = (runs.current, _session, recording.active)
    runs.current, _session, active = place
    recording.activate(active)
    return former


def _in_memory(settings: Settings, error: StoreError) -> Settings | None:
    """Settings that record in memory on the way to a server, where the directory cannot be written; says so."""
    if settings.url is None or settings.mode != "online":
        return None
    directory = memory_directory(f"{settings.dir} to {settings.url}")
    if directory is None:
        return None
    quota = min(MEMORY_BYTES, settings.journal_quota_bytes)
    _log.warning(
        "Weft: %s Records are kept in memory (%s, at most %s MB) until they are at %s: they survive this process, not "
        "this machine.",
        error.message,
        directory,
        quota // 1_000_000,
        settings.url,
    )
    return replace(settings, dir=directory, journal_quota_bytes=quota)


def _start_run(session: Session, options: RunOptions, trial: trials.Link | None) -> Run:
    frameworks.register()
    begin = Run if trial is None else partial(trials.TrialRun, trial)
    if session.settings.mode == "disabled":
        recording.activate(None)
        run = begin(session, options, on_finish=_run_ended)
        runs.place(run)
        return run
    tracing.setup(session.settings)
    if session.settings.instrument:
        tracing.instrument()
    recording.activate(session)
    run = begin(session, options, on_finish=_run_ended)
    beside = runs.at_hand() is not None  # a run of its own beside the current one
    if not beside:
        runs.place(run)
    if options.primary and runs.current is run:
        os.environ[BEGUN] = f"{run.id}:{os.getpid()}"
    if not session.settings.quiet and options.primary:
        sys.stderr.write(_greeting(session, run))
    run.observe()
    return run


def _greeting(session: Session, run: Run) -> str:
    if session.settings.mode == "offline":
        where = f"kept in {session.directory}; `weft sync` stores it"
    elif session.settings.url:
        where = run.url
    else:
        where = f"{run.url} (`weft up` serves the page)"
    number = rank() or 0
    alone = f"weft: rank {number} has a run of its own; with weft.init(id=...) all ranks share one.\n" if number else ""
    return f"weft: run {run.name} of project {run.project}: {where}\n{alone}"


def _run_ended(run: Run) -> None:
    session = _session
    if runs.current is run:
        runs.current = None
        recording.activate(None)
        if os.environ.get(BEGUN) == f"{run.id}:{os.getpid()}":
            del os.environ[BEGUN]
    elif runs.at_hand() is run:  # of a thread: others of this process go on
        runs.place(None)
    if session is not None and trials.at_hand() is None:  # an agent waits once, at its end
        session.settle()


def _install_hooks() -> None:
    """Once a process: hear of its end, and of the exception or exit code that ends it."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    former_hook, former_exit = sys.excepthook, sys.exit

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _uncaught
        if isinstance(error, trials.TrialStopped):  # what ends a trial's program that does not ask is no failure of it
            sys.stderr.write(f"weft: the trial was stopped early: {error}\n")
            return
        _uncaught = error
        former_hook(kind, error, trace)

    def leave(status: Any = None, /) -> NoReturn:
        # SystemExit never reaches excepthook. A program that catches its own sys.exit(1) and goes on reads as failed.
        global _exit_code
        _exit_code = status if isinstance(status, int) else int(status is not None)
        former_exit(status)

    sys.excepthook = excepthook
    sys.exit = leave
    atexit.register(_at_exit)


def _at_exit() -> None:
    session = _session
    if session is None or session.pid != os.getpid():
        return  # a forked child: what it recorded is in the journal, the rest is the parent's
    if runs.current is not None:
        failure = None if _uncaught is None else lifecycle.failure_of(_uncaught)
        runs.current.finish(exit_code=_exit_code, failure=failure)
    session.close()


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    if _session is not None:
        _session.after_fork()


fork.register(_after_fork)
