"""Every page through Streamlit's own test runner, on an empty and on a filled store."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
import review_ui_seeds as seeds
import streamlit as st
import trace_seeds as traces
from streamlit.testing.v1 import AppTest

from weft import settings
from weft.repositories import Store
from weft.review_ui.views.traces import chip, read
from weft.reviews import Queue
from weft.store import open_store

EMPTY = {
    "overview": "Nothing has been recorded",
    "traces": "No calls have been traced",
    "evaluations": "No evaluations have been run",
    "review": "No cases have been sent to people",
    "runs": "No runs have been recorded",
    "artifacts": "No artifacts have been logged",
}
NAMELESS = {
    "trace": "No trace is named",
    "thread": "No thread is named",
    "evaluation": "No evaluation is named",
    "single_run": "No run is named",
    "single_artifact": "No artifact is named",
}


@pytest.fixture(autouse=True)
def _forget_the_store() -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store(settings.load())
    yield opened
    opened.close()


@pytest.fixture
def filled(store: Store) -> Store:
    seeds.fill(store)
    return store


PATHS = {"overview": "/", "single_run": "/run", "single_artifact": "/artifact"}


def opened(view: str, **address: str) -> AppTest:
    path = PATHS.get(view, "/" + view)
    app = AppTest.from_string(f"from weft.review_ui.shell import main\nmain({path!r})", default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def text(app: AppTest) -> str:
    """All that the page sends to the browser."""
    parts: list[str] = []

    def walk(node: object) -> None:
        children = getattr(node, "children", None)
        if children is None:
            parts.append(html.unescape(str(getattr(node, "proto", ""))))
        else:
            for child in children.values():
                walk(child)

    walk(app.main)
    return "\n".join(parts)


@pytest.mark.parametrize(("view", "sentence"), [*EMPTY.items(), *NAMELESS.items()])
def test_an_empty_page_says_so_and_shows_the_code_that_fills_it(view: str, sentence: str) -> None:
    app = opened(view)
    assert not app.exception
    assert sentence in text(app)
    assert "import weft" in app.code[0].value


@pytest.mark.parametrize(
    ("view", "address", "words"),
    [
        ("overview", {}, ["Errors", "Waiting for review", "Newest runs", "answer_customer", "Cost by hour"]),
        ("overview", {"range": "7d", "by": "model"}, ["embedder", "Cost by day", "last 7 days"]),
        ("overview", {"range": "30d", "by": "user"}, ["customer-9", "no user recorded"]),
        ("overview", {"range": "nothing", "by": "nothing"}, ["last 24 h"]),
        ("overview", {"by": "run"}, ["eval-a"]),
        ("overview", {"by": "day"}, ["Day (UTC)"]),
        ("traces", {}, ["answer_customer"]),
        ("traces", {"status": "error"}, ["answer_customer"]),
        ("traces", {"q": 'model == "answerer" and cost_usd > 0'}, ["answer_customer"]),
        ("traces", {"q": "the rest of order"}, ["support_agent", "customer-9", traces.THREAD]),
        ("traces", {"user": "customer-9", "since": "24h"}, ["Only user", "vip", "Thanks!"]),
        ("traces", {"show": "spans", "q": 'kind == "tool"', "order": "slowest"}, ["look_up_carrier"]),
        ("traces", {"q": 'user == "nobody"'}, ["No trace fits these filters."]),
        ("trace", {"id": f"{1:032x}"}, ["answer_customer", f"{1:032x}", "192 in, 24 out"]),
        ("thread", {"id": traces.THREAD}, ["2,600 in, 110 out", traces.THREAD]),
        ("evaluations", {}, ["Tick two evaluations"]),
        ("evaluations", {"sel": "eval-a,eval-b"}, ["Compare the two"]),
        ("evaluation", {"id": "eval-b"}, ["60 samples, 1 of them failed", "Reviewed by people: answers"]),
        ("evaluation", {"id": "eval-b"}, ["Against the one before (answerer a):", "shared examples", "Calls"]),
        ("compare", {"runs": "eval-a,eval-b"}, ["Flips in exact"]),
        ("review", {}, ["Is the answer correct?"]),
        ("runs", {}, ["softmax-1"]),
        ("runs", {"sel": "train-a"}, ["softmax-1"]),
        ("single_run", {"id": "train-a"}, ["softmax-1", "epoch 0 loss", "answerer:v1"]),
        ("artifacts", {}, ["questions"]),
        ("single_artifact", {"ref": "questions:v1"}, ["Who uses it", "Question 3?"]),
        ("single_artifact", {"ref": "answerer"}, ["weights.npz", "softmax-1"]),
    ],
)
@pytest.mark.usefixtures("filled")
def test_a_page_shows_what_was_recorded(view: str, address: dict[str, str], words: list[str]) -> None:
    app = opened(view, project=seeds.PROJECT, **address)
    assert not app.exception
    shown = text(app)
    assert "This page failed" not in shown
    for word in words:
        assert word in shown


@pytest.mark.usefixtures("filled")
def test_a_mistake_in_an_expression_is_told_at_its_column() -> None:
    shown = text(opened("traces", project=seeds.PROJECT, q='kind == "llm" and modle == "x"'))
    assert "Column 19: there is no field 'modle'. Did you mean model?" in shown
    assert "\\n" + " " * 18 + "^" in shown
    assert "answer_customer" not in shown


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", None, None),
        ("refund late", None, "refund late"),
        ("is_root", "is_root", None),
        ('kind == "llm"', 'kind == "llm"', None),
        ("kind = llm and x > 2", "kind = llm and x > 2", None),
        ("where is order?", None, "where is order?"),
    ],
)
def test_the_box_takes_an_expression_or_words(text: str, where: str | None, words: str | None) -> None:
    assert read(text) == (where, words)


def test_a_chip_is_added_to_the_box_and_taken_out() -> None:
    slow = "duration_s > 2"
    assert chip("slow", slow, "")[1:] == ("/traces?q=duration_s+%3E+2", False)
    assert chip("slow", slow, 'kind == "llm" and duration_s > 2')[1:] == ("/traces?q=kind+%3D%3D+%22llm%22", True)
    assert "q=%28a+%3D%3D+1+or+b+%3D%3D+2%29+and+" in chip("slow", slow, "a == 1 or b == 2")[1]
    assert "q=%22late%22+in+text+and+" in chip("slow", slow, "late")[1]


@pytest.mark.parametrize(
    ("view", "address", "message"),
    [
        ("trace", {"id": "ab" * 16}, "ab" * 16),
        ("thread", {"id": "nosuchthread"}, "nosuchthread"),
        ("single_run", {"id": "nosuchrun"}, "nosuchrun"),
        ("evaluation", {"id": "train-a"}, "not an evaluation"),
        ("compare", {"runs": "eval-a"}, "names 1 evaluations"),
        ("review", {"queue": "nosuchqueue"}, "There is no review queue"),
        ("single_artifact", {"ref": "nothing"}, "nothing"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_cannot_be_shown_is_explained(view: str, address: dict[str, str], message: str) -> None:
    app = opened(view, project=seeds.PROJECT, **address)
    assert not app.exception
    shown = text(app)
    assert "w-error" in shown
    assert message in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("view", "address"),
    [("traces", {}), ("trace", {"id": "f" * 32}), ("runs", {}), ("single_run", {"id": "hostile"}), ("overview", {})],
)
@pytest.mark.usefixtures("filled")
def test_text_of_users_never_becomes_markup(view: str, address: dict[str, str]) -> None:
    app = opened(view, project=seeds.PROJECT, **address)
    assert not app.exception
    for element in app.get("html"):
        assert "<script" not in element.proto.body
        assert "<img" not in element.proto.body
    assert not app.markdown


@pytest.mark.usefixtures("filled")
def test_the_trace_of_a_case_is_asked_for_without_what_judges() -> None:
    assert re.search(r'blind\\?": false', text(opened("trace", id=f"{1:032x}", project=seeds.PROJECT)))
    blind = text(opened("trace", id=f"{1:032x}", project=seeds.PROJECT, blind=seeds.QUEUE))
    assert re.search(r'blind\\?": true', blind)
    assert "Back to the case" in blind


@pytest.mark.usefixtures("filled")
def test_the_page_of_a_queue_holds_no_case_itself() -> None:
    shown = text(opened("review", project=seeds.PROJECT, queue=seeds.QUEUE, reviewer="ann"))
    assert "Is the answer correct?" in shown  # the rubric; cases come through the API, one claim at a time
    assert "HIDDEN-VERDICT" not in shown
    assert "as ann" in shown


def test_simulated_labels_are_called_so(filled: Store) -> None:
    queue = Queue.open(filled, seeds.PROJECT, seeds.QUEUE)
    item = queue.claim("machine")
    assert item is not None
    queue.label(item.item_id, "machine", "correct", simulated=True)
    for page in ("review", "overview"):
        assert "1 labelled, all of them simulated" in text(opened(page, project=seeds.PROJECT))
