"""TensorBoard's event files into a run while they are written."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from weft.errors import WeftError
from weft.tracing.instrumentation.imports import when_imported

_log = logging.getLogger("weft")
_EVERY_S = 1.0
_PARTS = frozenset({"train", "validation", "val", "eval", "test"})  # writers of one run beside each other

_live: EventSync | None = None
_writers: weakref.WeakSet[Any] = weakref.WeakSet()
_patched = False


class EventSync:
    """Follows the event files below folders: scalars become metrics at their step, the rest media of the run.

    A file in a subfolder has its path before the names: ``train/loss``. Never raises into the program.
    """

    def __init__(self, run: Any, every_s: float = _EVERY_S) -> None:
        self._run = run
        self._every_s = every_s
        self._roots: list[Path] = []
        self._at: dict[Path, int] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, folder: Path) -> None:
        """Follow the event files below ``folder``, also those that are still to come."""
        folder = folder.absolute()
        root = folder.parent if folder.name in _PARTS else folder
        with self._lock:
            if not any(root.is_relative_to(known) for known in self._roots):
                self._roots.append(root)

    def start(self) -> None:
        """Read every second from now on, in a thread."""
        self._thread = threading.Thread(target=self._keep_reading, name="weft-tensorboard", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have the writers of this process write what they hold, and read the rest."""
        global _live
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for writer in list(_writers):
            try:
                writer.flush()
            except Exception as error:  # noqa: BLE001 - a writer of another library, perhaps closed
                _log.debug("An event writer was not flushed: %s", error)
        self.read()
        if _live is self:
            _live = None

    def after_fork(self) -> None:
        """In the child: the parent reads."""
        self._thread = None
        self._lock = threading.Lock()

    def read(self) -> int:
        """Log what is new in the files; returns how many values."""
        count = 0
        with self._lock:
            for root in self._roots:
                for path in event_files(root):
                    count += self._read_file(root, path)
        return count

    def _read_file(self, root: Path, path: Path) -> int:
        # NumPy and protobuf are slow to import, and needed only here.
        from weft.formats.events import read_events  # noqa: PLC0415

        inside = path.parent.relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        count = 0
        try:
            with path.open("rb") as file:
                file.seek(self._at.get(path, 0))
                try:
                    for item in read_events(file, str(path)):
                        count += 1
                        self._log(prefix, item)
                        self._at[path] = file.tell()
                except WeftError as error:
                    self._at[path] = path.stat().st_size  # what is damaged is not read again and again
                    _log.warning("Weft does not read on in %s: %s", path, error)
        except OSError as error:
            _log.warning("Weft cannot read %s: %s", path, error)
        return count

    def _log(self, prefix: str, item: Any) -> None:
        name = f"{prefix}{item.tag}"
        try:
            if item.kind == "hparams":
                self._run.config.update(item.value, allow_val_change=True)
            elif (value := as_logged(item)) is not None:
                self._run.log({name: value}, item.step)
        except WeftError as error:
            _log.warning("Weft does not log %r of TensorBoard: %s", name, error)

    def _keep_reading(self) -> None:
        while not self._ended.wait(self._every_s):
            self.read()


def as_logged(item: Any) -> Any:
    """What ``run.log`` takes for a value of an event file; None for what it has no kind for."""
    if item.kind == "scalar":
        return item.value
    from weft.training.media import Audio, Histogram, Image, Text  # noqa: PLC0415 - numpy is slow to import

    if item.kind == "histogram":
        return Histogram(np_histogram=item.value)
    makers: dict[str, Callable[[Any], Any]] = {"image": Image, "audio": Audio, "text": Text}
    maker = makers.get(item.kind)
    values = [] if maker is None else [maker(value) for value in item.value]
    return values[0] if len(values) == 1 else values or None


def event_files(folder: Path) -> Iterator[Path]:
    """The event files below a folder, or the file itself, in the order of their names, which begin with the time."""
    if folder.is_file():
        yield folder
    elif folder.is_dir():
        yield from sorted(path for path in folder.rglob("*tfevents*") if path.is_file())


def follow_writers(run: Any) -> EventSync:
    """What follows every folder that a writer of this process opens from now on, to be started by the run's observers.

    Writers of torch, tensorboard, tensorboardX and TensorFlow are heard, imported before or later.
    """
    global _live, _patched
    if _live is None or _live._run is not run:
        _live = EventSync(run)
    if not _patched:
        _patched = True
        when_imported("tensorboard.summary.writer.event_file_writer", _hear_writer)
        when_imported("tensorboardX.event_file_writer", _hear_writer)
        when_imported("tensorflow.python.ops.gen_summary_ops", _hear_tensorflow)
    return _live


def _hear_writer(module: Any) -> None:
    former = module.EventFileWriter.__init__

    def begin(self: Any, logdir: Any, *args: Any, **kwargs: Any) -> None:
        former(self, logdir, *args, **kwargs)
        if _live is not None:
            _writers.add(self)
            _live.follow(Path(str(logdir)))

    module.EventFileWriter.__init__ = begin


def _hear_tensorflow(module: Any) -> None:
    former = module.create_summary_file_writer

    def create_summary_file_writer(*args: Any, **kwargs: Any) -> Any:
        logdir = kwargs["logdir"] if "logdir" in kwargs else args[1]
        if _live is not None:
            _live.follow(Path(logdir.numpy().decode() if hasattr(logdir, "numpy") else str(logdir)))
        return former(*args, **kwargs)

    module.create_summary_file_writer = create_summary_file_writer
