from __future__ import annotations

import math
from datetime import timedelta, timezone

import pytest

from weft import formatting as fmt
from weft.review_ui import addresses
from weft.review_ui.markup import Markup, element, join

SECOND = 10**9


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0, "0"), (1234, "1,234"), (0.81234, "0.812"), (0.78, "0.780"), (123.4, "123"),
     (12345.6, "12,346"), (1.234e-5, "1.2e-5"),
     (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "NaN"), (2.0, "2")],
)  # fmt: skip
def test_number(value: float | None, shown: str) -> None:
    assert fmt.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (1234, "1,234"),
        (123_456, "123 k"),
        (1_234_567, "1.2 M"),
        (999_999, "1.0 M"),
        (2.5e9, "2.5 G"),
    ],
)
def test_count(value: float | None, shown: str) -> None:
    assert fmt.count(value) == shown


@pytest.mark.parametrize(
    ("ns", "shown"),
    [(None, "–"), (0, "0 µs"), (12_000, "12 µs"), (340_000_000, "340 ms"), (1_500_000, "1.5 ms"),
     (2.1 * SECOND, "2.1 s"),
     (200 * SECOND, "3 min 20 s"), (7500 * SECOND, "2 h 5 min"), (90_000 * SECOND, "1 d 1 h"),
     (59.97 * SECOND, "1 min 0 s")],
)  # fmt: skip
def test_duration(ns: float | None, shown: str) -> None:
    assert fmt.duration(ns) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "$0"), (0.0042, "$0.0042"), (12.4, "$12.40"), (0.5, "$0.50"), (0.00001234, "$0.000012")],
)
def test_usd(value: float | None, shown: str) -> None:
    assert fmt.usd(value) == shown


def test_interval_carries_n() -> None:
    assert fmt.interval(0.81, 0.77, 0.85, 200) == "0.81 [0.77, 0.85] n=200"
    assert fmt.interval(None, n=0) == "– n=0"
    assert fmt.interval(0.5) == "0.50"
    assert fmt.percent(0.81) == "81.0 %"
    assert fmt.percent(None) == "–"


def test_size() -> None:
    assert [fmt.size(value) for value in (None, 912, 1_400_000, 3e9)] == ["–", "912 B", "1.4 MB", "3.0 GB"]


def test_times_are_relative_within_a_day() -> None:
    now = 1_700_000_000 * SECOND
    assert fmt.ago(None) == "–"
    assert fmt.ago(now - 2 * SECOND, now) == "now"
    assert fmt.ago(now - 30 * SECOND, now) == "30 s ago"
    assert fmt.ago(now - 250 * SECOND, now) == "4 min ago"
    assert fmt.ago(now - 7200 * SECOND, now) == "2 h ago"
    assert fmt.ago(now - 90_000 * SECOND, now) == "2023-11-13 21:13"
    assert fmt.ago(now + 60 * SECOND, now) == "2023-11-14 22:14:20Z"
    assert fmt.moment(now) == "2023-11-14 22:13:20Z"


def test_text_and_line() -> None:
    assert fmt.text({"question": "why?"}) == "why?"
    assert fmt.text({"a": 1}) == '{\n  "a": 1\n}'
    assert fmt.text(None) == ""
    assert fmt.line("a\n  b\tc") == "a b c"
    assert fmt.line("x" * 500, 10) == "xxxxxxxxx…"
    assert fmt.line([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "you"}]) == "you"
    assert fmt.line({"a": [1, 2]}) == '{"a": [1, 2]}'


def test_chats_are_found_in_every_dress() -> None:
    plain = [{"role": "user", "text": "hi"}]
    assert fmt.messages([{"role": "user", "content": "hi"}]) == plain
    assert fmt.messages({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}) == plain
    assert fmt.messages([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]) == plain
    assert fmt.messages({"choices": [{"message": {"role": "user", "content": "hi"}}]}) == plain
    called = fmt.messages([{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}])
    assert called == [{"role": "assistant", "text": '{"id": "1"}'}]
    for other in ("hi", {"a": 1}, [], [1], [{"role": 3}], None):
        assert fmt.messages(other) is None


def test_plain_labels_escape_markdown() -> None:
    assert fmt.plain("**no** :material/x: $y$") == "\\*\\*no\\*\\* \\:\u2060material/x\\:\u2060 \\$y\\$"
    assert fmt.plain("a\nb") == "a b"


def test_elements_escape_what_is_not_markup() -> None:
    made = element("div", "<script>alert(1)</script>", element("b", "x&y"), class_='a"b')
    assert made == '<div class="a&quot;b">&lt;script&gt;alert(1)&lt;/script&gt;<b>x&amp;y</b></div>'
    assert isinstance(join(["a", None]), Markup)


@pytest.mark.parametrize(
    ("path", "query", "goal"),
    [
        ("/trace/ab12", "span=9f", "/trace?id=ab12&span=9f"),
        ("/run/abc", "", "/run?id=abc"),
        ("/runs/abc", "", "/run?id=abc"),
        ("/evaluations/e1", "", "/evaluation?id=e1"),
        ("/review/my queue", "", "/review?queue=my%20queue"),
        ("/artifact/model:v3", "", "/artifact?ref=model:v3"),
        ("/traces", "", None),
        ("/runs", "q=1", None),
        ("/", "", None),
        ("/overview", "project=demo", "/?project=demo"),
        ("/runs/", "", None),
        ("/nowhere", "a=b", "/missing?path=%2Fnowhere"),
        ("/no/where at all", "", "/missing?path=%2Fno%2Fwhere+at+all"),
        ("/missing", "", None),
        ("/_stcore/stream", "", None),
        ("/static/js/index.js", "", None),
        ("/favicon.png", "", None),
    ],
)
def test_object_addresses_lead_to_their_pages(path: str, query: str, goal: str | None) -> None:
    assert addresses.target(path, query) == goal


def test_addresses_leave_out_what_is_empty() -> None:
    assert addresses.address("/runs", q="", sel=None) == "/runs"
    assert addresses.address("/trace", id="a b", span="1") == "/trace?id=a+b&span=1"


def test_times_are_written_in_the_readers_zone() -> None:
    ns = 1_700_000_000 * SECOND
    east = timezone(timedelta(hours=2))
    assert fmt.moment(ns) == "2023-11-14 22:13:20Z"
    assert fmt.moment(ns, east) == "2023-11-15 00:13:20+02:00"
    assert fmt.ago(ns, ns + 3 * 86_400 * SECOND, east) == "2023-11-15 00:13"


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ({"id": "c1", "function": {"name": "find", "arguments": '{"id": 1}'}}, 'find({"id": 1})'),
        ({"type": "tool_call", "name": "find", "arguments": {"id": 1}}, 'find({"id": 1})'),
        ({"type": "image", "uri": "x"}, '{"type": "image", "uri": "x"}'),
        ("odd", '"odd"'),
    ],
)
def test_a_tool_call_reads_as_a_call(call: object, shown: str) -> None:
    assert fmt.called(call) == shown
    assert fmt.messages([{"role": "assistant", "content": None, "tool_calls": [call]}]) == [
        {"role": "assistant", "text": shown}
    ]
