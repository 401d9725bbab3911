"""publish and ref: objects of one's own as versions, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import weft
from weft.errors import InputError, NotFoundError, WeftError
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder
from weft.tracing.model import StoredObject


class Address(BaseModel):
    city: str


class Settings(weft.Object):
    temperature: float = 0.5
    stop: tuple[str, ...] = ()
    address: Address | None = None


class Client(weft.Object):
    api_key: str


class Answerer(weft.Model):
    prefix: str

    def predict(self, question: str) -> str:
        return self.prefix + question


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    store = memory_store()
    with MemoryRecorder(run_id="r", store=store) as active:
        yield active
    store.close()


def test_an_object_comes_back_as_its_class(recorder: MemoryRecorder) -> None:
    given = Settings(name="calm", temperature=0.1, stop=("x",), address=Address(city="Bonn"), description="for tests")
    ref = weft.publish(given)
    assert (str(ref), ref.name, given.weft_ref) == ("weft:///test/calm:v1", "calm", "calm:v1")
    back = weft.ref("calm:latest").get()
    assert back == given
    assert type(back) is Settings
    assert weft.ref(ref.uri).get() == given
    assert weft.publish(Settings(temperature=0.1)).name == "Settings"
    assert weft.publish(given, name="calm").version == ref.version
    assert recorder.store.artifacts.get_version("test", "calm").description == "for tests"


def test_a_published_model_is_the_one_that_answers(recorder: MemoryRecorder) -> None:
    model = Answerer(prefix="> ")
    weft.publish(model, name="answerer", aliases=["production"])
    weft.ref("answerer:production").get().predict("tea?")
    span = recorder.span("Answerer.predict")
    assert (span.model_version, span.output) == ("answerer:v1", "> tea?")
    linked = Answerer(prefix="", weft_ref="teacher:v3")
    weft.publish(linked)
    assert linked.weft_ref == "teacher:v3"


def test_values_files_and_datasets(recorder: MemoryRecorder, tmp_path: Path) -> None:
    rows = [{"q": "1+1", "expected": "2"}]
    assert weft.ref(weft.publish(rows, name="rows").uri).get() == rows
    data = weft.publish(weft.Dataset("sums", rows), aliases=["golden"])
    assert (data.text, weft.ref("sums:golden").get().rows) == ("sums:v1", rows)
    assert weft.publish(weft.Dataset("sums", rows), name="renamed").text == "renamed:v1"
    files = weft.publish(weft.Artifact("notes", "files").add_bytes("hello", "a.txt"), name="words")
    assert files.get().file("a.txt") == b"hello"


def test_secrets_in_fields_are_not_published(recorder: MemoryRecorder) -> None:
    assert weft.ref(weft.publish(Client(api_key="sk-1")).uri).get().api_key == "[redacted]"


def test_a_class_that_is_not_there_is_not_loaded(recorder: MemoryRecorder) -> None:
    local = type("Local", (weft.Object,), {"__annotations__": {"n": int}, "__module__": "nowhere"})
    weft.publish(local(n=3), name="local")
    back = weft.ref("local").get()
    assert isinstance(back, StoredObject)
    assert (back.n, back.class_name, back.weft_ref) == (3, "nowhere:Local", "local:v1")  # type: ignore[attr-defined]


def test_a_class_that_has_changed_gives_the_fields(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    weft.publish(Settings(name="old", temperature=0.9))

    class Changed(weft.Object):
        other: int

    monkeypatch.setitem(globals(), "Settings", Changed)
    assert weft.ref("old").get().temperature == 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: weft.publish({"a": 1}), "The name None cannot stand in an address"),
        (lambda: weft.publish({"a": 1}, name="a/b"), "The name 'a/b' cannot stand in an address"),
        (lambda: weft.publish(object(), name="a"), "a is no JSON value"),
        (lambda: weft.ref(""), "'' is no reference"),
        (lambda: weft.ref("http://x"), "'http://x' is no reference of Weft"),
    ],
)
def test_what_cannot_be_published_is_refused(recorder: MemoryRecorder, call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_what_is_not_there(recorder: MemoryRecorder) -> None:
    with pytest.raises(NotFoundError, match="There is no artifact 'nothing:v1'"):
        weft.ref("nothing:v1").get()


def test_without_a_session() -> None:
    with pytest.raises(WeftError, match=r"weft\.publish needs a running session"):
        weft.publish({"a": 1}, name="a")
    with pytest.raises(WeftError, match=r"weft\.ref needs a running session"):
        weft.ref("a")
