"""`weft artifact`: put, list, get, verify, compare, delete, collect; what goes wrong is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weft.cli.main import app
from weft.errors import ConflictError, InputError, NotFoundError, StoreError


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEFT_DRAIN", "off")


def weft(*words: str) -> str:
    done = CliRunner().invoke(app, ["artifact", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_files_go_in_and_out_and_go(tmp_path: Path) -> None:
    assert "No artifacts yet" in weft("ls")
    model = tmp_path / "model"
    model.mkdir()
    (model / "a.txt").write_text("one")
    (model / "w.bin").write_bytes(os.urandom(3_000_000))
    assert weft("put", "model", "--name", "net", "--type", "model", "--alias", "best", "--ttl-days", "3") == (
        "net:v1: 3.0 MB in 2 files.\n"
    )
    (model / "a.txt").write_text("two")
    assert weft("put", "model", "--name", "net", "--type", "model", "--description", "d").startswith("net:v2")
    assert [one["version"] for one in json.loads(weft("ls", "net", "--json"))] == [1, 2]
    assert "net:v2" in weft("ls", "--type", "model")
    assert "a.txt" in weft("ls", "net:v2")
    assert json.loads(weft("ls", "net:v2", "--json"))[0]["path"] == "a.txt"
    assert weft("get", "net:best", "--root", "out") == "net:v1: 3.0 MB in 2 files, out.\n"
    assert "net:v1 is as it was logged: 2 files" in weft("verify", "net:best", "--root", "out")
    assert "as it was logged" in weft("verify", "net:v2")
    (tmp_path / "out" / "extra").write_text("x")
    with pytest.raises(StoreError, match="extra is not part of it"):
        weft("verify", "net:best", "--root", "out")
    assert weft("diff", "net:v1", "net:v2") == "net:v1 -> net:v2\n~ a.txt\n1 files are the same\n"
    assert json.loads(weft("diff", "net:v1", "net:v2", "--json"))["changed"] == ["a.txt"]
    assert weft("diff", "net:v1", "net:v1") == "Nothing changed.\n"
    assert weft("alias", "net:v2", "prod") == "net:prod is net:v2 now.\n"
    assert weft("get", "net:prod", "--root", "out", "--checkout").startswith("net:v2")
    assert sorted(os.listdir("out")) == ["a.txt", "w.bin"]
    weft("get", "net:v2", "--root", "part", "--path", "a.")
    assert os.listdir("part") == ["a.txt"]
    assert weft("alias", "net:v2", "prod", "--remove") == "net:prod is gone.\n"
    with pytest.raises(ConflictError, match="net:v1 has the alias 'best'"):
        weft("rm", "net:v1")
    assert weft("rm", "net:v1", "--force") == "net:v1 is deleted.\n"
    assert weft("collect", "--dry-run") == "0 versions and 1 contents of 3 B would go.\n"
    assert json.loads(weft("collect", "--json"))["blobs"] == 1
    assert weft("collect") == "0 versions and 0 contents of 0 B are gone.\n"
    assert weft("cache").startswith("0 B of 10.0 GB in")
    assert weft("cache", "--clean").startswith("0 B are gone from")


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(InputError, match="'net' names no version. Write net:v1, or net:latest"):
        weft("rm", "net")
    Path("f").write_text("x")
    weft("put", "f")
    weft("put", "f", "--name", "far", "--project", "q")
    assert [one["project"] for one in json.loads(weft("ls", "--json"))] == ["default", "q"]
    with pytest.raises(
        NotFoundError, match="no artifact 'far' in project 'default'. There is one in q: add --project q"
    ):
        weft("get", "far")
    with pytest.raises(NotFoundError, match="no artifact 'nowhere' in project 'default'. .W300"):
        weft("get", "nowhere")
    assert weft("ls", "nowhere") == "There is no artifact 'nowhere'.\n"
    with pytest.raises(InputError, match="--checkout takes the whole version. Leave out --path"):
        weft("get", "f", "--checkout", "--path", "f")
