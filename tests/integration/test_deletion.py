"""Deletion in a folder as it is used: nothing of what was deleted is left in any file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import weft
from weft import drainer, settings
from weft.cli import app
from weft.drainer.status import keep_rejected
from weft.errors import InputError
from weft.journal import Folder
from weft.records import RecordType, SpanQuery
from weft.store import open_store
from weft.testing import batch_of
from weft.testing.contract_observations import a_span, trace

SECRET = "swordfish-7261"


def holders(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes())


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
