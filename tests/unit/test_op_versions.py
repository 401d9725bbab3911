"""Versions of an op's code: what is captured, what is not, when, and what changed."""

from __future__ import annotations

import inspect
import json
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

import weft
from weft import settings
from weft.errors import InputError
from weft.records import ArtifactVersion
from weft.testing.recorder import MemoryRecorder
from weft.tracing import guard, op_versions, source
from weft.tracing.op import op

LIMIT = 3
WORDS = ("tea", "coffee")
API_KEY = "sk-abcdefghijklmnop1234"
CLIENT = object()


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(run_id="r", given=settings.load({"project": "test"})) as active:
        yield active


def versions(recorder: MemoryRecorder) -> list[ArtifactVersion]:
    return [one for one in recorder.of(ArtifactVersion) if isinstance(one, ArtifactVersion)]


def clean(text: str) -> str:
    return text.strip()


@op
def helper(text: str) -> str:
    return clean(text)


@op
def answer(question: str) -> str:
    assert json
    return " ".join(helper(question) for _ in range(LIMIT)) + WORDS[0] + str(numpy.pi) + str(CLIENT is API_KEY)


def test_source_and_dependencies_are_captured_once(recorder: MemoryRecorder) -> None:
    for _ in range(3):
        answer("tea")
    assert [one.name for one in versions(recorder)] == ["op.answer", "op.helper"]
    version = versions(recorder)[0]
    assert (version.type, version.project, version.run_id) == ("op", "test", "r")
    assert version.metadata["source"].startswith("@op\ndef answer(question: str) -> str:\n    assert json\n")
    assert (version.metadata["op"], version.metadata["module"], version.metadata["qualname"]) == (
        "answer",
        __name__,
        "answer",
    )
    depends = version.metadata["dependencies"]
    assert depends["LIMIT"] == {"value": 3}
    assert depends["WORDS"] == {"value": ["tea", "coffee"]}
    assert depends["API_KEY"] == {"value": "[redacted]"}
    assert depends["CLIENT"] == {"type": "builtins.object"}
    assert depends["numpy"] == {"module": "numpy", "version": numpy.__version__}
    assert depends["json"]["module"] == "json"
    assert depends["helper"]["op"] == "helper"
    assert depends["clean"] == {"source": "def clean(text: str) -> str:\n    return text.strip()\n"}
    spans = [span for span in recorder.spans if span.name == "answer"]
    assert {span.attributes["weft.op.digest"] for span in spans} == {version.digest[:16]}


def module_of(code: str, path: Path) -> ModuleType:
    path.write_text(textwrap.dedent(code))
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def test_what_an_op_depends_on_changes_its_digest(tmp_path: Path) -> None:
    code = "from weft import op\nN = {n}\ndef inner(): return {inner}\n@op\ndef outer(): return inner() + N\n"
    digests = {
        op_versions.describe(module_of(code.format(n=n, inner=inner), tmp_path / f"m{n}{inner}.py").outer, "p").digest
        for n, inner in ((1, 1), (1, 2), (2, 1))
    }
    again = op_versions.describe(module_of(code.format(n=1, inner=1), tmp_path / "other.py").outer, "p").digest
    assert len(digests) == 3
    assert again in digests


def test_closures_classes_and_functions_made_again(recorder: MemoryRecorder) -> None:
    class Answer:
        label = "x"

    def make(factor: int) -> Any:
        @op(name="scaled")
        def scaled(n: int) -> int:
            assert Answer.label
            return n * factor

        return scaled

    assert [make(factor)(2) for factor in (2, 3)] == [4, 6]
    (version,) = versions(recorder)
    assert version.metadata["dependencies"]["factor"] == {"value": 2}
    assert version.metadata["dependencies"]["Answer"]["source"].startswith("class Answer:")
    assert op_versions.describe(make(3), "p").digest != version.digest


def test_secrets_in_the_source_are_taken_out() -> None:
    text = textwrap.dedent(
        """
        client = Client(api_key="abc", password = 'x y', token='''q''')
        headers = {"Authorization": "Basic abc", "accept": "json"}
        key: str = "sk-abcdefghijklmnop1234"
        SECRET_KEY: str = "plain"
        max_tokens = "ten"
        """
    )
    shown = source.without_secrets(text)
    for secret in ("abc", "x y", "'''q'''", "sk-", "plain"):
        assert secret not in shown
    assert shown.count("[redacted]") == 6
    assert '"accept": "json"' in shown
    assert 'max_tokens = "ten"' in shown


def test_names_become_names_of_artifacts() -> None:
    assert op_versions.artifact_name("a/b: c") == "op.a_b_ c"
    assert op_versions.artifact_name("op.answer") == "op.answer"
    assert op_versions.artifact_name("...") == "op.op"
    assert len(op_versions.artifact_name("x" * 300)) == 123
    with pytest.raises(InputError, match="The op name 'a/b' cannot stand in an address"):
        op_versions.describe(answer, "p", name="a/b")


def test_it_can_be_left_out(recorder: MemoryRecorder) -> None:
    @op(name="quiet", enable_code_capture=False)
    def quiet() -> None: ...

    quiet()
    for given in ({"code": False}, {"capture": False}):
        with MemoryRecorder(given=settings.load({"project": "test", **given})) as other:
            answer("x")
        assert versions(other) == []
        assert other.spans[0].attributes == {}
    assert versions(recorder) == []


def test_code_that_cannot_be_read_breaks_nothing(
    recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(fn: Any) -> str:
        raise RuntimeError("no source")

    monkeypatch.setattr(op_versions, "source_of", broken)
    monkeypatch.setattr(guard, "_counts", {})

    @op(name="fine")
    def fine() -> int:
        return 1

    assert fine() == 1
    assert recorder.span("fine").attributes == {}
    assert "op version" in guard.failures()


def test_builtins_and_lambdas_have_versions_too(recorder: MemoryRecorder) -> None:
    assert op(len)([1]) == 1
    assert op(name="next")(lambda n: n + 1)(1) == 2
    assert {one.name for one in versions(recorder)} == {"op.len", "op.next"}


def test_versions_are_stored_listed_and_compared(fresh_home: Path, tmp_path: Path) -> None:
    first = module_of("from weft import op\n@op\ndef reply(): return 'a'\n", tmp_path / "one.py").reply
    second = module_of("from weft import op\n@op\ndef reply(): return 'b'\n", tmp_path / "two.py").reply
    with weft.init("acme/shop", settings={"drain": "thread"}) as run:
        first()
        second()
        assert str(weft.publish(first, name="published")).endswith("op.published:v1")
        assert "return 'a'" in weft.ref("op.published").get().metadata["source"]
    api = weft.Api()
    found = api.op_versions("reply", "acme/shop")
    assert [one.ref for one in found] == ["op.reply:v1", "op.reply:v2"]
    assert [span.attributes["weft.op.digest"] for span in api.spans("acme/shop", order="start")] == [
        one.digest[:16] for one in found
    ]
    changed = api.diff("reply", 1, 2, "acme/shop")
    assert "--- op.reply:v1\n+++ op.reply:v2\n" in changed
    assert "-def reply(): return 'a'\n+def reply(): return 'b'" in changed
    assert [one.name for one in api.ops("acme/shop")] == ["op.published", "op.reply"]
    used = {edge.source for edge in api.run(run.id).lineage().upstream}
    assert used == {"op.reply:v1", "op.reply:v2"}


def test_a_signal_handler_reads_sources_in_the_middle_of_another_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    real = inspect.getsource
    found: list[str] = []

    def interrupted(thing: Any) -> str:
        if thing is test_names_become_names_of_artifacts and not found:
            found.append(source.source_of(test_secrets_in_the_source_are_taken_out))  # as a handler's op does
            raise SystemError("AST constructor recursion depth mismatch")
        return real(thing)

    monkeypatch.setattr(inspect, "getsource", interrupted)
    reader = threading.Thread(
        target=lambda: found.append(source.source_of(test_names_become_names_of_artifacts)), daemon=True
    )
    reader.start()
    reader.join(60)
    assert [text.split("(")[0] for text in found] == [
        "def test_secrets_in_the_source_are_taken_out",
        "def test_names_become_names_of_artifacts",
    ]
