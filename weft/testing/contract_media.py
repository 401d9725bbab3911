"""The part of the contract that is about images, sounds and files of spans."""

from __future__ import annotations

import base64
import json

import pytest

from weft import digests
from weft.errors import NotFoundError
from weft.records import Media, RecordType, Span, dumps, find_media
from weft.repositories import Store
from weft.testing.batches import batch_of, raw_batch

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
_TRACE = "ab" * 16


class MediaContract:
    """Bytes of media come as records of their own, or inline in spans of other tracers; both become blobs."""

    def test_media_become_blobs_of_their_project(self, store: Store) -> None:
        report = store.ingest(batch_of("w", Media("p", "image/png", PNG), Media("p", "image/png", PNG)))
        assert (report.stored, report.rejected) == (2, [])
        assert store.blobs.get("p", digests.of_bytes(PNG)) == PNG
        with pytest.raises(NotFoundError, match="There is no blob"):
            store.blobs.get("q", digests.of_bytes(PNG))

    def test_media_without_a_head_are_refused_by_name(self, store: Store) -> None:
        report = store.ingest(raw_batch("w", (RecordType.MEDIA, b"[]\nx"), (RecordType.MEDIA, b'{"project": ".."}\nx')))
        first, second = (rejected.reason for rejected in report.rejected)
        assert "names the project" in first
        assert "is not a name" in second

    def test_what_a_span_holds_inline_becomes_a_blob(self, store: Store) -> None:
        text = base64.b64encode(PNG).decode()
        span = Span("p", _TRACE, "cd" * 8, "s", 1, end_ns=2, input=[{"image": f"data:image/png;base64,{text}"}])
        store.ingest(batch_of("w", span))
        stored = store.spans.get_trace(_TRACE)[0]
        assert [found.digest for found in find_media(stored.input)] == [digests.of_bytes(PNG)]
        assert store.blobs.get("p", digests.of_bytes(PNG)) == PNG

    def test_what_an_otlp_request_holds_inline_becomes_a_blob(self, store: Store) -> None:
        part = {
            "type": "blob",
            "modality": "image",
            "mime_type": "image/png",
            "content": base64.b64encode(PNG).decode(),
        }
        messages = json.dumps([{"role": "user", "parts": [part]}])
        span = {
            "traceId": _TRACE,
            "spanId": "cd" * 8,
            "name": "chat",
            "startTimeUnixNano": "1",
            "endTimeUnixNano": "2",
            "attributes": [{"key": "gen_ai.input.messages", "value": {"stringValue": messages}}],
        }
        body = dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        store.ingest(raw_batch("w", (RecordType.OTLP_TRACES_JSON, b'{"project": "p"}\n' + body)))
        stored = store.spans.get_trace(_TRACE)[0]
        assert stored.input[0]["parts"][0]["uri"] == f"weft-media:{digests.of_bytes(PNG)}"
        assert store.blobs.get("p", digests.of_bytes(PNG)) == PNG
        assert stored.attributes["gen_ai.input.messages"] == messages
