"""Deletion in a folder as it is used: nothing of what was deleted is left in any file."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

import weft
from weft import drainer, settings, workbench
from weft.cli import app
from weft.drainer.status import keep_rejected
from weft.errors import InputError
from weft.journal import Folder
from weft.records import RecordType, SpanQuery
from weft.records.frames import decode_batch, encode_batch
from weft.store import open_store
from weft.testing import batch_of
from weft.testing.contract_observations import a_span, trace
from weft.testing.waiting import wait_for

SECRET = "swordfish-7261"


def content(path: Path) -> bytes:
    """What is in a file; nothing where it has gone, as files of drainers and servers at work do, or is a pipe."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def holders(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if SECRET.encode() in content(path))


def weft_command(*arguments: str, code: int = 0, typed: str | None = None) -> str:
    done = CliRunner().invoke(app, arguments, input=typed)
    if isinstance(done.exception, InputError) and code:
        return done.output
    assert done.exit_code == code, done.output
    return done.output


def fill(home: Path, count: int = 300) -> None:
    store = open_store(settings.load())
    others = [a_span(n, input={"n": n, "text": f"word{n} " * 40}) for n in range(10, count)]
    secret = [
        a_span(1, name=SECRET, input=f"it is {SECRET}", attributes={"key": SECRET, "user": "ada"}),
        a_span(2, output={"long": f"{SECRET} " * 400}, attributes={"user": "ada"}, status_message=SECRET),
        a_span(3, output=f"{SECRET} " * 40_000, attributes={"user": "ada"}),
    ]
    assert store.ingest(batch_of("w", *others, *secret)).rejected == []
    store.close()


def test_no_file_holds_what_was_deleted(fresh_home: Path) -> None:
    fill(fresh_home)
    folder = Folder.of(fresh_home)
    folder.create()
    for number, type_ in ((1, RecordType.SPAN), (4, RecordType.SPAN)):
        data = json.dumps({"trace_id": trace(number), "name": SECRET if number == 1 else "another"}).encode()
        keep_rejected(folder, "w", 1, number, type=type_, reason="odd", data=data)
    big = json.dumps({"trace_id": trace(2), "output": SECRET * 100_000}).encode()
    keep_rejected(folder, "w", 1, 9, type=RecordType.SPAN, reason="odd", data=big)
    assert {"weft.db", "w-1-9.bin"} <= set(holders(fresh_home))
    with weft.Api() as api:
        assert api.delete_spans(where='attributes["user"] == "ada"').spans == 3
        assert len(api.spans()) == 290
        assert api.store.integrity() == []
        assert api.spans(text="swordfish") == []
    assert holders(fresh_home) == []
    assert len((folder.rejected / "w.jsonl").read_text().splitlines()) == 1
    assert drainer.forget_traces(fresh_home, []) == 0


def test_weft_delete_counts_asks_and_tells(fresh_home: Path) -> None:
    fill(fresh_home, 20)
    wanted = ("delete", "--where", 'attributes["user"] == "ada"')
    assert "3 spans match" in weft_command(*wanted, "--dry-run")
    weft_command(*wanted, typed="n\n", code=1)
    with weft.Api() as api:
        assert api.store.spans.count_spans(SpanQuery()) == 13
    assert "3 spans and 0 scores are deleted" in weft_command(*wanted, "--yes")
    assert "0 spans match" in weft_command(*wanted)
    (entry,) = json.loads(weft_command("audit", "--json"))
    assert (entry["action"], entry["spans"], entry["expression"]) == ("delete", 3, 'attributes["user"] == "ada"')
    assert "attributes" in weft_command("audit")


def test_weft_retention(fresh_home: Path) -> None:
    fill(fresh_home, 20)
    assert "Everything is kept" in weft_command("retention", "list")
    weft_command("retention", "set", "p", "--days", "30", "--where", 'kind == "op"')
    assert 'kind == "op"' in weft_command("retention", "list")
    assert "13 spans and 0 scores are deleted" in weft_command("retention", "run")
    weft_command("retention", "clear", "p", "--where", 'kind == "op"')
    assert json.loads(weft_command("retention", "list", "--json")) == []
    assert "^" in weft_command("retention", "set", "p", "--days", "3", "--where", "kind = 3", code=2)


def test_the_leader_applies_retention_while_it_keeps_house(fresh_home: Path) -> None:
    fill(fresh_home, 20)
    with weft.Api() as api:
        api.set_retention("p", 1)
    store = open_store(settings.load())
    while store.maintain():
        pass
    assert store.spans.count_spans(SpanQuery()) == 0
    assert [(e.author, e.action, e.spans) for e in store.keeping.list_audit(limit=1).items] == [
        ("retention", "retention", 13)
    ]
    store.close()


def test_an_api_sets_lists_and_clears_retention() -> None:
    with weft.Api() as api:
        api.set_retention("p", 7, where="is_root", author="ada")
        assert [(p.days, p.where) for p in api.retentions()] == [(7, "is_root")]
        assert api.apply_retentions().spans == 0
        api.clear_retention("p", where="is_root", author="ada")
        assert [(e.action, e.author) for e in api.audit(limit=1)] == [("retention clear", "ada")]
        with pytest.raises(InputError, match="Nothing says"):
            api.delete_spans("p")


@weft.op
def work(text: str) -> str:
    """A span whose input and output are the text."""
    return text


@contextmanager
def busy() -> Iterator[list[int]]:
    """Records spans in a thread all the time; the list has one number for each."""
    made: list[int] = []
    stop = threading.Event()

    def record() -> None:
        while not stop.wait(0.001):
            work(f"other {len(made)}")
            made.append(len(made))

    thread = threading.Thread(target=record)
    thread.start()
    try:
        wait_for(lambda: len(made) > 20)
        yield made
        last = len(made)
        wait_for(lambda: len(made) > last + 20)
    finally:
        stop.set()
        thread.join()


def record_secrets() -> None:
    work(f"it is {SECRET}")
    work(f"{SECRET} " * 40_000)  # with a file of its own in the journal
    assert weft.flush(60)


def check_nothing_lost(home: Path, expected: int) -> None:
    status = drainer.read_status(home)
    assert (status.damaged, status.rejected, status.lost) == (0, 0, {})
    with weft.Api() as api:
        assert api.count_spans() == expected
        assert api.store.integrity() == []


@pytest.mark.parametrize("drain", ["process", "thread"])
def test_the_journal_of_a_running_writer_keeps_no_copy(fresh_home: Path, drain: str) -> None:
    with weft.init("p", settings={"quiet": True, "drain": drain}), busy() as made:
        record_secrets()
        assert any(name.endswith(".seg") for name in holders(fresh_home))
        with weft.Api() as api:
            assert api.delete_spans(text=SECRET).spans == 2
        assert holders(fresh_home) == []
    check_nothing_lost(fresh_home, len(made))


def test_deletion_and_retention_beside_a_busy_writer_take_nothing_else(fresh_home: Path) -> None:
    fill(fresh_home, 600)  # of years ago
    with weft.init("p", settings={"quiet": True}), busy() as made, weft.Api() as api:
        deleted = api.delete_spans(where='"word17" in input or attributes["user"] == "ada"').spans
        assert deleted >= 4
        api.set_retention("p", 1)
        assert api.apply_retentions().spans == 593 - deleted
        assert api.spans(text="word18") == []
    check_nothing_lost(fresh_home, len(made))
    with weft.Api() as api:
        assert api.totals()[0].spans == api.count_spans(text="other") == len(made)


@pytest.mark.parametrize("by", ["api", "rest"])
def test_neither_a_running_server_nor_its_client_keeps_a_copy(fresh_home: Path, tmp_path: Path, by: str) -> None:
    behind = settings.load({"dir": tmp_path / "server", "port": 0, "otlp_port": 0, "quiet": True}, {})
    with workbench.start_background(behind) as server:
        with weft.init("p", settings={"quiet": True, "url": server.url}), busy() as made:
            record_secrets()
            stored = SpanQuery(text=SECRET)
            with weft.Api(url=server.url) as api:
                wait_for(lambda: api.store.spans.count_spans(stored) == 2)
                refused = encode_batch(batch_of("x", a_span(2, trace_id=api.spans(text=SECRET)[0].trace_id)))
                folder = Folder.of(behind.dir)
                keep_rejected(folder, "w", 1, 9, type=RecordType.FORWARD, reason=SECRET, data=refused)
                assert unpacked(behind.dir)
                if by == "api":
                    assert api.delete_spans(text=SECRET).spans == 2
                    assert holders(fresh_home) == []
                else:
                    url = f"{server.url}/api/spans"
                    assert httpx.delete(url, params={"text": SECRET}, timeout=60).json()["spans"] == 2
            assert holders(behind.dir) == []
            assert unpacked(behind.dir) == []
        with weft.Api(url=server.url) as api:
            wait_for(lambda: api.count_spans() == len(made))
            assert api.store.integrity() == []
    for home in (fresh_home, behind.dir):
        status = drainer.read_status(home)
        assert (status.damaged, status.rejected, status.lost) == (0, 0, {})


def unpacked(home: Path) -> list[str]:
    """Segments with a compressed batch that holds the secret."""
    found: list[str] = []
    for path in home.rglob("*.seg"):
        data = content(path)
        at = data.find(b"WFTB")
        while at >= 0:
            with contextlib.suppress(InputError):
                length = int.from_bytes(data[at - 20 : at - 16], "little")  # in the record's header before it
                if any(SECRET.encode() in entry.payload for entry in decode_batch(data[at : at + length]).entries):
                    found.append(path.name)
            at = data.find(b"WFTB", at + 1)
    return found
