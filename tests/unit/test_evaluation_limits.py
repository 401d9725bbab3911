"""What keeps an evaluation within bounds: limits of endpoints, retries by class, budgets, time."""

from __future__ import annotations

import asyncio
import datetime
import email.utils
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from weft import clock
from weft.errors import InputError
from weft.evals import Budget, Evaluation, Retry
from weft.evals.budgets import Spending
from weft.evals.limits import Limiter, Limits, endpoint_of, is_refusal, is_trouble, retry_after_s
from weft.evals.progress import Meter
from weft.evals.retrying import as_retries, next_wait
from weft.records import Sample, SampleStatus
from weft.scorers import Exact, Judge
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder

SAMPLE = Sample("r", "p", "e", 0, SampleStatus.OK, 0, 1)
ROWS = [{"n": n, "expected": str(n)} for n in range(10)]


class HttpError(Exception):
    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(f"status {status}")
        self.response = SimpleNamespace(
            status_code=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(store=memory_store()) as active:
        yield active


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the retries would have waited; none does."""
    waited: list[float] = []

    def remember(rules: Any, error: BaseException, attempt: int) -> float | None:
        found = next_wait(rules, error, attempt)
        if found is not None:
            waited.append(found)
        return None if found is None else 0.0

    monkeypatch.setattr("weft.evals.attempts.next_wait", remember)
    monkeypatch.setattr("weft.evals.limits.Limiter.pause", lambda self, seconds: None)
    return waited


def test_what_an_endpoint_said() -> None:
    assert is_refusal(HttpError(429))
    assert is_refusal(HttpError(503, retry_after="2"))
    assert not is_refusal(HttpError(503))
    assert not is_refusal(ValueError())
    assert is_trouble(HttpError(500))
    assert not is_trouble(HttpError(404))
    assert retry_after_s(HttpError(429, retry_after="1.5")) == 1.5
    assert retry_after_s(HttpError(429, retry_after="100000")) == 300
    assert retry_after_s(HttpError(429, retry_after="soon")) is None
    assert retry_after_s(HttpError(429, retry_after="nan")) is None
    assert retry_after_s(HttpError(429)) is None
    then = datetime.datetime.fromtimestamp(clock.now_ns() / 1e9 + 60, datetime.UTC)
    seconds = retry_after_s(HttpError(429, retry_after=email.utils.format_datetime(then, usegmt=True)))
    assert seconds is not None
    assert 50 < seconds <= 60


def test_endpoints_are_told_apart() -> None:
    judge = Judge(model="gpt", base_url="http://here/v1", via="openai")
    same = SimpleNamespace(model="gpt", base_url="http://here/v1")
    assert endpoint_of(judge, "x") == endpoint_of(same, "x") == "http://here/v1 gpt"
    assert endpoint_of(SimpleNamespace(endpoint="mine", model="gpt"), "x") == "mine"
    assert endpoint_of(lambda: None, "target f") == "target f"
    limits = Limits(4)
    assert limits.of("a") is limits.of("a")
    assert limits.of("a") is not limits.of("b")


def test_nobody_calls_while_the_endpoint_asked_to_wait() -> None:
    async def scenario() -> None:
        limiter = Limiter(2)
        ticket = await limiter.acquire()
        limiter.refused(ticket, 0.01)
        limiter.release()
        waiting = asyncio.create_task(limiter.acquire())
        gives_up = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        assert not waiting.done()
        gives_up.cancel()
        assert await waiting == 1
        with pytest.raises(asyncio.CancelledError):
            await gives_up
        limiter.release()
        assert await limiter.acquire() == 1

    asyncio.run(scenario())


def test_a_place_given_to_a_task_that_is_gone_goes_to_the_next() -> None:
    async def scenario() -> None:
        limiter = Limiter(1)
        await limiter.acquire()
        first, second = (asyncio.create_task(limiter.acquire()) for _ in range(2))
        await asyncio.sleep(0)
        limiter.release()
        first.cancel()  # in the same turn in which it got its place
        assert await asyncio.wait_for(second, 60) == 0
        assert first.cancelled()

    asyncio.run(scenario())


def test_a_burst_of_refusals_cuts_once_and_is_waited_for(recorder: MemoryRecorder, waits: list[float]) -> None:
    asked: dict[int, int] = {}

    async def busy(n: int) -> str:
        asked[n] = asked.get(n, 0) + 1
        if asked[n] == 1:
            raise HttpError(429, retry_after="7")
        return str(n)

    result = Evaluation("busy", ROWS, [Exact()], concurrency=8).evaluate_sync(busy)
    assert result.summary["exact"].value == 1
    assert len(waits) == 10
    assert all(wait >= 7 for wait in waits)


def test_retries_by_class(recorder: MemoryRecorder, waits: list[float]) -> None:
    tries: dict[int, int] = {}

    class LocalError(Exception):
        pass

    async def shaky(n: int) -> str:
        tries[n] = tries.get(n, 0) + 1
        if n == 0:
            raise LocalError("thrice")
        if n == 1:
            raise KeyError("never again")
        if n == 2 and tries[n] < 3:
            raise ConnectionResetError("twice")
        return str(n)

    rules = [Retry(2, on=["LocalError"], wait_s=1, factor=3), Retry(5, on=[ConnectionError], wait_s=8, longest_s=10)]
    result = Evaluation("shaky", ROWS[:4], [Exact()], retries=rules, concurrency=1).evaluate_sync(shaky)
    assert tries == {0: 3, 1: 1, 2: 3, 3: 1}
    assert [sample.failure.type.rpartition(".")[2] for sample in result.failed if sample.failure] == [
        "LocalError",
        "KeyError",
    ]
    bounds = [(0.5, 1.5), (1.5, 4.5), (4, 12), (5, 15)]
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))
    assert Retry(on=["json.decoder.JSONDecodeError", "asyncio.CancelledError"]).applies(asyncio.CancelledError())


def test_retries_and_budgets_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="retries is -1; the least is 0"):
        Evaluation("e", ROWS, [], retries=-1)
    with pytest.raises(InputError, match=r"A wait of -1 s times 2 up to 30 s makes no sense"):
        Retry(wait_s=-1)
    with pytest.raises(InputError, match="retries is True; give a number"):
        as_retries(True)
    with pytest.raises(InputError, match="retries holds 3; each is a weft.evals.Retry"):
        as_retries([3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="The budget's cost_usd is 0; it must be above 0"):
        Budget(cost_usd=0)
    with pytest.raises(InputError, match="fail_on_error is 1.5. Use True, a share below 1"):
        Evaluation("e", ROWS, [], fail_on_error=1.5)
    with pytest.raises(InputError, match="reduce is the text 'majority', not a list"):
        Evaluation("e", ROWS, [], reduce="majority")
    with pytest.raises(InputError, match="There is no aggregate 'pass@0' of repetitions"):
        Evaluation("e", ROWS, [], reduce=["pass@0"])
    with pytest.raises(InputError, match="executor is 'gpu'; it is 'thread' or 'process'"):
        Evaluation("e", ROWS, [], executor="gpu").evaluate_sync(str)  # type: ignore[arg-type]


@pytest.mark.parametrize(("limit", "failures"), [(True, 1), (0, 1), (2, 3), (0.25, 3), (False, 10)])
def test_how_many_failures_are_borne(limit: bool | float, failures: int, recorder: MemoryRecorder) -> None:
    def fails(n: int) -> str:
        raise ValueError(n)

    result = Evaluation("e", ROWS, [], fail_on_error=limit, concurrency=1).evaluate_sync(fails)
    assert len(result.samples) == failures
    assert result.failing is (failures < 10)


def test_spending() -> None:
    spending = Spending(10, Budget(tokens=100))
    spending.add(60, 0.1, failed=False)
    assert spending.stopped is None
    spending.add(60, 0.1, failed=False)
    assert spending.stopped == "budget: 120 of 100 tokens spent"


def test_a_sample_has_its_time_whatever_it_tries(recorder: MemoryRecorder) -> None:
    async def hangs(n: int) -> str:
        await asyncio.Event().wait()
        return ""

    result = Evaluation(
        "slow",
        ROWS[:1],
        [],
        timeout_s=0.02,
        sample_timeout_s=0.05,
        retries=Retry(100, on=["TimeoutError"], wait_s=0.001),
    ).evaluate_sync(hangs)
    sample = result.samples[0]
    assert sample.status is SampleStatus.TIMEOUT
    assert sample.failure is not None
    assert sample.failure.message == "no answer within 0.05 s, tries and waits included"


def test_progress_tells_rate_cost_errors_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("weft.evals.progress.time.monotonic", lambda: now[0])
    spending = Spending(10)
    with Meter("quick", 10, spending) as meter:
        for _ in range(10):
            meter(SAMPLE)
    assert capsys.readouterr().err == "weft: quick: 10/10 samples, 0 failed\n"
    with Meter("qa", 10, spending) as meter:
        meter.kept(2)
        for number in range(4):
            now[0] += 2.0
            spending.add(10, 0.005, failed=number == 0)
            meter(SAMPLE)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "weft: qa: 4/10 samples, 1 failed, 0.50/s, $0.01, 12.0 s left"
    assert lines[-1] == "weft: qa: 6/10 samples, 1 failed, 0.50/s, $0.02, 8.0 s left"
