"""Secrets known by their shape leave no trace in what is stored, and the rest stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import SettingError
from weft.records import RecordType, dumps, loads
from weft.records.redaction import CARDS, CREDENTIALS, EMAILS, Patterns, scrub
from weft.settings import load, patterns_of

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    "sk-proj-abcdefghijklmnop1234",
    "sk-ant-api03-abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1" * 18,
    "github_pat_11ABCDEFG0abcdefghijkl_MNOP",
    "glpat-abcdefghij_klmnopqrst",
    "xoxb-1234567890-abcdef",
    "xapp-1-A0123-4567-abcdef",
    "AIza" + "b" * 35,
    "ya29." + "a0" * 20,
    "GOCSPX-" + "a-" * 12,
    "hf_" + "Ab" * 17,
    "gsk_" + "Ab1" * 16,
    "xai-" + "Ab1" * 16,
    "pplx-" + "a1" * 20,
    "r8_" + "Ab1" * 12,
    "dapi" + "0f" * 16,
    "rk_live_" + "Ab1" * 8,
    "sk_test_" + "Ab1" * 8,
    "whsec_" + "Ab1/" * 8,
    "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz",
    "npm_" + "Ab1" * 12,
    "weft_key_" + "Ab1-" * 10 + "xyz",
    "weft_link_" + "Ab1_" * 10 + "xyz",
    "weft_session_" + "Ab1-" * 10 + "xyz",
    "pypi-AgEIcHlwaS5vcmc" + "Ab1" * 20,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
    PEM,
    PEM[:50],
]
HARMLESS = "risk-free desk-top ghost sk-learn-is-a-library basic token = token, secret=config.secret 12/27 a@b"


def cleaned(value: Any, patterns: Patterns | None = None) -> Any:
    return loads((patterns or Patterns()).scrub(RecordType.SPAN, dumps(value)))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["use ", "\n", "é", "\x01", "\t'", '{"key": "'])
def test_a_secret_in_a_text_is_taken_out(secret: str, before: str) -> None:
    clean = cleaned({"input": {"text": f"{before}{secret}"}, "output": HARMLESS})
    assert clean["input"]["text"].startswith(f"{before}[redacted]")
    assert secret[8:] not in json.dumps(clean)
    assert clean["output"] == HARMLESS


@pytest.mark.parametrize("secret", SECRETS)
def test_json_in_a_text_stays_json(secret: str) -> None:
    clean = cleaned({"attributes": {"messages": json.dumps([f"one\n{secret}", 'a "quoted" word'])}})
    first, second = json.loads(clean["attributes"]["messages"])
    assert first == "one\n[redacted]"
    assert second == 'a "quoted" word'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdef0123456789abcdef==", "Authorization: Bearer [redacted]"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [redacted]"),
        ("postgresql://ann:s3cret@db.example.org/x", "postgresql://[redacted]@db.example.org/x"),
        ("https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXX", "https://hooks.slack.com/services/[redacted]"),
        ("GET /x?api_key=abc12345&page=2", "GET /x?api_key=[redacted]&page=2"),
        ('password="hunter2hunter2"', 'password="[redacted]"'),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=[redacted]"),
        ("def f(token=tokenizer): ...", "def f(token=tokenizer): ..."),
    ],
)
def test_secrets_by_what_stands_before_them(text: str, expected: str) -> None:
    assert cleaned({"status_message": text}) == {"status_message": expected}


def test_mail_addresses_only_where_asked() -> None:
    value = {"input": "write to\nann.b@mail.example.org, please", "project": "a@b.org"}
    assert cleaned(value) == value
    clean = cleaned(value, Patterns([EMAILS]))
    assert clean["input"] == "write to\n[redacted], please"
    nested = cleaned({"input": json.dumps("é\nann@x.org")}, Patterns([EMAILS]))
    assert json.loads(nested["input"]) == "é\n[redacted]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4111 1111 1111 1111 12/27", "card [redacted] 12/27"),
        ("12 4111-1111-1111-1111", "12 [redacted]"),
        ("4111111111111111 5500005555555559 378282246310005", "[redacted] [redacted] [redacted]"),
        ("\n4111111111111111\n", "\n[redacted]\n"),
        ("4111111111111112 is none", "4111111111111112 is none"),
        ("id a4111111111111111 and 4111111111111111b", "id a4111111111111111 and 4111111111111111b"),
        ("call 1763699581000000000", "call 1763699581000000000"),
    ],
)
def test_card_numbers_only_where_asked(text: str, expected: str) -> None:
    value = {"span_id": "4111111111111111", "start_ns": 1763699581000000000, "input": {"text": text}}
    assert cleaned(value) == value
    assert cleaned(value, Patterns([CARDS])) == {**value, "input": {"text": expected}}


def test_a_card_that_is_a_number_and_one_in_nested_json() -> None:
    clean = cleaned({"input": [4111111111111111, 4111111111111112, True], "output": '"x\\n4111111111111111"'}, CARD)
    assert clean == {"input": ["[redacted]", 4111111111111112, True], "output": '"x\\n[redacted]"'}


CARD = Patterns([CARDS])


@given(st.text(st.sampled_from("0123456789 -xy"), max_size=60))
def test_what_is_no_card_stays(text: str) -> None:
    clean = CARD.clean(text.encode()).decode()
    assert [c for c in clean if c in "xy"] == [c for c in text if c in "xy"]
    assert CARD.clean(clean.encode()).decode() == clean
    if "[redacted]" not in clean:
        assert clean == text


def test_a_pattern_of_ones_own_touches_texts_only() -> None:
    own = Patterns([CREDENTIALS], r"[0-9a-f]{4}-\d+|input")
    value = {"span_id": "00ab-12", "input": {"input": "case 00ab-12", "n": 1e22}, "name": "input"}
    assert cleaned(value, own) == {
        "span_id": "00ab-12",
        "input": {"input": "case [redacted]", "n": 1e22},
        "name": "[redacted]",
    }
    assert own.may_find(b"anything")
    assert own.clean(b"\xff 00ab-12") == b"\xff [redacted]"


def test_none_switches_all_off() -> None:
    value = {"input": SECRETS[0], "output": "a@b.org 4111111111111111"}
    assert cleaned(value, Patterns(["none"])) == value
    assert not Patterns(["none"]).may_find(dumps(value))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"redact_patterns": "mails"}, "WEFT_REDACT_PATTERNS is 'mails': there is no pattern 'mails'"),
        ({"redact_regex": "("}, r"WEFT_REDACT_REGEX is '\(': the regular expression '\(' is not one"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        load(settings)


def test_the_settings_say_which(tmp_path: Path) -> None:
    patterns = patterns_of(load({"dir": tmp_path, "redact_patterns": "emails, cards", "redact_regex": "zz+"}))
    text = b"ann@x.org 4111111111111111 zzz sk-proj-abcdefghijklmnop1234"
    assert patterns.clean(text) == b"[redacted] [redacted] [redacted] sk-proj-abcdefghijklmnop1234"


def test_protobuf_and_metrics_pass_unchanged() -> None:
    payload = b"\x0a\x30 sk-proj-abcdefghijklmnop1234"
    assert scrub(RecordType.OTLP_TRACES_PROTO, payload) is payload
    assert scrub(RecordType.METRICS, payload) is payload


def test_otlp_json_keeps_its_head_and_ids() -> None:
    body = {"traceId": "4111111111111111" * 2, "spanId": "4111111111111111", "name": "4111111111111111"}
    payload = b'{"project":"p"}\n' + dumps(body)
    head, _, clean = CARD.scrub(RecordType.OTLP_TRACES_JSON, payload).partition(b"\n")
    assert head == b'{"project":"p"}'
    assert loads(clean) == {**body, "name": "[redacted]"}
