"""Secrets known by their shape leave no trace in what is stored, and the rest stays as it was."""

from __future__ import annotations

import json

import pytest

from weft.records import RecordType
from weft.records.redaction import scrub

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234",
        "sk-ant-api03-abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1" * 18,
        "xoxb-1234567890-abcdef",
        "AIza" + "b" * 35,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
        PEM,
        PEM[:50],
    ],
)
def test_a_secret_in_a_text_is_taken_out(secret: str) -> None:
    harmless = "risk-free desk-top ghost sk-learn-is-a-library"
    payload = json.dumps({"input": {"text": f"use {secret}"}, "output": harmless}).encode()
    clean = json.loads(scrub(RecordType.SPAN, payload))
    assert secret not in json.dumps(clean)
    assert clean["input"]["text"].startswith("use [redacted]")
    assert clean["output"] == harmless


def test_bearer_tokens_keep_the_word() -> None:
    payload = json.dumps({"header": "Authorization: Bearer abcdef0123456789abcdef=="}).encode()
    assert json.loads(scrub(RecordType.SPAN, payload)) == {"header": "Authorization: Bearer [redacted]"}


def test_mail_addresses_only_where_asked() -> None:
    payload = b'{"input":"write to ann.b@mail.example.org, please"}'
    assert scrub(RecordType.SPAN, payload) == payload
    assert scrub(RecordType.SPAN, payload, emails=True) == b'{"input":"write to [redacted], please"}'


def test_protobuf_and_metrics_pass_unchanged() -> None:
    payload = b"\x0a\x30 sk-proj-abcdefghijklmnop1234"
    assert scrub(RecordType.OTLP_TRACES_PROTO, payload) is payload
    assert scrub(RecordType.METRICS, payload) is payload
