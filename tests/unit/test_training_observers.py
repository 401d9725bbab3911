"""Git state, environment, console and system samples."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from weft.training import git
from weft.training.console import ConsoleTee
from weft.training.environment import describe, packages, rank, without_secrets
from weft.training.system import SystemSampler


class Stream(io.StringIO):
    """A stream with a ``__dict__``, as sys.stdout is."""


class Heard:
    def __init__(self) -> None:
        self.lines: list[tuple[int, str, str]] = []

    def __call__(self, first: int, stream: str, lines: list[str], time_ns: int) -> None:
        self.lines.extend((first + n, stream, line) for n, line in enumerate(lines))


def replace_streams(monkeypatch: pytest.MonkeyPatch) -> tuple[Stream, Stream]:
    """Within the test itself: pytest sets its own streams between fixtures and test."""
    out, err = Stream(), Stream()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    return out, err


def test_console_hears_whole_lines_of_both_streams_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = replace_streams(monkeypatch)
    heard = Heard()
    tee = ConsoleTee(heard)
    tee.start()
    print("one\ntwo")
    sys.stderr.write("half ")
    print("three")
    sys.stderr.write("a line\n")
    sys.stdout.write("no end")
    tee.stop()
    print("after")
    assert heard.lines == [
        (0, "stdout", "one"),
        (1, "stdout", "two"),
        (2, "stdout", "three"),
        (3, "stderr", "half a line"),
        (4, "stdout", "no end"),
    ]
    assert streams[0].getvalue() == "one\ntwo\nthree\nno endafter\n"
    assert "write" not in vars(streams[0])


def test_console_folds_a_progress_bar_into_its_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_streams(monkeypatch)
    heard = Heard()
    tee = ConsoleTee(heard)
    tee.start()
    for percent in range(0, 101, 10):
        sys.stderr.write(f"\r{percent}%")
    sys.stderr.write("\n")
    sys.stdout.write("dos\r\n")
    sys.stdout.write("a\r")
    sys.stdout.write("b\n")
    tee.stop()
    assert [line for _, _, line in heard.lines] == ["100%", "dos", "b"]


def test_console_cuts_a_line_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_streams(monkeypatch)
    heard = Heard()
    tee = ConsoleTee(heard)
    tee.start()
    sys.stdout.write("x" * 250_000)
    tee.stop()
    assert [len(line) for _, _, line in heard.lines] == [100_000, 100_000, 50_000]


def test_console_survives_what_prints_while_recording_and_who_wraps_later(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = replace_streams(monkeypatch)
    lines: list[str] = []

    def emit(first: int, stream: str, new: list[str], time_ns: int) -> None:
        lines.extend(new)
        print("a warning")

    tee = ConsoleTee(emit)
    tee.start()
    print("hello")
    ours = sys.stdout.write
    streams[0].write = lambda text: ours(text)  # type: ignore[method-assign]
    tee.stop()
    print("later")
    assert lines == ["hello"]
    assert streams[0].getvalue() == "hello\na warning\nlater\n"


def test_console_leaves_a_stream_alone_whose_write_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    tee = ConsoleTee(lambda first, stream, lines, time_ns: None)
    tee.start()
    tee.stop()


def test_git_state_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "A")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "a@b.c")

    def run(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    run("init", "-q", "-b", "trunk")
    (tmp_path / "file").write_text("1")
    run("add", "file")
    run("commit", "-qm", "first")
    run("remote", "add", "origin", "https://user:secret@example.org/team/repo.git?token=1")
    clean = git.git_state(tmp_path)
    (tmp_path / "file").write_text("2")
    dirty = git.git_state(tmp_path)
    assert len(clean.pop("commit")) == 40
    assert clean == {
        "root": str(tmp_path),
        "prefix": "",
        "branch": "trunk",
        "remote": "https://example.org/team/repo.git",
        "dirty": False,
    }
    assert dirty["dirty"] is True


def test_git_state_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.git_state(tmp_path) == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.git_state(tmp_path) == {}


def test_credentials_are_stripped() -> None:
    assert git.without_credentials("ssh://git:pw@host:22/p") == "ssh://host:22/p"
    assert git.without_credentials("git@host:team/repo.git") == "git@host:team/repo.git"


def test_environment_keeps_harmless_variables_only() -> None:
    found = describe({"RANK": "0", "OPENAI_API_KEY": "secret", "HOME": "/h"})
    assert found["variables"] == {"RANK": "0"}
    assert "secret" not in str(found)
    assert "orjson" in [package.name for package in packages()]
    assert found["python"].count(".") == 2


def test_secrets_on_the_command_line_are_redacted() -> None:
    given = ["train.py", "--lr", "0.1", "--api-key", "sk-1", "--hf-token=abc", "--password", "--seed", "3"]
    assert without_secrets(given) == [
        *("train.py", "--lr", "0.1", "--api-key", "[redacted]"),
        *("--hf-token=[redacted]", "--password", "--seed", "3"),
    ]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"RANK": "1", "WORLD_SIZE": "4"}, 1),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "x", "WORLD_SIZE": "4"}, None),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, 3),
    ],
)
def test_rank(environ: dict[str, str], expected: int | None) -> None:
    assert rank(environ) == expected


def test_system_samples_come_numbered_until_stopped() -> None:
    samples: list[tuple[int, dict[str, float]]] = []
    enough = threading.Event()

    def emit(index: int, values: dict[str, float]) -> None:
        samples.append((index, values))
        if len(samples) == 3:
            enough.set()

    sampler = SystemSampler(0.01, emit)
    sampler.start()
    assert enough.wait(60)
    sampler.stop()
    assert [index for index, _ in samples[:3]] == [0, 1, 2]
    assert samples[0][1]["system/process_memory_bytes"] > 1e6
    assert all(name.startswith("system/") for name in samples[0][1])


class Shell:
    """What IPython 9 does around a cell: it replaces the streams' ``write``, and puts back what was there before."""

    def __init__(self) -> None:
        self.before: list[Any] = []
        self.events = self

    def register(self, event: str, call: Any) -> None:
        assert event == "pre_run_cell"
        self.before.append(call)

    def unregister(self, event: str, call: Any) -> None:
        self.before.remove(call)

    def run(self, cell: Any) -> None:
        stream: Any = sys.stdout
        original = stream.write
        stream.write = lambda text: original(text)
        for call in list(self.before):
            call(object())
        cell()
        stream.write = original


def test_console_hears_every_cell_of_a_notebook_once(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = replace_streams(monkeypatch)
    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    heard = Heard()
    tee = ConsoleTee(heard)
    shell.run(tee.start)
    for text in ("one", "two"):
        shell.run(lambda text=text: print(text))
    shell.run(tee.stop)
    shell.run(lambda: print("after"))
    assert [line for _, _, line in heard.lines] == ["one", "two"]
    assert streams[0].getvalue() == "one\ntwo\nafter\n"
    assert shell.before == []
