"""The drainer's process: ``python -m weft.drainer --dir DIR``; ``WEFT_DB``, ``WEFT_URL``, ``WEFT_API_KEY`` as set."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path

from weft.drainer.ahead import Ahead
from weft.drainer.leader import destination_of
from weft.drainer.loop import Loop
from weft.drainer.process import open_sink
from weft.drainer.scrubbing import scrub_of
from weft.settings import load


def main() -> int:
    """Lead the drain of a Weft directory until nobody writes any more."""
    parser = argparse.ArgumentParser(prog="weft.drainer", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="the Weft directory")
    parser.add_argument("--linger", type=float, default=3.0, help="seconds to go on with nothing to do")
    parser.add_argument("--nice", type=int, default=0, help="how far others come first, 0 to 19")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s", level=logging.WARNING)
    _let_others_first(arguments.nice)
    settings = load({"dir": arguments.dir})
    destination = destination_of(settings)
    loop = Loop(
        settings.dir,
        lambda: open_sink(settings),
        scrub=scrub_of(settings),
        linger_s=arguments.linger,
        destination=destination,
        ahead=Ahead(settings),
    )
    # Of millions of records in a batch none is in a cycle: to look for cycles among them often is a tenth of the work.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # it holds every live segment open
    os.chdir("/")  # keep no folder busy
    loop.run()
    return 0


def _let_others_first(nice: int) -> None:
    """Where cores are short, the programs that record come first."""
    if nice:
        os.nice(nice)
        # Linux may share cores out by session first. Only in a session of its own is that the drainer's to say.
        if os.getsid(0) == os.getpid():
            with contextlib.suppress(OSError):  # there is no such file elsewhere
                Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
