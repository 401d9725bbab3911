"""What runs log besides numbers, from end to end: killed programs, no server, many ranks, tables read back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import weft
from weft import digests, recording, session
from weft.errors import InputError, NotFoundError
from weft.records import find_media
from weft.testing.waiting import wait_for
from weft.training.media import log_file

QUIET = {"WEFT_SYSTEM_INTERVAL_S": "0", "WEFT_GIT": "0", "WEFT_INSTRUMENT": "0", "WEFT_CONSOLE": "0"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


@pytest.fixture(autouse=True)
def quiet_session(monkeypatch: pytest.MonkeyPatch, fresh_home: Path) -> Iterator[None]:
    for name, value in {**QUIET, "WEFT_DRAIN": "thread"}.items():
        monkeypatch.setenv(name, value)
    yield
    weft.finish()
    if recording.active is not None:
        session.teardown()


def test_all_kinds_are_logged_and_read(tmp_path: Path) -> None:
    run = weft.init("p", id="r")
    table = weft.Table(columns=["picture", "score"], data=[[weft.Image(PNG), 0.5], [weft.Image(PNG + b"x"), None]])
    run.log(
        {
            "loss": 0.5,
            "nested": {"deep": {"picture": weft.Image(PNG, caption="a")}},
            "pictures": [weft.Image(PNG), weft.Image(PNG + b"y")],
            "mixed": [weft.Text("a"), weft.Html("<b>")],
            "plain": [1, "two"],
            "both": [1, weft.Image(PNG + b"z")],
            "spread": np.arange(100),
            "answers": table,
            "curve": weft.plot.roc_curve([0, 1], [0.1, 0.9]),
        },
        step=3,
    )
    run.log({"spread": weft.Histogram([1, 2])}, step=1)
    run.summary["best"] = weft.Image(PNG + b"b")
    (tmp_path / "notes.txt").write_text("hello")
    log_file(run.recorder, run.id, "files/sub/notes.txt", tmp_path / "notes.txt")
    run.finish()
    with weft.Api() as api:
        stored = api.run("r")
        kinds = {one.name: one.kind for one in stored.media() if one.name != "files/requirements.txt"}
        assert kinds == {
            **{"nested.deep.picture": "image", "pictures": "image", "mixed": "mixed", "spread": "histogram"},
            **{"answers": "table", "curve": "plot", "files/sub/notes.txt": "file"},
        }
        assert [(one.step, one.kind) for one in stored.logged("spread")] == [(1, "histogram"), (3, "histogram")]
        (pictures,) = stored.logged("pictures")
        assert [api.media("p", item["digest"]) for item in pictures.items] == [PNG, PNG + b"y"]
        assert stored.logged("nested.deep.picture")[0].data["caption"] == "a"
        found = stored.table("answers")
        assert found.types == {"picture": "media", "score": "number"}
        assert [api.media("p", one) for one in find_media(found.data)] == [PNG, PNG + b"x"]
        assert stored.table("curve").columns == ["class", "fpr", "tpr"]
        assert stored.table_query("answers", where="score > 0").matched == 1
        assert api.media("p", stored.summary["best"]["digest"]) == PNG + b"b"
        assert api.media("p", stored.summary["both"][1]["digest"]) == PNG + b"z"
        assert stored.summary["plain"] == [1, "two"]
        assert stored.summary["nested.deep.picture"]["caption"] == "a"
        (file,) = (one for one in stored.files() if one.name != "requirements.txt")
        assert (file.name, file.size, file.read()) == ("sub/notes.txt", 5, b"hello")
        assert stored.file("sub/notes.txt").download(tmp_path / "out").read_bytes() == b"hello"
        with pytest.raises(InputError, match=r"There is a file"):
            file.download(tmp_path / "out")
        for missing, said in ((stored.table, "no table 'x'"), (stored.file, "no file 'x'")):
            with pytest.raises(NotFoundError, match=said):
                missing("x")


def test_a_file_with_a_hostile_name_is_not_written(tmp_path: Path) -> None:
    run = weft.init("p", id="r")
    log_file(run.recorder, run.id, "files/../../evil.txt", b"x")
    run.finish()
    with weft.Api() as api, pytest.raises(InputError, match="lies outside of the folder"):
        api.run("r").file("../../evil.txt").download(tmp_path / "out")


def test_many_values_of_one_name_are_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.api.logged._PAGE", 3)
    run = weft.init("p", id="r")
    for step in range(8):
        run.log({"note": weft.Text(str(step))}, step=step // 2 * 2)
    run.finish()
    with weft.Api() as api:
        assert [one.data["text"] for one in api.run("r").logged("note")] == ["1", "3", "5", "7"]


def test_names_that_cannot_be_are_refused() -> None:
    run = weft.init("p")
    for name in ("", "n" * 1025):
        with pytest.raises(InputError, match=rf"has {len(name)} characters"):
            run.log({name: weft.Text("x")})


def test_what_was_logged_survives_a_kill_with_large_files_whole(tmp_path: Path) -> None:
    code = """
    import os, sys, weft
    run = weft.init("p", id="r")
    run.log({"picture": weft.Image(b"\\x89PNG\\r\\n\\x1a\\n" + bytes(50))}, step=1)
    run.log({"film": weft.Video(os.urandom(4) + bytes(20 * 2**20), media_type="video/mp4")}, step=2)
    table = weft.Table(columns=["n"], data=[[n] for n in range(50_000)])
    run.log({"table": table}, step=3)
    print("logged", flush=True)
    os.kill(os.getpid(), 9)
    """
    environ = {**os.environ, **QUIET, "WEFT_DRAIN": "off"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "logged" in done.stdout
    with weft.Api() as api:
        stored = api.run("r")
        assert {one.name for one in stored.media()} >= {"picture", "film", "table"}
        film = stored.logged("film")[0].data
        data = api.media("p", film["digest"])
        assert (len(data), digests.of_bytes(data)) == (4 + 20 * 2**20, film["digest"])
        assert len(stored.table("table")) == 50_000
        assert stored.table_query("table", order=["-n"], limit=2).rows == [[49_999], [49_998]]


def test_ranks_keep_their_own_values() -> None:
    code = """
    import os, weft
    run = weft.init("p", id="r")
    run.log({"note": weft.Text("from " + os.environ["RANK"])}, step=1)
    run.finish()
    """
    for rank in ("0", "1"):
        environ = {**os.environ, **QUIET, "RANK": rank, "WORLD_SIZE": "2"}
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env=environ, check=True, timeout=120, capture_output=True
        )
    with weft.Api() as api:
        wait_for(lambda: len(api.run("r").logged("note")) == 2)
        assert {one.data["text"] for one in api.run("r").logged("note")} == {"from 0", "from 1"}
        assert len({one.source for one in api.run("r").logged("note")}) == 2


def test_a_disabled_run_logs_nothing() -> None:
    run = weft.init("p", mode="disabled")
    run.log({"picture": weft.Image(PNG)})
    run.finish()


def test_secrets_in_logged_texts_are_taken_out_and_bytes_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_MEDIA", "0")
    run = weft.init("p", id="r")
    key = "sk-" + "proj-" + "a1B2c3D4e5F6g7H8i9J0" * 2
    run.log({"note": weft.Text(f"the key is {key}", caption=key), "picture": weft.Image(PNG)})
    run.finish()
    with weft.Api() as api:
        told = api.run("r").logged("note")[0].data
        assert key not in str(told)
        assert "the key is" in told["text"]
        picture = api.run("r").logged("picture")[0].data
        assert picture["kept"] is False
        with pytest.raises(NotFoundError, match="There is no blob"):
            api.media("p", picture["digest"])
