"""The workbench's processes: ports, refusals, what is left when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from weft import settings, workbench
from weft.errors import WeftError
from weft.server.lifeline import listen
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for


def configured(**given: Any) -> settings.Settings:
    return settings.load({"port": 0, "otlp_port": 0, "quiet": True, **given})


def test_a_port_in_use_is_named(fresh_home: Path) -> None:
    with listen("127.0.0.1", 0, "WEFT_PORT") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            WeftError, match=rf"Port {port} of 127.0.0.1 is in use.*another port with WEFT_PORT"
        ) as caught:
            workbench.serve(configured(port=port), open_browser=False)
    assert caught.value.field == "port"
    assert not (fresh_home / "weft.db").exists()


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [("no.such.host.invalid", 0, "is no address of this machine"), ("192.0.2.1", 0, "cannot listen on port 0")],
)
def test_an_address_of_another_machine_is_refused(host: str, port: int, message: str) -> None:
    with pytest.raises(WeftError, match=message):
        listen(host, port, "WEFT_PORT")


def test_others_are_not_let_in_without_a_key() -> None:
    with pytest.raises(WeftError, match="without a key"):
        workbench.serve(configured(host="0.0.0.0"), open_browser=False)


def test_another_program_on_the_otlp_port_is_said_and_no_obstacle(capfd: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0, "WEFT_PORT") as taken:
        given = configured(otlp_port=taken.getsockname()[1], quiet=False)
        with workbench.start_background(given) as background:
            assert httpx.post(f"{background.url}/v1/traces", json={}).status_code == 200
    out, err = capfd.readouterr()
    assert f"Port {given.otlp_port} of 127.0.0.1 is in use" in err
    assert f"Weft is at {background.url}" in out


def test_one_that_does_not_come_up_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        listen("127.0.0.1", 0, "WEFT_PORT") as taken,
        pytest.raises(WeftError, match="ended with status 2 before it answered"),
    ):
        workbench.start_background(configured(port=taken.getsockname()[1]))
    assert "is in use" in capfd.readouterr().err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_it(how: signal.Signals) -> None:
    background = workbench.start_background(configured(port=kept_port()))  # nobody else answers there afterwards
    ingest = [p for p in psutil.Process(background.pid).children() if "weft.server.ingest" in p.cmdline()]
    assert len(ingest) == 1
    os.kill(background.pid, how)
    wait_for(lambda: not ingest[0].is_running())
    background.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{background.url}/api/health")


def test_it_ends_with_its_parent() -> None:
    program = """
import sys, time
from weft import settings, workbench
background = workbench.start_background(settings.load({"port": 0, "otlp_port": 0, "quiet": True}))
print(background.url, background.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as told:
        url, pid = told.readline().split()
    assert httpx.get(f"{url}/api/health").status_code == 200
    parent.kill()
    parent.wait()
    wait_for(lambda: not psutil.pid_exists(int(pid)))


def test_ingest_alone_serves_its_port(fresh_home: Path) -> None:
    command = [sys.executable, "-m", "weft.server.ingest", "--dir", str(fresh_home), "--port"]
    port = kept_port()
    process = subprocess.Popen([*command, str(port)])

    def answers() -> bool:
        try:
            return httpx.post(f"http://127.0.0.1:{port}/v1/traces", json={}).status_code == 200
        except httpx.ConnectError:
            return False

    try:
        wait_for(answers)
        second = subprocess.run([*command, str(port)], capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert f"Port {port} of 127.0.0.1 is in use" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_without_the_extra_the_message_names_it(package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import weft.workbench"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"needs the package '{package}'" in done.stderr
    assert "pip install 'weft[server]'" in done.stderr


def test_a_file_where_the_directory_should_be_is_told(fresh_home: Path) -> None:
    fresh_home.write_text("not a folder")
    with pytest.raises(WeftError, match="WEFT_DIR"):
        workbench.serve(configured(), open_browser=False)
