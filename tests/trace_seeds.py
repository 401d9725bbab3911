"""Traces that ask much of the pages: chats with tools and media, a conversation, a very large tree."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable

from weft.records import Span, SpanStatus

RICH = "c" * 32
LARGE = "d" * 32
THREAD = "thread-7"
MS = 1_000_000
EXACT = 12345678901234567890


def png(width: int = 48, height: int = 24) -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([0, 114, 178]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds: float = 0.1) -> bytes:
    """A short silence."""
    data = bytes(2 * int(8000 * seconds))
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data" + struct.pack("<I", len(data)) + data
    )  # fmt: skip


def rich(project: str, now: int, digest: str, hostile: str) -> Iterable[Span]:
    """An agent's trace: tools, reasoning, pictures and sound inline and as a blob, an error with its stack."""
    start = now - 90_000 * MS

    def span(number: int, name: str, begin: int, end: int, parent: int | None, kind: str, **more: object) -> Span:
        return Span(
            project, RICH, f"{number:016x}", name, start + begin * MS, kind=kind, end_ns=start + end * MS,
            parent_span_id=None if parent is None else f"{parent:016x}", thread_id=THREAD, user_id="customer-9",
            **{"status": SpanStatus.OK, **more},  # type: ignore[arg-type]
        )  # fmt: skip

    vector = b"<svg onload='alert(3)'/>"
    picture = base64.b64encode(png()).decode()
    call = {"type": "tool_call", "id": "call_1", "name": "look_up_order", "arguments": {"order": 1007}}
    asked = [
        {"role": "system", "parts": [{"type": "text", "content": "You help customers of a shop. Be brief."}]},
        {"role": "user", "parts": [
            {"type": "text", "content": "Here is what arrived. Where is the rest of order 1007?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": picture},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
            {"type": "uri", "modality": "image", "uri": "https://elsewhere.invalid/picture.png"},
            {"type": "input_audio", "input_audio": {
                "data": base64.b64encode(wav()).decode(), "format": "wav"}},
            {"_weft": "media", "media_type": "image/png", "digest": digest, "size_bytes": 177},
            {"type": "blob", "mime_type": "text/html", "content": base64.b64encode(hostile.encode()).decode()},
            {"type": "blob", "mime_type": "image/svg+xml", "content": base64.b64encode(vector).decode()},
        ]},
    ]  # fmt: skip
    first = {"role": "assistant", "parts": [
        {"type": "reasoning", "content": "The picture shows one parcel. REASONED: the order has two."}, call
    ]}  # fmt: skip
    result = {"role": "tool", "parts": [
        {"type": "tool_call_response", "id": "call_1", "response": {"order": 1007, "parcels": 2, "late": True}}
    ]}  # fmt: skip
    answer = "The second parcel of order 1007 left the warehouse this morning."
    yield span(1, "support_agent", 0, 4200, None, "agent", input={"question": "Where is the rest of order 1007?"},
               output=answer, model_version="answerer:v1")  # fmt: skip
    yield span(2, "plan", 10, 1200, 1, "llm", model="answerer", provider="openai", input=asked, output=[first],
               input_tokens=1200, output_tokens=80, cached_tokens=1000, reasoning_tokens=60, cost_usd=0.0021,
               attributes={"gen_ai.request.temperature": 0.2, "gen_ai.request.seed": EXACT, hostile: [hostile]},
               )  # fmt: skip
    yield span(3, "look_up_order", 1210, 1700, 1, "tool", input={"order": 1007}, output={"parcels": 2, "late": True})
    yield span(4, "look_up_carrier", 1710, 2400, 1, "tool", status=SpanStatus.ERROR,
               status_message="ConnectionError: carrier", input={"order": 1007},
               events=[{"name": "exception", "attributes": {
                   "exception.type": "ConnectionError", "exception.message": "carrier is away " + hostile,
                   "exception.stacktrace": "Traceback (most recent call last):\n  carrier.py, line 7\n" + hostile}},
                   {"name": "retry", "time_ns": start + 2000 * MS, "attributes": {"attempt": 2, "why": hostile}}],
               )  # fmt: skip
    yield span(5, "answer", 2410, 4190, 1, "llm", model="answerer", provider="openai", input=[*asked, first, result],
               output=[{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}],
               input_tokens=1400, output_tokens=30, cost_usd=0.0009, resource={"service.name": hostile})  # fmt: skip
    arguments = '{"a": "<img src=x onerror=alert(4)>"}'
    page = {"filename": hostile, "file_data": "data:text/html,<script>alert(6)</script>"}
    messages = [
        {"role": hostile, "content": hostile,
         "tool_calls": [{"id": hostile, "function": {"name": hostile, "arguments": arguments}}]},
        {"role": "assistant", "reasoning_content": hostile, "content": [{"type": hostile, "text": hostile}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "javascript:alert(5)"}},
                                     {"type": "file", "file": page}]},
    ]  # fmt: skip
    yield span(6, hostile, 4191, 4195, 1, "tool", status_message=hostile, model=hostile, provider=hostile,
               input=messages, output={hostile: {hostile: [hostile]}}, links=[{"trace_id": hostile}])  # fmt: skip


def conversation(project: str, now: int) -> Iterable[Span]:
    """Two more turns of the thread of :func:`rich`, each a trace."""
    for turn, (asked, said) in enumerate(
        [("Hello, are you there?", "Yes. How can I help?"), ("Thanks!", "You are welcome.")]
    ):
        start = now - (200_000 - 150_000 * turn) * MS
        yield Span(project, f"{turn + 1:x}" * 32, "1" * 16, "support_agent", start, end_ns=start + 900 * MS,
                   kind="agent",
                   status=SpanStatus.OK, thread_id=THREAD, user_id="customer-9", input={"question": asked}, output=said,
                   attributes={"weft.tags": ["vip"]})  # fmt: skip


def large(project: str, now: int, count: int = 30_000) -> Iterable[Span]:
    """One trace of many spans: a root, and below each span up to eight others; every 997th fails."""
    start = now - 300_000 * MS
    for number in range(count):
        begin = start + number * 2 * MS
        llm = number % 3 == 2
        yield Span(
            project, LARGE, f"{number + 1:016x}", "crawl" if number == 0 else f"page_{number}", begin,
            parent_span_id=None if number == 0 else f"{(number - 1) // 8 + 1:016x}",
            end_ns=start + 2 * count * MS + MS if number == 0 else begin + (7 + number % 50) * MS,
            kind="llm" if llm else "tool", status=SpanStatus.ERROR if number % 997 == 996 else SpanStatus.OK,
            model="answerer" if llm else None, input_tokens=100 if llm else None, output_tokens=10 if llm else None,
            cost_usd=0.0001 if llm else None, input={"url": f"https://shop.invalid/{number}"},
            output=f"text of page {number}",
        )  # fmt: skip
