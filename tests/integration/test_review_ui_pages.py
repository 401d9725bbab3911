"""Every page through Streamlit's own test runner, on an empty and on a filled store."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
import review_ui_seeds as seeds
import streamlit as st
import trace_seeds as traces
from streamlit.testing.v1 import AppTest

from weft import settings
from weft.records import ItemStatus, ReviewItem, Role
from weft.repositories import Store
from weft.review_ui import people
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
    "registry": "Nothing is registered yet",
}
NAMELESS = {
    "trace": "No trace is named",
    "thread": "No thread is named",
    "evaluation": "No evaluation is named",
    "single_run": "No run is named",
    "single_artifact": "No artifact is named",
    "lineage": "No node is named",
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


def opened(view: str, /, **address: str) -> AppTest:
    path = PATHS.get(view, "/" + view)
    app = AppTest.from_string(f"from weft.review_ui.shell import main\nmain({path!r})", default_timeout=60)
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
        ("evaluations", {}, ["Tick two evaluations or more"]),
        ("evaluations", {"sel": "eval-a,eval-b"}, ["Compare the two"]),
        ("evaluation", {"id": "eval-b"}, ["60 samples, 1 of them failed", "Reviewed by people: answers"]),
        ("evaluations", {"name": "qa"}, ["qa over time", "answerer b"]),
        ("evaluations", {"view": "leaderboard"}, ["questions:v1", "adjusted by Holm"]),
        ("evaluation", {"id": "eval-b"}, ["Compare with the one before", "exact is 0.90", "Leaderboard", "Calls"]),
        ("compare", {"runs": "eval-a,eval-b"}, ["answerer b against answerer a", "The other way round"]),
        ("compare", {"runs": "eval-b,eval-a,eval-b"}, ["answerer a against answerer b"]),
        ("review", {}, ["Is the answer correct?"]),
        ("runs", {}, ["Runs", "shop-helper"]),
        ("single_run", {"id": "train-a"}, ["softmax-1", "Overview", "Traces and evaluations"]),
        ("single_run", {"id": "train-a", "tab": "artifacts"}, ["softmax-1", "answerer:v1", "questions:v1", "Used (1)"]),
        ("single_run", {"id": "eval-a", "tab": "charts"}, ["has logged no metrics", "run.log"]),
        ("single_run", {"id": "hostile", "tab": "system"}, ["No samples were taken", "WEFT_SYSTEM_INTERVAL_S"]),
        ("single_run", {"id": "train-a", "tab": "calls"}, ["traced no calls", "evaluate_sync"]),
        ("single_run", {"id": "hostile", "tab": "artifacts"}, ["used and made no artifacts", "log_artifact"]),
        ("artifacts", {}, ["questions"]),
        ("single_artifact", {"ref": "questions:v1"}, ["who uses it", "Question 3?"]),
        ("lineage", {"node": "answerer:v1"}, ["model answerer:v1"]),
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
        ("compare", {"runs": "eval-a"}, "names only one evaluation"),
        ("compare", {"runs": "eval-a,train-a"}, "not an evaluation"),
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


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({}, ["Is the answer correct?", "The score that a complete case becomes", "team"]),
        (
            {"queue": "team"},
            [
                "Judge alone", "Labels alone", "Corrected", "As judged where unanswered", "served cases have no answer",
                "Labels to an interval", "decide alone", "Specificity", "what the judge said",
                "Krippendorff", "kappa of two", " said yes, ", "Dawid-Skene", "Gold right",
                "Publish as a golden set", "Labels as JSONL",
            ],
        ),
        ({"queue": "team", "field": "tone", "level": "90 %", "risk": "5 %", "pair": "ben, cem"}, ["ben said 4, cem "]),
        ({"queue": seeds.QUEUE}, ["Nobody has labelled a case yet", "No case of the audit draw"]),
        ({"queue": "team", "show": "cases"}, ["2 + 2?", "disputed", "flagged: names a person"]),
        ({"queue": "team", "show": "cases", "status": "flagged"}, ["names a person"]),
        ({"queue": "team", "show": "cases", "status": "claimed"}, ["No case is claimed."]),
        ({"queue": "team", "show": "settings"}, ["How polite is it?", "one decides", "The fields as they are asked"]),
    ],
)  # fmt: skip
def test_the_quality_of_a_queue(filled: Store, address: dict[str, str], words: list[str]) -> None:
    seeds.team(filled)
    app = opened("quality", project=seeds.PROJECT, **address)
    assert not app.exception
    shown = text(app)
    assert "This page failed" not in shown
    for word in words:
        assert word in shown


def button(app: AppTest, label: str) -> Any:
    """The button of this label."""
    return next(one for one in app.button if one.label == label)


def test_a_case_that_waits_is_told_to_nobody_who_may_label_it(filled: Store) -> None:
    queue = seeds.team(filled)
    items = {status: filled.reviews.list_items(queue.record.queue_id, status=status).items for status in ItemStatus}
    of = {"project": seeds.PROJECT, "queue": "team", "show": "cases", "reviewer": "zoe"}
    done = text(opened("quality", item=items[ItemStatus.LABELLED][0].item_id, **of))
    assert "ann" in done
    assert "Judge" in done
    disputed = text(opened("quality", item=items[ItemStatus.DISPUTED][0].item_id, **of))
    assert "stays hidden from you" in disputed
    assert "correct: " not in disputed
    assert "HIDDEN-VERDICT" not in disputed


def test_a_queue_is_run_from_its_page(filled: Store) -> None:
    queue = seeds.team(filled)
    of = {"project": seeds.PROJECT, "queue": "team", "show": "cases"}
    [flagged] = filled.reviews.list_items(queue.record.queue_id, flagged=True).items

    app = opened("quality", item=flagged.item_id, **of)
    button(app, "Lift the flag").click().run()
    assert filled.reviews.get_item(flagged.item_id).flagged is None
    assert "No flag any more." in text(app)

    app = opened("quality", item=flagged.item_id, **of)
    app.text_input[0].input("too hasty")
    button(app, "Ask again 1 case").click().run()
    assert filled.reviews.get_item(flagged.item_id).status is ItemStatus.WAITING
    assert [one.text for one in filled.reviews.list_comments(flagged.item_id) if one.kind == "requeue"] == ["too hasty"]

    app = opened("quality", item=flagged.item_id, **of)
    app.multiselect[0].select("ann").select("ben")
    button(app, "Assign 1 case").click().run()
    assert filled.reviews.get_item(flagged.item_id).assigned == ["ann", "ben"]

    app = opened("quality", **of)
    app.multiselect[0].select("ben").select("cem")
    button(app, "Assign this % of the open cases").click().run()
    assigned = [one for one in queue_items(filled, queue) if one.assigned == ["ben", "cem"]]
    assert len(assigned) > 5

    app = opened("quality", item=flagged.item_id, **of)
    next(one for one in app.selectbox if one.key == "gold-correct").select("no")
    next(one for one in app.number_input if one.key == "gold-tone").set_value(3.0)
    button(app, "Make it a gold case").click().run()
    golds = filled.reviews.list_items(queue.record.queue_id, status="gold").items
    assert {"correct": "no", "tone": 3.0} in [one.gold for one in golds]


def queue_items(store: Store, queue: Queue) -> list[ReviewItem]:
    """All items of a queue."""
    return store.reviews.list_items(queue.record.queue_id).items


def test_the_settings_of_a_queue_make_a_new_version_of_its_rubric(filled: Store) -> None:
    queue = seeds.team(filled)
    of = {"project": seeds.PROJECT, "queue": "team", "show": "settings"}
    app = opened("quality", **of)
    button(app, "Store").click().run()
    assert filled.reviews.get_queue(queue.record.queue_id).rubric_version == 1

    app = opened("quality", **of)
    app.text_input[0].input("Is it right?")
    next(one for one in app.multiselect if one.label.startswith("Who decides")).unselect("eva")
    button(app, "Store").click().run()
    now = filled.reviews.get_queue(queue.record.queue_id)
    assert (now.rubric_version, now.rubric["question"], now.adjudicators) == (2, "Is it right?", [])
    assert "The rubric is version 2 now" in text(app)
    assert "What was asked, by version" in text(app)

    app.text_area[1].input("[{")
    button(app, "Store").click().run()
    assert "The fields are no JSON" in text(app)
    app = opened("quality", **of)
    app.text_area[1].input('[{"name": "note", "type": "text"}]')
    button(app, "Store").click().run()
    assert "cannot be the counting one" in text(app)
    assert filled.reviews.get_queue(queue.record.queue_id).rubric_version == 2


def test_a_queue_is_begun_on_the_page(filled: Store) -> None:
    app = opened("quality", project=seeds.PROJECT)
    app.text_input[0].input("tone")
    app.text_input[1].input("Which is better?")
    next(one for one in app.selectbox if one.label == "Answers").select("A or B")
    button(app, "Create").click().run()
    made = filled.reviews.find_queue(seeds.PROJECT, "tone")
    assert made is not None
    assert made.rubric == {"question": "Which is better?", "fields": [{"name": "better", "type": "pairwise"}]}
    app = opened("quality", project=seeds.PROJECT)
    app.text_input[0].input("tone")
    button(app, "Create").click().run()
    assert "There is a queue 'tone' already." in text(app)


def test_labels_become_a_golden_set_on_the_page(filled: Store) -> None:
    seeds.team(filled)
    app = opened("quality", project=seeds.PROJECT, queue="team")
    button(app, "Publish as a golden set").click().run()
    made = filled.artifacts.get_version(seeds.PROJECT, "team-golden:golden")
    assert made.examples == filled.reviews.find_queue(seeds.PROJECT, "team").labelled  # type: ignore[union-attr]
    assert "team-golden:v1" in text(app)


@pytest.mark.usefixtures("filled")
def test_a_reviewer_does_not_get_the_page_on_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "role", lambda: Role.REVIEWER)
    shown = text(opened("quality", project=seeds.PROJECT, queue=seeds.QUEUE))
    assert "Labels alone" not in shown


def test_simulated_labels_are_called_so(filled: Store) -> None:
    queue = Queue.open(filled, seeds.PROJECT, seeds.QUEUE)
    item = queue.claim("machine")
    assert item is not None
    queue.label(item.item_id, "machine", "correct", simulated=True)
    for page in ("review", "overview"):
        assert "1 labelled, all of them simulated" in text(opened(page, project=seeds.PROJECT))
