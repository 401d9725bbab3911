"""`weft prompts`, `weft ops` and conversations on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import weft
from weft import session
from weft.cli.main import app
from weft.errors import InputError, NotFoundError


@weft.op
def reply(text: str) -> str:
    return text


@pytest.fixture(autouse=True)
def recorded(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WEFT_PROJECT", "shop")
    with weft.init(settings={"drain": "thread", "quiet": True}):
        weft.Prompt("answer", "Reply to {question}").publish(aliases=["production"])
        weft.Prompt("answer", "Reply briefly to {question}").publish()
        weft.Prompt("chat", [{"role": "user", "content": "Hi"}]).publish()
        with weft.thread("talk", user="ann"):
            reply("a")
            reply("b")
        reply("c")
    yield
    session.close()


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_prompts() -> None:
    assert "Reply briefly to {question}" in run("prompts", "list")
    assert run("prompts", "list", "answer").count("answer") == 2
    assert [one["name"] for one in json.loads(run("prompts", "list", "--json"))] == ["answer", "chat"]
    assert run("prompts", "show", "answer:production") == "Reply to {question}\n"
    assert run("prompts", "show", "chat") == "[user]\nHi\n"
    assert json.loads(run("prompts", "show", "chat", "--json"))["type"] == "prompt"
    assert "+Reply briefly to {question}" in run("prompts", "diff", "answer", "1", "2")
    assert run("prompts", "diff", "answer", "1", "production") == "Nothing changed.\n"
    assert run("prompts", "alias", "answer:v2", "production") == "answer:production is answer:v2 now.\n"
    assert run("prompts", "show", "answer:production") == "Reply briefly to {question}\n"
    assert "No prompts yet" in run("prompts", "list", "--project", "empty")
    with pytest.raises(NotFoundError, match="There is no artifact 'nothing' in project 'shop'"):
        run("prompts", "diff", "nothing", "1", "2")
    with pytest.raises(InputError, match=r"The artifact op\.reply:v1 is a op, not a prompt"):
        run("prompts", "alias", "op.reply:v1", "production")


def test_ops() -> None:
    assert "def reply(text: str)" in run("ops", "list")
    assert run("ops", "list", "reply").count("reply") >= 1
    assert json.loads(run("ops", "list", "--json"))[0]["name"] == "op.reply"
    assert "def reply(text: str) -> str:" in run("ops", "show", "reply:v1")
    assert "# depends on" in run("ops", "show", "reply")
    assert run("ops", "diff", "reply", "1", "latest") == "Nothing changed.\n"
    assert "No code yet" in run("ops", "list", "-p", "empty")


def test_conversations() -> None:
    assert len(json.loads(run("traces", "--thread", "talk", "--json"))) == 2
    assert run("traces", "--thread", "talk", "--count") == "2\n"
    api = weft.Api()
    (thread,) = api.threads("shop")
    assert (thread.thread_id, thread.turns, thread.spans, thread.user_id) == ("talk", 2, 2, "ann")
    assert [span.input for span in api.turns("talk")] == [{"text": "a"}, {"text": "b"}]
    assert api.threads(user_id="bob") == []
