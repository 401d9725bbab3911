"""Bad input of every kind gives a clear error or a record, and what came before and after it is kept."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import weft
from weft import session, settings, workbench
from weft.client import RemoteStore
from weft.errors import InputError, SettingError, StoreError, WeftError
from weft.records import SpanQuery
from weft.scorers import Exact
from weft.testing.waiting import wait_for

QUIET = {
    "drain": "thread",
    "instrument": False,
    "console": False,
    "git": False,
    "system_interval_s": 0,
    "quiet": True,
}
NASTY = "nul \x00 and lone \ud800"


@pytest.fixture
def run() -> Iterator[weft.Run]:
    yield weft.init("p", settings=QUIET)
    session.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[workbench.Background]:
    given = {"dir": tmp_path_factory.mktemp("server"), "port": 0, "otlp_port": 0, "quiet": True}
    with workbench.start_background(settings.load(given, {})) as background:
        yield background


def span_of(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": "1795000000000000000",
        "endTimeUnixNano": "1795000001000000000",
        **changed,
    }


def body_of(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def test_malformed_otlp_bodies_are_refused_and_the_good_ones_around_them_kept(server: workbench.Background) -> None:
    def send(body: bytes, content_type: str = "application/json") -> httpx.Response:
        return httpx.post(f"{server.url}/v1/traces", content=body, headers={"Content-Type": content_type})

    assert send(body_of(span_of(1))).status_code == 200
    for body, content_type in (
        (b"{bad", "application/json"),
        (b"[1]", "application/json"),
        (b"\xff\xfe", "application/x-protobuf"),
        (body_of(span_of(2))[:-20], "application/json"),
    ):
        refused = send(body, content_type)
        assert refused.status_code == 400
        assert b"The body is not" in refused.content
    assert send(b"x", "text/plain").status_code == 415
    partly = send(body_of(span_of(3), span_of(4, spanId="zz"), span_of(5, attributes=[{"key": NASTY}])))
    assert partly.status_code == 200
    assert int(partly.json()["partialSuccess"]["rejectedSpans"]) == 1
    store = RemoteStore(server.url, None)
    try:
        wait_for(lambda: len(store.spans.list_spans(SpanQuery(limit=10)).items) == 3)
        found = store.spans.list_spans(SpanQuery(limit=10)).items
    finally:
        store.close()
    assert {span.name for span in found} == {"span 1", "span 3", "span 5"}


def test_a_broken_line_of_a_dataset_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"q": 1}\n\n{"q": \n')
    with pytest.raises(InputError, match=r"rows.jsonl, line 3: not JSON"):
        weft.Dataset.from_jsonl(path)
    table = tmp_path / "rows.csv"
    table.write_text("q,expected\n1,2\n3\n")
    with pytest.raises(InputError, match=r"rows.csv, line 3: 1 values under 2 columns"):
        weft.Dataset.from_csv(table)


def test_a_scorer_that_raises_loses_its_score_only(run: weft.Run) -> None:
    @weft.scorer
    def shaky(output: str) -> float:
        if output == "1":
            raise KeyError("one")
        return math.nan if output == "2" else 1.0

    rows = weft.Dataset("rows", [{"q": str(n), "expected": str(n)} for n in range(4)])
    result = weft.Evaluation("shaky", rows, [Exact(), shaky]).evaluate_sync(lambda q: q)
    assert (result.summary["exact"].n, result.summary["exact"].missing) == (4, 0)
    assert (result.summary["shaky"].n, result.summary["shaky"].missing) == (2, 2)
    weft.flush()
    with weft.Api() as api:
        scores = api.run(result.run_id).scores()
    assert len(scores) == 8
    failures = [score.failure for score in scores if score.failure is not None]
    assert {failure.type for failure in failures} == {"KeyError", "weft.errors.InputError"}
    assert all("one" in failure.message or "nan" in failure.message for failure in failures)


def test_metrics_that_are_not_finite_or_too_large_are_kept_as_they_are(run: weft.Run) -> None:
    run.log({"loss": 1.0})
    run.log({"loss": math.nan, "up": math.inf, "down": -math.inf, "big": 2**64, "vast": 10**400, "n": 2**62})
    run.log({"loss": 0.5})
    report = weft.flush()
    assert (report.complete, report.rejected, report.lost) == (True, 0, {})
    with weft.Api() as api:
        stored = api.run(run.id)
        loss = stored.series("loss").values.tolist()
        assert (loss[0], math.isnan(loss[1]), loss[2]) == (1.0, True, 0.5)
        last = {name: stored.series(name).values[-1] for name in ("up", "down", "big", "vast", "n")}
    assert last == {"up": math.inf, "down": -math.inf, "big": 2.0**64, "vast": math.inf, "n": 2.0**62}


def test_a_bad_name_of_a_metric_is_an_error_and_takes_no_other_value_with_it(run: weft.Run) -> None:
    for name in ("", "x" * 257):
        with pytest.raises(InputError, match="The metric name .* Use 1 to 256") as caught:
            run.log({"loss": 1.0, name: 2.0}, step=0)
        assert caught.value.field == "data"
    run.log({"loss": 3.0, NASTY: 1.0}, step=1)
    assert weft.flush().rejected == 0
    with weft.Api() as api:
        stored = api.run(run.id)
        assert stored.series("loss").values.tolist() == [3.0]
        assert len(stored.metrics()) == 2


def test_nul_lone_surrogates_and_integers_over_64_bits_come_back_exact(run: weft.Run) -> None:
    @weft.op
    def echo(text: str, number: int) -> dict[str, Any]:
        return {text: number}

    echo(NASTY, 2**80)
    run.config["text"] = NASTY
    run.config["number"] = -(2**80)
    rows = weft.Dataset("nasty", [{"q": NASTY, "n": 2**80, "expected": NASTY}])
    result = weft.Evaluation("nasty", rows, [Exact()]).evaluate_sync(lambda q: q)
    assert result.summary["exact"].value == 1.0
    report = weft.flush()
    assert (report.complete, report.rejected) == (True, 0)
    with weft.Api() as api:
        (span,) = api.spans(project="p", name="echo")
        assert (span.input, span.output) == ({"text": NASTY, "number": 2**80}, {NASTY: 2**80})
        assert api.run(run.id).config == {"text": NASTY, "number": -(2**80)}
        (sample,) = api.run(result.run_id).samples()
    assert sample.output == NASTY
    assert weft.Dataset.get("nasty").rows == rows.rows


def test_an_unknown_setting_is_named_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="There is no setting drian. Did you mean drain?"):
        weft.init("p", settings={"drian": "off"})
    monkeypatch.setenv("WEFT_PROJCT", "x")
    with pytest.raises(SettingError, match="There is no variable WEFT_PROJCT. Did you mean WEFT_PROJECT?"):
        weft.init("p")


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WeftError, match=f"Port {port} of 127.0.0.1 is in use .* choose another port"):
            workbench.serve(settings.load({"port": port, "otlp_port": 0}), open_browser=False)


def test_a_directory_that_cannot_be_written_is_named_and_the_program_goes_on_elsewhere(fresh_home: Path) -> None:
    with pytest.raises(StoreError, match="/proc/nowhere.* Point WEFT_DIR at a folder of yours"):
        weft.init("p", dir="/proc/nowhere", settings=QUIET)
    with weft.init("p", settings=QUIET) as run:
        run.log({"loss": 1.0})
    session.close()
    with weft.Api() as api:
        assert api.run(run.id).series("loss").values.tolist() == [1.0]
