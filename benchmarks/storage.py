"""What storing takes on disk, against the bytes that were sent: an agent that resends its history, and ordinary spans.

The agent has 100 turns, each a call with the whole conversation so far and a batch of its own, in each dialect that
carries messages; what is read back is compared with what was sent. Everything that the database holds is counted, all
indexes included. The baseline is the OTLP requests as they were sent, as a sink that keeps bodies would have them.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection

from benchmarks import corpus
from weft.records import Batch, Entry, RecordType, Span, SpanStatus, dumps, encode
from weft.store import SqlStore, open_url
from weft.testing.postgres import postgres_server

TURNS = 100
TEXT_BYTES = 600
SPANS = int(os.environ.get("WEFT_BENCH_SPANS", "40000"))


def main() -> dict[str, float]:
    """Print and return stored bytes as a part of the bytes sent."""
    found: dict[str, float] = {}
    with databases() as urls:
        for name, new_url in urls.items():
            for dialect, make in DIALECTS.items():
                sent, stored = agent(new_url(), make)
                found[f"{name} agent, {dialect}"] = stored / sent
            found[f"{name} ordinary spans"] = _ordinary(new_url())
    print(f"{'stored bytes of the bytes sent':44s} {'ratio':>8s}")
    for title, ratio in found.items():
        print(f"{title:44s} {ratio:8.3f}")
    return found


@contextmanager
def databases() -> Iterator[dict[str, Callable[[], str]]]:
    """Makers of new empty databases by kind."""
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        numbers = iter(range(1000))

        def sqlite() -> str:
            return f"sqlite:///{folder}/{next(numbers)}.db"

        def postgres() -> str:
            name = f"bench{next(numbers)}"
            admin = open_engine(server)
            with admin.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            admin.dispose()
            return server.replace("/postgres?", f"/{name}?")

        yield {"SQLite": sqlite, "PostgreSQL": postgres}


def open_engine(url: str) -> Any:
    """An engine whose statements are no transactions."""
    from sqlalchemy import create_engine

    return create_engine(url, isolation_level="AUTOCOMMIT")


def stored_bytes(store: SqlStore) -> int:
    """What tables and indexes take, and the files beside them."""
    beside = sum(path.stat().st_size for path in (store.database.blob_dir or Path()).rglob("*") if path.is_file())
    if not store.database.sqlite:
        with store.database.read() as connection:
            return beside + _relations(connection)
    with store.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    with store.database.engine.connect() as connection:
        plain: Any = connection.connection.driver_connection
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return beside + os.path.getsize(str(store.database.engine.url.database))


def _relations(connection: Connection) -> int:
    query = (
        "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind = 'r'"
    )
    return int(connection.exec_driver_sql(query).scalar_one())


def _ordinary(url: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = open_url(url, Path(folder))
        empty = stored_bytes(store)
        sent = 0
        for batch in corpus.batches(SPANS):
            sent += sum(len(entry.payload) for entry in batch.entries)
            store.ingest(batch)
        while store.maintain():
            pass
        ratio = (stored_bytes(store) - empty) / sent
        store.close()
    return ratio


def conversation(seed: int = 1) -> list[dict[str, Any]]:
    """The messages of an agent: instructions, then question and answer by turns, every text unique."""
    rng = random.Random(seed)
    messages = [{"role": "system", "content": corpus.text(rng, 1500)}]
    for _ in range(TURNS):
        messages.append({"role": "user", "content": corpus.text(rng, TEXT_BYTES)})
        messages.append({"role": "assistant", "content": corpus.text(rng, TEXT_BYTES)})
    return messages


Turn = tuple[int, list[dict[str, Any]], dict[str, Any]]


def turns(messages: list[dict[str, Any]]) -> Iterator[Turn]:
    """Each call's number, messages and answer."""
    for turn in range(TURNS):
        yield turn, messages[: 2 * turn + 2], messages[2 * turn + 2]


def agent(url: str, make: Callable[[Turn], list[Span]]) -> tuple[int, int]:
    """Bytes sent and stored of an agent of 100 turns. Raises AssertionError where something is read otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_url(url, Path(folder))
        empty = stored_bytes(store)
        spans: list[Span] = []
        sent = end = 0
        for turn in turns(conversation()):
            made = make(turn)
            spans += made
            entries = []
            for span in made:
                kind, payload = encode(span)
                if span.writer is None:
                    kind, payload = RecordType.OTLP_TRACES_JSON, _otlp(span)
                end += len(payload)
                sent += len(payload)
                entries.append(Entry(kind, payload, end))
            store.ingest(Batch("agent", 0, end - sum(len(one.payload) for one in entries), end, entries))
        for span in spans:
            read = store.spans.find_span(span.trace_id, span.span_id)
            assert read is not None
            assert read.attributes == span.attributes
            if span.writer is not None:
                assert dumps([read.input, read.output]) == dumps([span.input, span.output])
        while store.maintain():
            pass
        stored = stored_bytes(store) - empty
        store.close()
    return sent, stored


def _span(turn: int, **fields: Any) -> Span:
    given: dict[str, Any] = {
        "project": "agent",
        "trace_id": f"{turn + 1:032x}",
        "span_id": f"{turn + 1:016x}",
        "name": "chat",
        "start_ns": corpus.START_NS + turn * 1_000_000_000,
        "end_ns": corpus.START_NS + turn * 1_000_000_000 + 900_000_000,
        "status": SpanStatus.OK,
    }
    return Span(**{**given, **fields})


def _genai(turn: Turn) -> dict[str, Any]:
    number, asked, answer = turn
    parts = [{"role": one["role"], "parts": [{"type": "text", "content": one["content"]}]} for one in (*asked, answer)]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.response.id": f"chatcmpl-{number:024x}",
        "gen_ai.usage.input_tokens": 100 * number,
        "gen_ai.input.messages": orjson.dumps(parts[:-1]).decode(),
        "gen_ai.output.messages": orjson.dumps([{**parts[-1], "finish_reason": "stop"}]).decode(),
    }


def _instrumented(turn: Turn) -> list[Span]:
    """An op that takes the messages and the instrumented call below it, as Weft records them."""
    number, asked, answer = turn
    attributes = _genai(turn)
    op = _span(number, span_id=f"{number + 5000:016x}", input={"messages": asked}, output=answer["content"], writer="w")
    call = _span(
        number,
        parent_span_id=op.span_id,
        kind="llm",
        attributes=attributes,
        input=json.loads(attributes["gen_ai.input.messages"]),
        output=json.loads(attributes["gen_ai.output.messages"]),
        scope="weft.openai",
        writer="w",
    )
    return [op, call]


def _genai_otlp(turn: Turn) -> list[Span]:
    return [_span(turn[0], attributes=_genai(turn))]


def _openinference(turn: Turn) -> list[Span]:
    number, asked, answer = turn
    attributes: dict[str, Any] = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-x"}
    for place, message in enumerate(asked):
        attributes[f"llm.input_messages.{place}.message.role"] = message["role"]
        attributes[f"llm.input_messages.{place}.message.content"] = message["content"]
    attributes["llm.output_messages.0.message.role"] = "assistant"
    attributes["llm.output_messages.0.message.content"] = answer["content"]
    attributes["llm.token_count.prompt"] = 100 * number
    return [_span(number, attributes=attributes)]


def _input_value(turn: Turn) -> list[Span]:
    number, asked, answer = turn
    attributes = {
        "openinference.span.kind": "LLM",
        "input.value": json.dumps({"messages": asked, "model": "gpt-x", "temperature": 0.2}),
        "input.mime_type": "application/json",
        "output.value": json.dumps({"id": f"chatcmpl-{number:024x}", "choices": [{"index": 0, "message": answer}]}),
        "output.mime_type": "application/json",
    }
    return [_span(number, attributes=attributes)]


DIALECTS: dict[str, Callable[[Turn], list[Span]]] = {
    "@op and openai as Weft records them": _instrumented,
    "OTLP gen_ai.input.messages": _genai_otlp,
    "OTLP llm.input_messages.N": _openinference,
    "OTLP input.value": _input_value,
}


def _otlp(span: Span) -> bytes:
    """A request of one span, behind the journal's line."""

    def value(given: Any) -> dict[str, Any]:
        return {"intValue": given} if isinstance(given, int) else {"stringValue": given}

    row = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": [{"key": key, "value": value(given)} for key, given in span.attributes.items()],
    }
    body = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "bench"}, "spans": [row]}]}]}
    return dumps({"project": span.project}) + b"\n" + dumps(body)
