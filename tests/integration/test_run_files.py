"""Files that a run keeps and gives back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

import weft
from weft import session
from weft.errors import InputError, NotFoundError

QUIET = {"console": False, "git": False, "instrument": False, "system_interval_s": 0, "quiet": True, "drain": "thread"}


@pytest.fixture(autouse=True)
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield
    session.close()


def begin(**options: Any) -> weft.Run:
    return weft.init("p", **{"settings": QUIET, **options})


def content(file: IO[str]) -> str:
    with file:
        return file.read()


def kept(run_id: str) -> dict[str, bytes]:
    with weft.Api() as api:
        store = api.store
        found = {}
        for one in store.logged.list_logged(run_id, kind="file"):
            if one.name == "files/requirements.txt":  # captured by itself
                continue
            logged = store.logged.find_logged(run_id, one.name)
            assert logged is not None
            found[one.name] = b"".join(store.blobs.pieces("p", logged.data["digest"]))
        return found


def test_files_are_kept_when_their_policy_says_so(tmp_path: Path) -> None:
    for name, text in (("a.txt", "a"), ("deep/b.txt", "b"), ("now.txt", "1"), ("end.txt", "1")):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    (tmp_path / "elsewhere.txt").write_text("e")
    with begin(id="r") as run:
        assert run.save("**/[ab].txt") == ["a.txt", "deep/b.txt"]
        assert run.save("deep/*.txt", base_path="deep", policy="now") == ["b.txt"]
        assert run.save(tmp_path / "elsewhere.txt") == ["elsewhere.txt"]
        assert run.save("now.txt", policy="now") == ["now.txt"]
        assert run.save("end.txt", policy="end") == ["end.txt"]
        assert run.save("nothing*") == []
        for name in ("a.txt", "now.txt", "end.txt"):
            Path(name).write_text("changed")
        Path(run.dir, "model").mkdir()
        Path(run.dir, "model", "weights.bin").write_bytes(b"\x00")
        assert run.save(Path(run.dir, "model", "*")) == ["model/weights.bin"]
        with pytest.raises(InputError, match="There is no policy 'sometimes'"):
            run.save("a.txt", policy="sometimes")
    assert kept("r") == {
        "files/a.txt": b"changed",
        "files/b.txt": b"b",
        "files/deep/b.txt": b"b",
        "files/elsewhere.txt": b"e",
        "files/end.txt": b"changed",
        "files/model/weights.bin": b"\x00",
        "files/now.txt": b"1",
    }


def test_a_file_comes_back_and_never_out_of_the_folder(tmp_path: Path) -> None:
    Path("a.txt").write_text("one")
    with begin(id="r") as run:
        run.save("a.txt")
    with begin(id="s") as run:
        back = tmp_path / "back"
        assert content(run.restore("a.txt", run_path="p/r", root=back)) == "one"
        (back / "a.txt").write_text("mine")
        assert content(run.restore("a.txt", run_path="r", root=back)) == "mine"
        assert content(run.restore("a.txt", run_path="r", root=back, replace=True)) == "one"
        assert content(run.restore("a.txt", run_path="r")) == "one"
        assert Path(run.dir, "a.txt").read_text() == "one"
        with pytest.raises(NotFoundError, match="The run 's' has no file 'b.txt'"):
            run.restore("b.txt")
        for name in ("../x", "/etc/passwd", "a\\b", "", "a\x00"):
            with pytest.raises(InputError, match="leads out of the run's files"):
                run.restore(name)


def test_code_is_an_artifact() -> None:
    for name in ("main.py", "pkg/util.py", "data.bin", ".venv/lib.py", "requirements.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    with begin() as run:
        code = run.log_code(name="code")
        assert code is not None
        assert [file.path for file in code.files] == ["main.py", "pkg/util.py", "requirements.txt"]
        assert code.type == "code"
        only = run.log_code(include_fn=lambda path: path.endswith(".bin"))
        assert only is not None
        assert only.name.startswith("source-p-")
        rooted = run.log_code(
            include_fn=lambda path, root: True, exclude_fn=lambda path, root: path != f"{root}/main.py"
        )
        assert rooted is not None
        assert [file.path for file in rooted.files] == ["main.py"]
        assert run.log_code(include_fn=lambda path: False) is None


def test_disabled_files_are_nowhere() -> None:
    run = begin(mode="disabled")
    assert run.restore("a.txt").read() == ""
    assert run.save("*") == []
