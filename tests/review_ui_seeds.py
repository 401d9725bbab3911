"""A small world for tests of the pages: a trained model, traced calls, two evaluations, a review queue."""

from __future__ import annotations

import random
from collections.abc import Iterable

import trace_seeds as traces

from weft import clock
from weft.records import (
    ArtifactFile,
    ArtifactVersion,
    ConsoleLines,
    Entry,
    Example,
    LineageEdge,
    Metrics,
    NodeKind,
    ReviewTarget,
    RunKind,
    RunStatus,
    RunUpdate,
    Sample,
    SampleStatus,
    Score,
    ScoreQuery,
    ScoreSource,
    Span,
    SpanStatus,
    encode,
)
from weft.records.codec import Observation
from weft.repositories import Batch, Store
from weft.reviews import Queue, ReviewPolicy

PROJECT = "shop-helper"
HOSTILE = "<script>alert(1)</script> **bold** $x^2$ :material/delete: <img src=x onerror=alert(2)>"
MS = 1_000_000
QUEUE = "answers"
EXAMPLES = 60


def ingest(store: Store, observations: Iterable[Observation], writer: str = "seed") -> None:
    """Store observations as one batch."""
    entries = []
    for end, observation in enumerate(observations, start=1):
        kind, payload = encode(observation)
        entries.append(Entry(int(kind), payload, end))
    report = store.ingest(Batch(writer, 0, 0, len(entries), entries))
    assert not report.rejected, report.rejected


def fill(store: Store) -> None:
    """Everything that the pages show."""
    rng = random.Random(7)
    now = clock.now_ns()
    store.artifacts.create_version(
        ArtifactVersion(PROJECT, "questions", "dataset", 0, "d" * 64, now, description="Questions of customers"),
        examples=[
            Example(f"e{i}", {"question": f"Question {i}?", "expected": f"answer {i}"}, "test") for i in range(20)
        ],
    )
    ingest(store, [*training(now, rng), *traffic(now, rng), *evaluation("eval-a", 0.7, now - 3_600_000 * MS, rng),
                   *evaluation("eval-b", 0.85, now - 60_000 * MS, rng), *hostile(now)])  # fmt: skip
    store.artifacts.add_edge(
        LineageEdge(PROJECT, NodeKind.ARTIFACT, "questions:v1", "used", NodeKind.RUN, "train-a", now)
    )
    picture = store.blobs.put(PROJECT, traces.png(64, 64))
    ingest(store, [*traces.rich(PROJECT, now, picture, HOSTILE), *traces.conversation(PROJECT, now)], writer="traces")
    digest = store.blobs.put(PROJECT, b"weights")
    store.artifacts.create_version(
        ArtifactVersion(PROJECT, "answerer", "model", 0, "a" * 64, now, files=[ArtifactFile("weights.npz", digest, 7)],
                        metadata={"features": 4096}, run_id="train-a"),
        aliases=["best"],
    )  # fmt: skip
    store.artifacts.add_edge(
        LineageEdge(PROJECT, NodeKind.ARTIFACT, "answerer:v1", "used", NodeKind.RUN, "eval-b", now)
    )
    route(store, "eval-b")


def route(store: Store, run_id: str, budget: float = 0.3, lease_s: float = 600.0, queue: str = QUEUE) -> None:
    """Send samples of an evaluation to the review queue."""
    samples = store.evaluations.list_samples(run_id).items
    scores = store.evaluations.list_scores(ScoreQuery(run_id=run_id)).items
    ReviewPolicy(queue, budget=budget, lease_s=lease_s).route_samples(store, PROJECT, samples, scores)


def team(store: Store, name: str = "team", seed: int = 3) -> Queue:
    """A queue that three people worked, two a case, with gold cases, disputes, a flag, a skip and a settled dispute."""
    rng = random.Random(seed)
    rubric = {
        "question": "Is the answer correct?",
        "fields": [
            {"name": "correct", "type": "binary"},
            {"name": "tone", "type": "scale", "question": "How polite is it?"},
            {"name": "note", "type": "text"},
        ],
    }
    settings = {"rubric": rubric, "target": ReviewTarget.ADJUDICATED, "reviewers": 2, "adjudicators": ["eva"]}
    queue = Queue.create(store, PROJECT, name, score_name=name, **settings)
    samples = store.evaluations.list_samples("eval-a").items
    scores = store.evaluations.list_scores(ScoreQuery(run_id="eval-a")).items
    ReviewPolicy(name, budget=0.9, audit_floor=0.6).route_samples(store, PROJECT, samples, scores)
    queue.add_gold({"input": "2 + 2?", "output": "5"}, {"correct": "no"})
    truth = {sample.example_id: sample.output == sample.expected for sample in samples}
    for turn in range(56):
        person = ("ann", "ben", "cem")[turn % 3]
        item = queue.claim(person)
        if item is None or item.claim is None:
            continue
        if turn == 5:
            queue.flag(item.item_id, person, "names a person")
            queue.skip(item.item_id, person, reason="not my field")
            continue
        right = truth.get(item.example_id or "", False) != (turn % 9 == 0)
        answers = {"correct": "yes" if right else "no", "tone": rng.choice([3, 4, 4, 5]), "note": "as said"}
        queue.submit(item.claim.claim_id, person, answers)
    item = queue.claim("eva")
    if item is not None and item.claim is not None and item.claim.stage == 2:
        queue.submit(item.claim.claim_id, "eva", {"correct": "yes", "tone": 4})
    return queue


def training(now: int, rng: random.Random) -> Iterable[Observation]:
    """Two runs of training with curves, console and samples of the machine."""
    for number, run_id in enumerate(("train-a", "train-b")):
        start = now - (7_200_000 - 600_000 * number) * MS
        yield RunUpdate(
            run_id, PROJECT, start, kind=RunKind.TRAIN, name=f"softmax-{number + 1}", status=RunStatus.RUNNING,
            config={"lr": 0.1 * (number + 1), "epochs": 3, "features": 4096}, started_at_ns=start, tags=["demo"],
            git={"commit": "0123456789abcdef", "branch": "main"}, environment={"python": "3.11.7", "host": "laptop"},
        )  # fmt: skip
        loss, accuracy = 2.3, 0.1
        for step in range(120):
            loss = loss * (0.985 - 0.002 * number) + rng.uniform(-0.02, 0.02)
            accuracy += (0.92 - accuracy) * 0.03 + rng.uniform(-0.005, 0.005)
            yield Metrics(run_id, PROJECT, step, start + step * 1000 * MS, {"loss": loss, "accuracy": accuracy})
        for step in range(20):
            values = {"system/cpu_percent": 40 + 30 * rng.random(), "system/memory_bytes": 3e8 + 1e6 * step}
            yield Metrics(run_id, PROJECT, step, start + step * 5000 * MS, dict(values))
        yield ConsoleLines(run_id, PROJECT, start, 0, "stdout", [f"epoch {e} loss {2 / (e + 1):.3f}" for e in range(3)])
        yield RunUpdate(
            run_id, PROJECT, start + 125_000 * MS, status=RunStatus.FINISHED, ended_at_ns=start + 125_000 * MS,
            summary={"loss": loss, "accuracy": accuracy},
        )  # fmt: skip


def traffic(now: int, rng: random.Random) -> Iterable[Observation]:
    """Traced calls of an app: a tree of five spans each, one in eight fails."""
    for number in range(40):
        trace = f"{number + 1:032x}"
        start = now - (number * 240_000 + 5_000) * MS
        failed = number % 8 == 3
        took = int(200 + 1800 * rng.random()) * MS
        question, answer = f"Where is order {1000 + number}?", f"Order {1000 + number} left the warehouse this morning."

        def span(
            index: int, name: str, begin: float, end: float, parent: int | None, kind: str,
            trace: str = trace, start: int = start, took: int = took, **more: object,
        ) -> Span:  # fmt: skip
            return Span(
                PROJECT, trace, f"{index:016x}", name, start + int(took * begin), kind=kind,
                parent_span_id=None if parent is None else f"{parent:016x}", end_ns=start + int(took * end),
                **{"status": SpanStatus.OK, **more},  # type: ignore[arg-type]
            )  # fmt: skip

        bad = {"status": SpanStatus.ERROR, "status_message": "TimeoutError: the model took longer than 2 s"}
        yield span(1, "answer_customer", 0, 1, None, "op", input={"question": question},
                   output=None if failed else answer, **(bad if failed else {}))  # fmt: skip
        yield span(2, "find_documents", 0.02, 0.2, 1, "retrieval", input={"query": question}, output=["doc 1", "doc 2"])
        yield span(3, "embed", 0.03, 0.12, 2, "embedding", model="embedder", input_tokens=12)
        yield span(
            4, "chat answerer", 0.22, 0.9, 1, "llm", model="answerer", provider="openai", model_version="answerer:v1",
            input=[{"role": "system", "content": "Answer in one sentence."}, {"role": "user", "content": question}],
            output=None if failed else [{"role": "assistant", "content": answer}], input_tokens=180, output_tokens=24,
            cost_usd=0.00042, attributes={"gen_ai.request.model": "answerer", "gen_ai.request.temperature": 0.2},
            **(bad if failed else {}),
        )  # fmt: skip
        yield span(5, "judge", 0.91, 0.99, 1, "judge", input={"answer": answer}, output={"score": 0.4, "why": "SECRET"})


def evaluation(run_id: str, quality: float, start: int, rng: random.Random) -> Iterable[Observation]:
    """An evaluation run with an exact scorer and a judge that is too kind."""
    yield RunUpdate(
        run_id, PROJECT, start, kind=RunKind.EVAL, name=f"qa {run_id}", status=RunStatus.RUNNING, started_at_ns=start,
        config={"evaluation": "qa", "target": f"answerer {run_id[-1]}", "dataset": "questions:v1",
                "scorers": [{"name": "exact"}, {"name": "judge"}]},
    )  # fmt: skip
    exact = []
    for number in range(EXAMPLES):
        example, trace, failed = f"e{number}", f"{run_id[-1]}{number:031x}", number == 17
        right = rng.random() < quality
        began = start + number * 50 * MS
        yield Sample(
            run_id, PROJECT, example, 0, SampleStatus.ERROR if failed else SampleStatus.OK, began,
            began + int(100 + 400 * rng.random()) * MS, input={"question": f"Question {number}?"},
            expected=f"answer {number}", output=None if failed else f"answer {number if right else number + 1}",
            trace_id=trace, span_id="0" * 15 + "1",
        )  # fmt: skip
        yield Span(
            PROJECT, trace, "0" * 15 + "1", "target", began, run_id=run_id, end_ns=began + 90 * MS,
            input={"question": f"Question {number}?"}, output=f"answer {number}", status=SpanStatus.OK,
        )  # fmt: skip
        if failed:
            continue
        exact.append(float(right))
        yield Score(f"{run_id}-x{number}", PROJECT, "exact", began, ScoreSource.CODE, float(right), run_id=run_id,
                    example_id=example, repetition=0)  # fmt: skip
        judged = min(0.99, max(0.02, (0.75 if right else 0.45) + rng.uniform(-0.25, 0.25)))
        yield Score(f"{run_id}-j{number}", PROJECT, "judge", began, ScoreSource.LLM, judged, run_id=run_id,
                    example_id=example, repetition=0, explanation="HIDDEN-VERDICT of the judge")  # fmt: skip
    mean = sum(exact) / len(exact)
    figure = {"n": len(exact), "missing": 1, "value": mean, "low": mean - 0.1, "high": min(1.0, mean + 0.1),
              "se": 0.05, "level": 0.95, "method": "wilson", "reason": None}  # fmt: skip
    yield RunUpdate(
        run_id, PROJECT, start + 9000 * MS, status=RunStatus.FINISHED, ended_at_ns=start + 9000 * MS,
        summary={"exact": mean, "aggregates": {"exact": figure}, "samples": EXAMPLES, "failed": 1},
    )  # fmt: skip


def hostile(now: int) -> Iterable[Observation]:
    """A trace and a run whose every text tries to become markup."""
    yield Span(PROJECT, "f" * 32, "f" * 16, HOSTILE, now - 10 * MS, end_ns=now, kind="op", input=HOSTILE,
               output=HOSTILE,
               status=SpanStatus.ERROR, status_message=HOSTILE, attributes={HOSTILE: HOSTILE})  # fmt: skip
    yield RunUpdate("hostile", PROJECT, now, kind=RunKind.TRAIN, name=HOSTILE, status=RunStatus.FINISHED,
                    config={HOSTILE: HOSTILE}, notes=HOSTILE, started_at_ns=now, ended_at_ns=now)  # fmt: skip
    yield Metrics("hostile", PROJECT, 1, now, {HOSTILE: 1.0})
