"""``weft up``: pages, API and ingest behind one address, started and ended together."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

from weft import settings as settings_module
from weft.errors import WeftError
from weft.review_ui import addresses
from weft.review_ui.late import LatePages
from weft.server import Pages, create_app, is_loopback, rules_of
from weft.server.ingest import IngestProcess
from weft.server.lifeline import AnnouncingServer, follow_parent, listen, unwinding_on_sigterm, uvicorn_config
from weft.settings import Settings
from weft.store import open_store

_START_S = 60.0
_STOP_S = 20.0


def serve(settings: Settings, *, open_browser: bool = True, ready: Callable[[str], None] | None = None) -> None:
    """Serve everything until SIGINT or SIGTERM; ``ready`` is called with the address once it answers.

    Raises WeftError where the port is taken or the address would be open to others without a key, MissingExtraError
    where the extra ``server`` is not installed, StoreError where the database cannot be used.
    """
    settings = dataclasses.replace(settings, url=None)
    with contextlib.ExitStack() as stack:
        front = stack.enter_context(listen(settings.host, settings.port, "WEFT_PORT"))
        store = stack.enter_context(contextlib.closing(open_store(settings)))
        rules_of(settings, people=bool(store.people.list_people()))
        inner = stack.enter_context(listen("127.0.0.1", 0, "WEFT_OTLP_PORT"))
        otlp = _otlp_socket(settings)
        sockets = [inner] if otlp is None else [inner, stack.enter_context(otlp)]
        settings = dataclasses.replace(settings, port=front.getsockname()[1])
        # The pages, the drainer and the ingest process find their settings in the environment.
        os.environ.update(settings_module.to_environ(settings))
        os.environ.pop("WEFT_URL", None)
        ingest = IngestProcess(settings, sockets, _address(settings.host, front))
        stack.callback(ingest.stop)
        late = LatePages()
        pages = Pages(late, late.lifespan, addresses.target)
        inside = _address("127.0.0.1", inner)
        app = create_app(store, settings, ingest_address=inside, ingest_key=ingest.key, pages=pages)
        address = _address(settings.host, front)

        def announce() -> None:
            _say(settings, address, otlp)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            if ready is not None:
                ready(address)

        with unwinding_on_sigterm():
            AnnouncingServer(uvicorn_config(app), announce).run(sockets=[front])


def _otlp_socket(settings: Settings) -> socket.socket | None:
    """The socket of OTLP's usual port. Another program that has it is no reason not to start: /v1 is served anyway."""
    if settings.otlp_port == 0:
        return None
    try:
        return listen(settings.host, settings.otlp_port, "WEFT_OTLP_PORT")
    except WeftError as error:
        print(  # noqa: T201 - said once, to who starts the server
            f"{error.message} OTLP is taken on port {settings.port} only; WEFT_OTLP_PORT chooses another port.",
            file=sys.stderr,
        )
        return None


def _address(host: str, sock: socket.socket) -> str:
    port = sock.getsockname()[1]
    shown = host if host not in {"0.0.0.0", "::", ""} else "127.0.0.1"  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _say(settings: Settings, address: str, otlp: socket.socket | None) -> None:
    if settings.quiet:
        return
    also = "" if otlp is None else f" and {_address(settings.host, otlp)}/v1/traces"
    print(f"Weft is at {address}", flush=True)  # noqa: T201 - what the command is for
    print(f"OpenTelemetry (OTLP/HTTP) goes to {address}/v1/traces{also}", flush=True)  # noqa: T201 - likewise
    if not is_loopback(settings.host):
        print("Others who reach this machine are asked to sign in.", flush=True)  # noqa: T201 - likewise


class Background:
    """A workbench in a process of its own; it ends with :meth:`stop` or with this process, however that ends."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url

    @property
    def pid(self) -> int:
        """The id of the process that serves pages and API."""
        return self._process.pid

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def start_background(settings: Settings) -> Background:
    """Start the workbench in a process of its own and return when it answers; port 0 takes a free one.

    Raises WeftError with what the process said where it does not come up.
    """
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "weft.workbench", "--follow", "--ready-fd", str(writing)]
    environ = settings_module.to_environ(dataclasses.replace(settings, url=None))
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, arguments of our own
            command, stdin=subprocess.PIPE, stderr=None, pass_fds=[writing], start_new_session=True, env=environ
        )
    finally:
        os.close(writing)
    with os.fdopen(reading) as told:
        url = told.readline().strip()
    if not url:
        with process:  # closes its standard input
            status = process.wait(_START_S)
        raise WeftError(
            f"The workbench ended with status {status} before it answered.",
            remedy="What it printed above says why; `weft doctor` looks further.",
        )
    return Background(process, url)


def main(arguments: list[str] | None = None) -> int:
    """``python -m weft.workbench``, what :func:`start_background` starts; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m weft.workbench", description="Use `weft up` instead.")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--ready-fd", type=int)
    given = parser.parse_args(arguments)
    if given.follow:
        follow_parent()

    def ready(address: str) -> None:
        if given.ready_fd is not None:
            with os.fdopen(given.ready_fd, "w") as out:
                out.write(f"{address}\n")

    try:
        serve(settings_module.load({"dir": given.dir}), open_browser=False, ready=ready)
    except WeftError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's own message
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
