"""Whatever way a text takes out of the process, a secret that is known by its shape does not arrive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import weft
from weft import recording, session
from weft import settings as settings_module
from weft.records import SpanQuery, tables
from weft.store import open_store
from weft.store import tables as t
from weft.tracing import redact
from weft.training.capture import without_secrets

WAYS = [
    *("config", "nested", "summary", "notes", "tags", "name", "group", "text", "long", "html", "caption", "cell"),
    *("json_cell", "html_cell", "metadata", "description", "later", "alert_title", "alert", "console", "argument"),
    *("option", "environment", "patch", "code", "set", "span", "print_table"),
]


def secret(way: str) -> str:
    return f"sk-proj-{way.replace('_', '')}abcdefghijklmnop1234"


def told(way: str) -> str:
    return f"way-{way} {secret(way)} end"


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def _repository(folder: Path) -> None:
    folder.mkdir()
    (folder / "train.py").write_text("model = 1\n")
    _git(folder, "init", "-b", "main")
    _git(folder, "add", ".")
    _git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "first")
    (folder / "train.py").write_text(f"# {told('patch')}\nmodel = 2\n")
    (folder / "more.py").write_text(f"# {told('code')}\n")


def _record(folder: Path) -> str:
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["train.py", told("argument"), f"--api-key=way-option {secret('option')}"])
    patch.setenv("MY_NOTE", told("environment"))
    given = {"drain": "thread", "system_interval_s": 0, "instrument": False, "quiet": True, "console": "wrap"}
    given |= {"env_allow": "MY_*", "save_code": True}
    run = weft.init(
        "ways",
        id="r",
        name=told("name"),
        config={"key": told("config"), "deep": {"list": [told("nested")]}},
        notes=told("notes"),
        tags=[told("tags")],
        group=told("group"),
        settings=given,
    )
    print(told("console"))
    run.summary["said"] = told("summary")
    rows = [[told("cell"), {"a": [told("json_cell")]}, weft.Html(told("html_cell"))], [None, None, None]]
    table = weft.Table(columns=["text", "json", "html"], data=rows)
    run.log({"text": weft.Text(told("text")), "long": weft.Text(told("long") + " word" * 2000)})
    run.log({"html": weft.Html(told("html")), "set": told("set")})
    run.log({"note": weft.Text("short", caption=told("caption")), "table": table})
    artifact = weft.Artifact("data", "dataset", description=told("description"), metadata={"a": [told("metadata")]})
    artifact.add(weft.Table(columns=["t"], data=[[told("print_table")]]), "table")
    logged = run.log_artifact(artifact)
    logged.metadata = {**logged.metadata, "later": told("later")}
    logged.save()
    run.alert(told("alert_title"), told("alert"))
    with weft.span("work") as span:
        span.set_output(told("span"))
    run.finish()
    session.close()
    patch.undo()
    return run.id


def _all_of(run_id: str) -> str:
    store = open_store(settings_module.load())
    found: list[Any] = [store.runs.get_run(run_id), store.alerts.list_alerts(run_id=run_id)]
    found += [store.runs.console(run_id), store.spans.list_spans(SpanQuery(project="ways"))]
    found += [store.logged.read_logged(run_id, one.name) for one in store.logged.list_logged(run_id)]
    found += store.artifacts.list_versions("ways", "data")
    with store.database.read() as connection:
        digests = [row.digest for row in connection.execute(select(t.blobs.c.digest))]
    for digest in digests:
        data = store.blobs.get("ways", digest if isinstance(digest, str) else digest.hex())
        found.append(data.decode("utf-8", "replace"))
        if data.startswith(b'{"rows"'):
            found += [column.cells() for column in tables.unpack(data).columns]
    store.close()
    return "\n".join(map(repr, found))


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("ways")
    patch.setenv("WEFT_DIR", str(home / "weft"))
    folder = home / "code"
    _repository(folder)
    yield _all_of(_record(folder))
    weft.finish()
    if recording.active is not None:
        session.teardown()
    patch.undo()


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_arrives(arrived: str, way: str) -> None:
    assert f"way-{way}" in arrived or way == "option"
    assert secret(way) not in arrived


def test_binary_parts_of_a_patch_stay_as_they_are() -> None:
    part = f"GIT binary patch\nliteral 3\nzc{secret('a')}\n\nliteral 1\nz{secret('b')}\n\n".encode()
    text = f"+key {secret('c')}\n".encode()
    assert without_secrets(text + part + text) == b"+key [redacted]\n" + part + b"+key [redacted]\n"


def test_shapes_are_those_of_the_settings() -> None:
    redact.use_patterns(settings_module.patterns_of(settings_module.load({"redact_patterns": "none"})))
    try:
        assert redact.clean_text(secret("x")) == secret("x")
        redact.use_patterns(settings_module.patterns_of(settings_module.load({"redact_regex": "order-[0-9]+"})))
        assert list(redact.clean_texts(["order-17", None, "order"])) == ["[redacted]", None, "order"]
        value = {"digest": "order-1", "a": ["order-2", 3]}
        assert redact.clean_json(value) == {"digest": "order-1", "a": ["[redacted]", 3]}
    finally:
        redact.use_patterns(settings_module.patterns_of(settings_module.load()))
