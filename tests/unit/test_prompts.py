"""Prompts: templates that reach no further than a name, versions and aliases, spans that say which prompt they used."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import clock, settings
from weft.errors import InputError, NotFoundError, ServerError, StoreError
from weft.objects import MessagesPrompt, Prompt, StringPrompt, cache
from weft.records import LineageEdge
from weft.repositories import Store
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder
from weft.tracing import prompted

CHAT = [
    {"role": "system", "content": "You are {tone}."},
    {"role": "user", "content": [{"type": "text", "text": "{question}"}, {"type": "image_url", "image_url": "{x}"}]},
]


class Away:
    """A store that can be taken away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away: Exception | None = None
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        if self.away is not None:
            raise self.away
        return getattr(self._store, name)


@pytest.fixture
def store() -> Iterator[Away]:
    inner = memory_store()
    yield Away(inner)
    inner.close()


@pytest.fixture
def recorder(store: Away) -> Iterator[MemoryRecorder]:
    cache._kept.clear()
    with MemoryRecorder(run_id="r", store=store) as active:  # type: ignore[arg-type]
        yield active
    cache._kept.clear()


def test_a_text_is_filled_in_one_pass() -> None:
    prompt = Prompt("answer", "{{json}} {question} {question}{n}")
    assert prompt.variables == ["question", "n"]
    assert prompt.format(question="{n} {{x}} {question.__class__}", n=1, more=2) == (
        "{json} {n} {{x}} {question.__class__} {n} {{x}} {question.__class__}1"
    )


def test_messages_are_filled_where_they_hold_text() -> None:
    made = Prompt("chat", CHAT).format(tone="brief", question="tea?")
    assert made == [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": [{"type": "text", "text": "tea?"}, {"type": "image_url", "image_url": "{x}"}]},
    ]
    assert CHAT[0]["content"] == "You are {tone}."
    assert Prompt("text", "Say {word}").messages(word="hi") == [{"role": "user", "content": "Say hi"}]
    assert Prompt("chat", CHAT).messages(tone="a", question="b")[0]["role"] == "system"
    nothing = Prompt("chat", [{"role": "assistant", "content": None, "tool_calls": []}])
    assert nothing.format() == [{"role": "assistant", "content": None, "tool_calls": []}]


@pytest.mark.parametrize(
    "template",
    ["{question.__class__}", "{question[0]}", "{question!r}", "{question:>10}", "{0}", "{}", "a { b", "a } b", "{a b}"],
)
def test_a_placeholder_is_a_name_and_nothing_more(template: str) -> None:
    with pytest.raises(InputError, match="that belongs to no placeholder") as caught:
        Prompt("answer", template)
    assert "Placeholders are names alone" in caught.value.remedy


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Prompt("answer", "{a} {b} {c}").format(b=1), "The prompt answer misses a, c"),
        (lambda: StringPrompt("{a}").format(), "The prompt without a name misses a"),
        (lambda: Prompt("a/b", "x"), "The prompt name 'a/b' cannot stand in an address"),
        (lambda: Prompt("a", 3), "The template is a int, neither text nor messages"),  # type: ignore[arg-type]
        (lambda: Prompt("a", []), "The template is a list, neither text nor messages"),
        (lambda: Prompt("a", [{"content": "x"}]), "Message 1 of the template has no role"),
    ],
)
def test_bad_prompts_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_versions_aliases_and_diff(recorder: MemoryRecorder) -> None:
    prompt = Prompt("answer", "Reply to {question}", description="first", metadata={"owner": "ann"})
    first = prompt.publish(aliases=["production"])
    assert (first.ref, first.type, first.run_id, prompt.ref) == ("answer:v1", "prompt", "r", "answer:v1")
    assert prompt.publish().version == 1
    changed = Prompt("answer", "Reply briefly to {question}")
    assert changed.save(aliases=["staging"]).version == 2
    fetched = Prompt.get("answer:production")
    assert (fetched.version, fetched.template, fetched.metadata, fetched.description) == (
        1,
        "Reply to {question}",
        {"owner": "ann"},
        "first",
    )
    assert set(fetched.aliases) == {"production"}
    assert Prompt.get("answer").version == 2
    assert changed.diff(fetched) == (
        "--- answer:v1\n+++ answer:v2\n@@ -1 +1 @@\n-Reply to {question}\n+Reply briefly to {question}"
    )
    chat = Prompt("chat", CHAT)
    chat.publish()
    assert Prompt.get("chat:v1").template == CHAT
    assert chat.diff(Prompt("chat", [{"role": "user", "content": "x"}])).startswith("--- chat\n+++ chat:v1\n")


def test_names_are_given_late_as_users_of_weave_do(recorder: MemoryRecorder) -> None:
    prompt = StringPrompt("Reply to {question}")
    with pytest.raises(InputError, match="The prompt has no name"):
        prompt.publish()
    assert weft.publish(prompt, name="late").get().template == prompt.content == "Reply to {question}"
    assert MessagesPrompt([{"role": "user", "content": "{q}"}]).format(q="x") == [{"role": "user", "content": "x"}]


def test_another_artifact_is_no_prompt(recorder: MemoryRecorder) -> None:
    weft.publish({"a": 1}, name="thing")
    with pytest.raises(InputError, match=r"The artifact thing:v1 is a object, not a prompt"):
        Prompt.get("thing")
    with pytest.raises(NotFoundError, match="There is no artifact 'nowhere'"):
        Prompt.get("nowhere")


def test_spans_inside_and_the_run_say_which_prompt(recorder: MemoryRecorder) -> None:
    prompt = Prompt("answer", "Reply to {question}")
    prompt.publish()
    with prompt.use(), weft.span("call"):
        pass
    prompt.format(question="a")
    prompt.format(question="b")
    attributes = recorder.span("call").attributes
    assert attributes == {
        "gen_ai.prompt.name": "answer",
        "weft.prompt": "answer:v1",
        "weft.prompt.digest": prompt.digest,
    }
    edges = [edge for edge in recorder.of(LineageEdge) if isinstance(edge, LineageEdge)]
    assert [(edge.source, edge.relation, edge.target) for edge in edges] == [("answer:v1", "used", "r")]


def test_what_is_formatted_remembers_its_prompt() -> None:
    prompt = Prompt("answer", "Reply to {question}")
    text = prompt.format(question="tea?")
    told = {"gen_ai.prompt.name": "answer", "weft.prompt.digest": prompt.digest}
    for request in (
        {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": text}]},
        {"messages": prompt.messages(question="tea?")},
        {"input": text},
        {"instructions": text, "input": "x"},
    ):
        assert prompted.attributes_of(request) == told
    assert prompted.attributes_of({"messages": [{"role": "user", "content": str(text) + "."}], "input": None}) == {}
    copy = pickle.loads(pickle.dumps(text))
    assert (copy, copy.attributes) == (text, told)


def test_a_fetched_prompt_is_kept_until_its_time_is_up(recorder: MemoryRecorder, store: Away) -> None:
    now = [1_000_000_000]
    clock.replace(lambda: now[0])
    Prompt("answer", "one").publish(aliases=["production"])
    assert Prompt.get("answer:production", ttl_s=10).template == "one"
    assert Prompt.get("answer:v1", ttl_s=10).template == "one"
    asked = store.asked
    assert Prompt.get("answer:production", ttl_s=10).template == "one"
    assert store.asked == asked
    two = Prompt("answer", "two").publish()
    assert Prompt.get("answer").template == "two"  # this process published it, and knows
    recorder.store.artifacts.set_alias("test", "answer", "production", two.version)
    Prompt.get("answer:production", ttl_s=10)
    now[0] += 11_000_000_000
    assert Prompt.get("answer:production", ttl_s=10).template == "two"
    Prompt.get("answer:v1", ttl_s=10)
    asked = store.asked
    now[0] += 10**18
    assert Prompt.get("answer:v1", ttl_s=10).template == "one"
    assert store.asked == asked


@pytest.mark.parametrize("error", [ServerError("away"), StoreError("gone"), OSError("no route")])
def test_while_the_store_is_away_the_last_one_known_is_used(
    recorder: MemoryRecorder, store: Away, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    now = [1_000_000_000]
    clock.replace(lambda: now[0])
    Prompt("answer", "Reply to {question}").publish(aliases=["production"])
    Prompt.get("answer:production", ttl_s=1)
    store.away = error
    for _ in range(3):
        now[0] += 2_000_000_000
        assert Prompt.get("answer:production", ttl_s=1).format(question="x") == "Reply to x"
    cache._kept.clear()  # another process
    assert Prompt.get("answer:production", ttl_s=1).ref == "answer:v1"
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "answer:production cannot be fetched" in said[0]
    assert "answer:v1, fetched earlier, is used" in said[0]
    with pytest.raises(type(error)):
        Prompt.get("answer:staging")
    store.away = None
    now[0] += 2_000_000_000
    assert Prompt.get("answer:production").version == 1


def test_a_damaged_or_unwritable_copy_is_no_copy(
    recorder: MemoryRecorder, store: Away, caplog: pytest.LogCaptureFixture
) -> None:
    Prompt("answer", "x").publish()
    folder = recorder.directory / "prompts"
    recorder.directory.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file in the way")
    with caplog.at_level(logging.WARNING):
        assert Prompt.get("answer").template == "x"
    folder.unlink()
    cache._kept.clear()
    Prompt.get("answer")
    (copy,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, copy.stat().st_mode & 0o777) == (0o700, 0o600)
    copy.write_text("{")
    cache._kept.clear()
    store.away = ServerError("away")
    with pytest.raises(ServerError, match="away"):
        Prompt.get("answer")


def test_offline_the_copy_stands_in_for_a_store_that_knows_nothing(store: Away, fresh_home: Path) -> None:
    cache._kept.clear()
    with MemoryRecorder(store=store):  # type: ignore[arg-type]
        Prompt("answer", "x").publish()
        Prompt.get("answer")
    cache._kept.clear()
    empty = memory_store()
    offline = settings.load({"project": "test", "mode": "offline"})
    with MemoryRecorder(store=empty, given=offline):
        assert Prompt.get("answer").template == "x"
        with pytest.raises(NotFoundError):
            Prompt.get("other")
    empty.close()
    cache._kept.clear()
