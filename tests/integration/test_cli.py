"""The `weft` command as a person and a script use it: a real process, but for what ends with a message at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft import recording
from weft.cli import main


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "weft.cli", *arguments],
        env={**os.environ, "COLUMNS": "160", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def recorded(fresh_home: Path) -> str:
    @weft.op
    def shout(text: str) -> str:
        return text.upper()

    with weft.init("words", name="first [run]", config={"lr": 0.1}, settings={"quiet": True}) as current:
        shout("hello [bold]there[/]")
        current.log({"loss": 0.5, "grad": weft.Histogram([1, 2, 4], num_bins=2)})
    assert recording.active is None
    return str(current.id)


def test_runs_are_listed_shown_and_given_as_json(recorded: str) -> None:
    listed = run("runs")
    assert listed.returncode == 0, listed.stderr
    assert "first [run]" in listed.stdout
    assert "finished" in listed.stdout
    shown = run("runs", recorded)
    assert "loss" in shown.stdout
    assert "lr: 0.1" in shown.stdout
    assert "grad: histogram of 3 numbers from 1 to 4" in shown.stdout
    found = json.loads(run("runs", "--project", "words", "--json").stdout)
    assert [row["run_id"] for row in found] == [recorded]


def test_traces_are_listed_and_drawn_as_a_tree(recorded: str) -> None:
    assert "hello [bold]there[/]" in run("traces").stdout
    (trace,) = json.loads(run("traces", "--json").stdout)
    tree = run("traces", trace["root"]["trace_id"])
    assert "shout" in tree.stdout


def test_an_empty_directory_says_how_to_fill_it() -> None:
    assert "weft.init" in run("runs").stdout
    assert "@weft.op" in run("traces").stdout
    assert "ReviewPolicy" in run("review").stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "texts"),
    [
        (["runs"], {"WEFT_PROJCT": "x"}, ["no variable WEFT_PROJCT", "Did you mean WEFT_PROJECT?", "W100"]),
        (["runs", "nobody"], {}, ["nobody", "W300"]),
        (["traces", "ab" * 16], {}, ["ab" * 16, "W300"]),
        (["review", "estimate", "nowhere"], {}, ["There is no queue 'nowhere'", "W300"]),
        (["eval", "missing.py"], {}, ["missing.py", "W200"]),
        (["demo", "--model", "gpt-x"], {}, ["OPENAI_API_KEY", "W200"]),
        (["up", "--host", "0.0.0.0", "--port", "0"], {}, ["WEFT_API_KEY"]),
        (["runs"], {"WEFT_DIR": "/proc/nowhere"}, ["/proc/nowhere", "W600"]),
        (["runs"], {"WEFT_URL": "http://127.0.0.1:9"}, ["127.0.0.1:9", "W700"]),
        (["runs"], {"WEFT_URL": "localhost:4300"}, ["WEFT_URL is 'localhost:4300'", "Write it as http://", "W100"]),
        (["runs", "--kind", "trian"], {}, ["no run kind 'trian'", "Use one of app, train", "W200"]),
        (["sync", "/nowhere"], {}, ["There is no folder /nowhere", "W200"]),
        (["up", "--port", "99999"], {}, ["WEFT_PORT is 99999", "W100"]),
    ],
)
def test_what_a_user_can_fix_ends_with_one_message_and_no_traceback(
    arguments: list[str],
    variables: dict[str, str],
    texts: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {"COLUMNS": "160", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["weft", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2, told
    assert "Traceback" not in told
    for text in texts:
        assert text in told


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("up", "--no-browser", "--port", port)
    assert done.returncode == 2
    assert port in done.stderr
    assert "Traceback" not in done.stderr


GATED = """
import weft
from weft.evals import Gate
from weft.scorers import Exact

data = weft.Dataset("sums", [{"n": n, "expected": str(n)} for n in range(12)])
evaluation = weft.Evaluation("sums", data, scorers=[Exact()], gates=[Gate("exact", minimum=0.8)])


def target(n: int) -> str:
    return str(n if n < LIMIT else -1)
"""


@pytest.mark.parametrize(("limit", "code"), [(12, 0), (3, 1)])
def test_eval_sets_the_exit_code_by_its_gates(tmp_path: Path, limit: int, code: int) -> None:
    file = tmp_path / "checks.py"
    file.write_text(GATED.replace("LIMIT", str(limit)))
    done = run("eval", str(file), "--project", "ci", "--json", "-")
    assert done.returncode == code, done.stderr
    (result,) = json.loads(done.stdout)["evaluations"]
    assert result["passed"] is (code == 0)
    assert result["summary"]["exact"]["n"] == 12


def test_a_file_that_cannot_be_run_is_told_apart_from_a_failed_gate(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import weft\n")
    assert run("eval", str(file)).returncode == 2


def test_what_was_recorded_offline_is_stored_by_sync_once(fresh_home: Path) -> None:
    script = "import weft; weft.init('p', mode='offline').log({'x': 1.0})"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)
    first = json.loads(run("sync", "--json").stdout)
    assert first["stored"] > 0
    assert json.loads(run("sync", "--json").stdout)["stored"] == 0
    (found,) = json.loads(run("runs", "--json").stdout)
    assert found["status"] == "finished"


def test_sync_says_what_still_waits(fresh_home: Path) -> None:
    script = "import weft; weft.init('p', mode='offline').log({'x': 1.0})"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)
    for arguments in (["sync"], ["sync", "--json"]):
        waits = run(*arguments, WEFT_URL="http://127.0.0.1:9")
        assert waits.returncode == 1
        assert "error: Not everything is stored: The Weft server at http://127.0.0.1:9" in waits.stderr
        assert "The rest waits in the journal" in waits.stderr
    assert json.loads(waits.stdout)["error"]
    assert json.loads(run("sync", "--json").stdout)["stored"] > 0


def test_an_eval_of_no_file_leaves_no_run(fresh_home: Path) -> None:
    assert run("eval", "missing.py").returncode == 2
    assert not fresh_home.exists()


def test_doctor_makes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "none"
    done = run("doctor", "--dir", str(place))
    assert done.returncode == 0
    assert "weft.db is made at first use" in done.stdout
    assert not place.exists()


def test_doctor_is_content_with_a_sound_installation_and_names_what_is_broken(recorded: str) -> None:
    sound = run("doctor", "--json")
    assert sound.returncode == 0, sound.stdout
    assert {finding["what"] for finding in json.loads(sound.stdout)} >= {"weft", "directory", "journal", "database"}
    broken = run("doctor", WEFT_DIR="/proc/nowhere")
    assert broken.returncode == 1
    assert "cannot be written" in broken.stdout


def test_settings_and_version_are_printed_and_the_key_is_not() -> None:
    table = run("settings", WEFT_API_KEY="hush")
    assert "WEFT_API_KEY" in table.stdout
    assert "hush" not in table.stdout
    assert run("version").stdout.strip() == run("--version").stdout.strip() == weft.__version__
