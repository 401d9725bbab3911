"""An image from an op to the address that a browser asks for: embedded, and over a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
from starlette.testclient import TestClient

import weft
from weft import digests, settings, workbench
from weft.records import find_media
from weft.server import create_app
from weft.session import open_store

PROGRAM = """
import os, signal, sys
import numpy as np
import weft
weft.init("media", settings={"quiet": True})

@weft.op
def paint(seed):
    return weft.Image(np.random.default_rng(seed).integers(0, 255, (900, 900, 3)))

paint(1)  # larger than what a segment holds
paint(2)
os.kill(os.getpid(), signal.SIGKILL)
"""


def image(seed: int) -> weft.Image:
    return weft.Image(np.random.default_rng(seed).integers(0, 255, (900, 900, 3)))


def run(program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def test_images_survive_kill_and_reach_the_browser(fresh_home: Path) -> None:
    done = run(PROGRAM, WEFT_DRAIN="off")
    assert done.returncode == -signal.SIGKILL, done.stderr
    api = weft.Api()
    spans = [span for span in api.spans(project="media") if span.name == "paint"]
    assert len(spans) == 2
    store = open_store(settings.load())
    app = create_app(store, settings.load(), ingest_address="http://127.0.0.1:1")
    with TestClient(app, base_url="http://127.0.0.1:4300") as client:
        for span in spans:
            (found,) = find_media(span.output)
            answer = client.get(f"/api/projects/media/media/{found.digest}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
            assert digests.of_bytes(answer.content) == found.digest
            assert answer.content in (image(1).data, image(2).data)
    store.close()


def test_images_reach_a_server(tmp_path: Path, fresh_home: Path) -> None:
    given = settings.load({"port": 0, "otlp_port": 0, "quiet": True, "dir": tmp_path / "server"})
    with workbench.start_background(given) as background:
        program = PROGRAM.replace("os.kill(os.getpid(), signal.SIGKILL)", "assert weft.flush().complete")
        done = run(program, WEFT_URL=background.url)
        assert done.returncode == 0, done.stderr
        with weft.Api(url=background.url) as api:
            spans = [span for span in api.spans(project="media") if span.name == "paint"]
        pictures = [find_media(span.output)[0] for span in spans]
        assert len(pictures) == 2
        for found in pictures:
            answer = httpx.get(f"{background.url}/api/projects/media/media/{found.digest}")
            assert digests.of_bytes(answer.content) == found.digest
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
