"""How agents end before their sweep does: on Ctrl-C or SIGTERM they give back the trials that they have."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDED = 128 + signal.SIGTERM


class Terminated(KeyboardInterrupt):
    """SIGTERM came: like Ctrl-C, but from whoever runs this machine."""


class Leaving:
    """What the agents of one call share: whether they begin another trial, and whether they give theirs back; ``tell``
    is called once they do."""

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        self._over, self._at_once, self._tell = threading.Event(), threading.Event(), tell

    def after_this(self) -> None:
        """Have each agent end when its trial has."""
        self._over.set()

    def now(self) -> None:
        """Have each agent give its trial back and end."""
        self._over.set()
        self._at_once.set()
        self._tell()

    def stays(self) -> bool:
        """Whether another trial may begin."""
        return not self._over.is_set()

    @property
    def at_once(self) -> bool:
        """Whether the trials at work are to be given back."""
        return self._at_once.is_set()


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """SIGTERM, where it would end this process at once, raises :class:`Terminated` in here, once, and then SystemExit.

    Only in the main thread; a handler of the program's own stays as it is.
    """
    former = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not _gives_way(former):
        yield
        return
    came = False

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if not came:  # another must not interrupt the giving back
            came = True
            raise Terminated

    signal.signal(signal.SIGTERM, heard)
    try:
        yield
    except Terminated:
        raise SystemExit(_ENDED) from None
    finally:
        signal.signal(signal.SIGTERM, former)


def _gives_way(handler: object) -> bool:
    """Whether a handler is nobody's, ours, or one that Ray sets as it is connected."""
    home = getattr(handler, "__module__", None) or ""
    return handler == signal.SIG_DFL or home == __name__ or home.split(".")[0] == "ray"


def side_by_side(
    works: list[Callable[[], object]],
    leaving: Leaving,
    more: Callable[[], list[Callable[[], object]]] | None = None,
    every_s: float = 10.0,
) -> None:
    """Call each in a thread of its own until all have ended; the first that raises ends the others after their trial.

    Ctrl-C and SIGTERM end them now. ``more`` is asked every ``every_s`` for what is to be called beside them.
    """
    failures: list[BaseException] = []
    ended = threading.Semaphore(0)

    def call(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(error)
            leaving.after_this()
        finally:
            ended.release()

    threads: list[threading.Thread] = []

    def start(some: list[Callable[[], object]]) -> None:
        for work in some:
            threads.append(threading.Thread(target=call, args=(work,), name=f"weft-agent-{len(threads)}", daemon=True))
            threads[-1].start()

    start(works)
    over = 0
    try:
        while over < len(threads):
            if ended.acquire(timeout=None if more is None else every_s):
                over += 1
            elif more is not None and leaving.stays():
                start(more())
    except BaseException:
        leaving.now()
        raise
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
