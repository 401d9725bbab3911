"""Whole programs as users of Weave write them run with ``import weft as weave``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import weft
import weft as weave
from weft import session
from weft.errors import InputError, NotFoundError, WeftError
from weft.testing.openai_server import OpenAIServer

ROWS = [
    {"id": "0", "sentence": "a red apple", "target": {"fruit": "apple", "color": "red"}},
    {"id": "1", "sentence": "a green pear", "target": {"fruit": "pear", "color": "green"}},
    {"id": "2", "sentence": "a blue plum", "target": {"fruit": "plum", "color": "blue"}},
]


@pytest.fixture(autouse=True)
def client(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[weft.Run]:
    monkeypatch.setenv("WEFT_DRAIN", "thread")
    monkeypatch.setenv("WEFT_QUIET", "1")
    yield weave.init("acme/fruit")
    session.close()


class ExtractFruits(weave.Model):
    prefix: str = "a "
    model_name: str = "demo"

    @weave.op()
    async def predict(self, sentence: str) -> dict[str, str]:
        color, fruit = sentence.removeprefix(self.prefix).split()
        return {"fruit": fruit, "color": "red" if color == "blue" else color}


@weave.op
def fruit_name_score(target: dict[str, str], output: dict[str, str]) -> dict[str, bool]:
    return {"correct": target["fruit"] == output["fruit"]}


class ColorScorer(weave.Scorer):
    weight: float = 1.0

    @weave.op
    def score(self, *, output: dict[str, str], target: dict[str, str], **_: Any) -> dict[str, Any]:
        return {"same": output["color"] == target["color"], "detail": {"length": len(output["color"])}, "none": None}

    def summarize(self, score_rows: list[Any]) -> dict[str, Any]:
        return {"share": self.weight * sum(row["same"] for row in score_rows) / len(score_rows)}


def test_an_app_is_traced_with_what_it_calls(client: weft.Run) -> None:
    @weave.op
    def retrieve(question: str) -> list[str]:
        return [f"about {question}"]

    @weave.op(name="answer")
    def answer(question: str, top_k: int = 3) -> str:
        return " ".join(retrieve(question)[:top_k])

    @weave.op
    async def main(question: str) -> str:
        await asyncio.sleep(0)
        return answer(question)

    @weave.op
    def words() -> Iterator[str]:
        yield from ("a", "b")

    @weave.op
    async def later() -> AsyncIterator[int]:
        yield 1

    assert client.project == "acme.fruit"
    assert asyncio.run(main("tea")) == "about tea"
    assert list(words()) == ["a", "b"]
    calls = client.get_calls(filter={"op_names": ["answer"]})
    assert [(call.inputs, call.output) for call in calls] == [({"question": "tea", "top_k": 3}, "about tea")]
    roots = client.get_calls(filter={"trace_roots_only": True})
    assert [call.op_name.rpartition(".")[2] for call in roots] == ["main", "words"]
    (parent,) = client.get_calls(filter={"call_ids": [calls[0].parent_id]})
    assert parent.op_name.endswith("main")
    assert client.get_call(calls[0].id or "").output == "about tea"
    assert client.get_call(f"{calls[0].trace_id}:{calls[0].id}").ended_at is not None
    assert len(client.get_calls(limit=2, offset=1)) == 2
    assert [span.name for span in weft.Api().spans("acme/fruit", name="answer")] == ["answer"]
    with pytest.raises(InputError, match="There is no filter 'ops'"):
        client.get_calls(filter={"ops": []})
    with pytest.raises(NotFoundError, match="There is no call 'abc' in project 'acme.fruit'"):
        client.get_call("abc")


def test_a_model_call_is_traced_and_counted(client: weft.Run) -> None:
    import openai

    with OpenAIServer(lambda request: "red") as server, openai.OpenAI(base_url=server.base_url, api_key="x") as llm:

        @weave.op
        def color_of(fruit: str) -> str | None:
            asked: Any = [{"role": "user", "content": f"The color of a {fruit}?"}]
            return llm.chat.completions.create(model="demo", messages=asked).choices[0].message.content

        result, call = color_of.call("plum")  # type: ignore[attr-defined]
    assert result == "red"
    (below,) = client.get_calls(filter={"parent_ids": [call.id]})
    assert below.summary["usage"]["demo"]["requests"] == 1
    assert below.summary["weft"]["status"] == "ok"


def test_publish_a_thing_and_get_it_back() -> None:
    ref = weave.publish({"colors": ["red", "green"]}, name="palette")
    assert weave.ref(ref.uri).get() == {"colors": ["red", "green"]}
    weave.publish({"colors": ["blue"]}, name="palette")
    assert weave.ref("palette:v1").get() == {"colors": ["red", "green"]}
    assert weave.ref("palette:latest").get() == {"colors": ["blue"]}
    prompt = weave.StringPrompt("Name the {what} in {sentence}.")
    weave.publish(prompt, name="extract")
    assert weave.ref("extract").get().format(what="fruit", sentence="a red apple") == "Name the fruit in a red apple."
    chat = weave.MessagesPrompt([{"role": "system", "content": "Be {tone}."}, {"role": "user", "content": "Hi"}])
    weave.publish(chat, name="greet")
    assert weave.ref("greet").get().format(tone="kind")[0] == {"role": "system", "content": "Be kind."}


def test_a_dataset_is_made_published_and_grows() -> None:
    dataset = weave.Dataset(name="fruits", rows=ROWS)
    weave.publish(dataset)
    again = weave.ref("fruits").get()
    assert again.rows[2]["sentence"] == "a blue plum"
    assert [row["sentence"] for row in again] == [row["sentence"] for row in ROWS]
    assert (again[0]["id"], again[0]["target"]["fruit"]) == ("0", "apple")
    more = again.add_rows([{"id": "3", "sentence": "a black olive", "target": {"fruit": "olive", "color": "black"}}])
    assert weave.publish(more).text == "fruits:v2"
    assert (len(more.select([0, 3])), len(again)) == (2, 3)
    frame = pd.DataFrame({"sentence": ["x", "y"], "n": [1, 2], "share": [0.5, float("nan")]})
    frame["day"] = pd.Timestamp("2026-11-21")
    loaded = weave.Dataset.from_pandas(frame)
    assert loaded.rows == [
        {"sentence": "x", "n": 1, "share": 0.5, "day": "2026-11-21T00:00:00"},
        {"sentence": "y", "n": 2, "share": None, "day": "2026-11-21T00:00:00"},
    ]
    assert loaded.to_pandas()["n"].tolist() == [1, 2]
    with pytest.raises(InputError, match="A list is no data frame"):
        weave.Dataset.from_pandas([])  # type: ignore[arg-type]


def test_a_dataset_of_calls(client: weft.Run) -> None:
    @weave.op(name="upper")
    def upper(text: str) -> str:
        return text.upper()

    upper("a")
    dataset = weave.Dataset.from_calls(client.get_calls(filter={"op_names": ["upper"]}))
    assert [(row["text"], row["output"]) for row in dataset.rows] == [("a", "A")]


def test_a_model_is_evaluated(client: weft.Run) -> None:
    evaluation = weave.Evaluation(
        dataset=weave.Dataset(name="fruits", rows=ROWS), scorers=[fruit_name_score, ColorScorer(weight=100.0)]
    )
    summary = asyncio.run(evaluation.evaluate(ExtractFruits()))
    assert summary["fruit_name_score"]["correct"] == {"mean": 1.0, "true_count": 3, "true_fraction": 1.0}
    assert summary["color_scorer"] == {"share": pytest.approx(200 / 3)}
    assert 0 <= summary["model_latency"]["mean"] < 10
    assert set(json.loads(json.dumps(dict(summary)))) == {"fruit_name_score", "color_scorer", "model_latency"}
    assert summary.summary["color_scorer/detail/length"].value == pytest.approx(11 / 3)  # type: ignore[attr-defined]
    weft.flush()
    stored = weft.Api().run(summary.run_id).summary
    assert stored["summaries"] == {"color_scorer": {"share": pytest.approx(200 / 3)}}
    assert weft.evals.load(summary.run_id)["color_scorer"] == summary["color_scorer"]  # type: ignore[attr-defined]
    assert (evaluation.name, summary.name) == ("fruits", "fruits")


def test_plain_functions_old_argument_names_and_trials() -> None:
    def matches(model_output: str, expected: str) -> bool:
        return model_output == expected

    def which(output: str) -> str:
        return output

    class Mapped(weave.Scorer):
        column_map: dict[str, str]

        def score(self, output: str, truth: str) -> float:
            return float(output == truth)

        def summarize(self, score_rows: list[Any]) -> Any:
            raise ValueError("no rows")

    evaluation = weave.Evaluation(
        dataset=[{"question": "1+1", "expected": "2"}, {"question": "2+2", "expected": "4"}],
        scorers=[matches, which, Mapped(column_map={"truth": "expected"})],
        evaluation_name="sums",
        trials=2,
        preprocess_model_input=lambda row: {"question": row["question"] + "=", "key": "k"},
    )

    @weave.op
    def model(question: str, key: str) -> str:
        return {"1+1=": "2"}.get(question, "5")

    summary = asyncio.run(evaluation.evaluate(model))
    assert len(summary.samples) == 4
    assert summary["matches"] == {"mean": 0.5, "true_count": 2, "true_fraction": 0.5}
    assert summary["which"] == {"counts": {"2": 2, "5": 2}}
    assert summary["mapped"] == {"failed": "ValueError: no rows"}


def test_what_preprocessing_makes_must_be_a_row() -> None:
    evaluation = weave.Evaluation(dataset=ROWS, scorers=[], preprocess_model_input=lambda row: 3)  # type: ignore[arg-type,return-value]
    result = asyncio.run(evaluation.evaluate(lambda sentence: sentence))
    assert {sample.failure.message for sample in result.samples if sample.failure} == {
        "preprocess_model_input returned a int, not a dictionary. [W200]"
    }


@pytest.mark.parametrize("method", ["predict", "infer", "forward", "invoke"])
def test_a_model_may_answer_by_any_of_its_names(method: str) -> None:
    kind = type("Echo", (weave.Model,), {method: lambda self, sentence: sentence, "__module__": __name__})
    result = asyncio.run(weave.Evaluation(dataset=ROWS).evaluate(kind()))
    assert [sample.output for sample in result.samples] == [row["sentence"] for row in ROWS]


def test_attributes_threads_and_turns(client: weft.Run) -> None:
    @weave.op(name="turn")
    def turn(text: str) -> str:
        return step(text)

    @weave.op(name="step")
    def step(text: str) -> str:
        return text

    with weave.attributes({"env": "production", "version": {"major": 2}}), weave.thread("chat-1") as thread:
        assert thread.thread_id == "chat-1"
        turn("hello")
        turn("bye")
    with weave.thread() as other:
        turn("new")
    calls = client.get_calls(filter={"thread_ids": ["chat-1"], "op_names": ["step"]})
    assert [call.attributes["env"] for call in calls] == ["production", "production"]
    assert calls[0].attributes["version.major"] == 2
    assert calls[0].thread_id == "chat-1"
    assert other.thread_id not in {"chat-1", None}


def test_the_current_call_its_names_summary_and_feedback(client: weft.Run) -> None:
    seen: list[weave.Call] = []

    @weave.op(call_display_name="shown", name="named")
    def named(text: str) -> str:
        return inner(text)

    @weave.op(call_display_name=lambda call: f"{call.op_name} of {call.inputs['text']}", name="inner")
    def inner(text: str) -> str:
        call = weave.require_current_call()
        seen.append(call)
        call.summary["accuracy"] = 0.9
        call.summary.update(tries=2)
        call.feedback.add_note("while it runs")
        assert call.inputs == {"text": text}
        assert call.output is None
        assert call.ended_at is None
        if text == "renamed":
            call.set_display_name("by hand")
        return text

    named("a")
    named("renamed")
    assert weave.get_current_call() is None
    seen[0].feedback.add_reaction("👍")
    stored = {call.id: call for call in client.get_calls(filter={"op_names": ["inner"]})}
    first, second = (stored[call.id] for call in seen)
    assert (first.display_name, second.display_name) == ("inner of a", "by hand")
    assert (first.summary["accuracy"], first.summary["tries"]) == (0.9, 2)
    assert [score.name for score in first.feedback] == ["note", "reaction"]
    assert (first.parent_id, first.trace_id) == (seen[0].parent_id, seen[0].trace_id)
    assert first.ui_url.endswith(f"/trace/{first.trace_id}?span={first.id}")
    assert first.thread_id is None
    (outer, _) = client.get_calls(filter={"op_names": ["named"]})
    assert outer.display_name == "shown"
    assert outer.started_at is not None
    with pytest.raises(WeftError, match="The call has ended"):
        first.set_display_name("late")
    with pytest.raises(WeftError, match="The call has ended"):
        seen[0].set_display_name("late")
    with pytest.raises(WeftError, match="There is no current call"):
        weave.require_current_call()


def test_op_call_gives_the_result_and_the_call(client: weft.Run) -> None:
    class Greeter:
        @weave.op
        def greet(self, name: str) -> str:
            return f"hello {name}"

    @weave.op
    async def later(n: int) -> int:
        return n + 1

    @weave.op
    def fails(n: int) -> int:
        raise ValueError(f"not {n}")

    @weave.op
    async def fails_later() -> None:
        raise KeyError("x")

    @weave.op
    def items() -> Iterator[int]:
        yield from (1, 2)

    @weave.op
    async def items_later() -> AsyncIterator[int]:
        yield 3

    greeter = Greeter()
    result, call = greeter.greet.call(greeter, "ann")  # type: ignore[attr-defined]
    assert (result, call.inputs, call.output, call.exception) == ("hello ann", {"name": "ann"}, "hello ann", None)
    result, call = asyncio.run(later.call(1))  # type: ignore[attr-defined]
    assert (result, call.output) == (2, 2)
    result, call = fails.call(3)  # type: ignore[attr-defined]
    assert (result, call.exception) == (None, "ValueError: not 3")
    result, call = asyncio.run(fails_later.call())  # type: ignore[attr-defined]
    assert (result, call.exception) == (None, "KeyError: 'x'")
    assert items.call()[0] == [1, 2]  # type: ignore[attr-defined]
    assert asyncio.run(items_later.call())[0] == [3]  # type: ignore[attr-defined]
    names = {span.name.rpartition(".")[2]: str(span.status) for span in weft.Api().spans("acme/fruit")}
    assert names == {
        "greet": "ok",
        "later": "ok",
        "fails": "error",
        "fails_later": "error",
        "items": "ok",
        "items_later": "ok",
    }
    failed = [call for call in client.get_calls() if call.op_name.endswith("fails")]
    assert failed[0].exception == "ValueError: not 3"


def test_what_is_recorded_can_be_changed_and_left_out(client: weft.Run) -> None:
    @weave.op(
        name="ask",
        postprocess_inputs=lambda inputs: {"length": len(inputs["text"])},
        postprocess_output=lambda output: output[:3] + "...",
        color="blue",
    )
    def ask(text: str) -> str:
        return text * 2

    @weave.op(name="broken", postprocess_inputs=lambda inputs: inputs["x"], postprocess_output=lambda output: 1 / 0)
    def broken(text: str) -> str:
        return text

    @weave.op(name="never", tracing_sample_rate=0.0)
    def never() -> int:
        return 1

    assert ask("secret") == "secretsecret"
    assert broken("secret") == "secret"
    assert never() == 1
    (call,) = client.get_calls(filter={"op_names": ["ask"]})
    assert (call.inputs, call.output) == ({"length": 6}, "sec...")
    (call,) = client.get_calls(filter={"op_names": ["broken"]})
    assert (call.inputs, call.output) == ({}, None)
    assert client.get_calls(filter={"op_names": ["never"]}) == []
    with pytest.raises(InputError, match="op has no option 'colour'"):
        weave.op(colour="blue")  # type: ignore[call-overload]


def test_outside_of_a_session_everything_still_works() -> None:
    session.close()

    @weave.op
    def double(n: int) -> int:
        assert weave.get_current_call() is None
        return 2 * n

    assert double(2) == 4
    result, call = double.call(2)  # type: ignore[attr-defined]
    assert (result, call.id, call.ui_url, call.output, call.inputs) == (4, None, "", 4, {"n": 2})
    call.set_display_name("x")
    assert call.display_name == "x"
    assert call.feedback.add_note("lost") is None
