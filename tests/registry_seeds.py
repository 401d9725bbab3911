"""A registry for tests of its pages, on top of ``review_ui_seeds``: versions, stages, requirements, a wide lineage."""

from __future__ import annotations

import review_ui_seeds as seeds
import trace_seeds as traces

from weft import clock
from weft.records import (
    ArtifactFile,
    ArtifactVersion,
    CheckKind,
    Deployment,
    LineageEdge,
    NodeKind,
    Promotion,
    Registered,
    Requirement,
    RunKind,
    RunStatus,
    RunUpdate,
)
from weft.repositories import Store

NAME = "support-answerer"
WIDE = "wide"
_TABLE = b"word,count\nalpha,1\n<b>beta</b>,2\n"
_NOTES = f"Notes about the weights.\n{seeds.HOSTILE}\n".encode()


def fill(store: Store) -> None:
    """What is registered, promoted, checked and deployed."""
    now = clock.now_ns()
    contents = {"weights.npz": b"weights", "notes.txt": _NOTES, "words.csv": _TABLE, "plot.png": traces.png(48, 32)}
    for number, names in enumerate((("weights.npz", "notes.txt"), tuple(contents)), start=2):
        files = []
        for name in names:
            content = contents[name] + (b"2" if name == "weights.npz" else b"")
            digest = store.blobs.put(seeds.PROJECT, content)
            files.append(ArtifactFile(name, digest, len(content)))
        version = ArtifactVersion(
            seeds.PROJECT,
            "answerer",
            "model",
            0,
            str(number) * 64,
            now,
            files=files,
            metadata={"features": 4096 * number},
            run_id="train-b",
        )
        store.artifacts.create_version(version)
    registry = store.registry
    needs = [
        Requirement("production", CheckKind.EVALUATION, "qa"),
        Requirement("production", CheckKind.RECORDED, "latency"),
    ]
    registry.create(Registered(NAME, description="Answers questions of customers.", checks=needs), author="ann")
    for number in (1, 2, 3):
        registry.link(NAME, seeds.PROJECT, f"answerer:v{number}", author="ann", note=f"as trained, {number}")
    registry.record_check(NAME, 1, "latency", True, author="ci", reason="p99 is 240 ms")
    gated(store, "eval-gated", "answerer:v1", now)
    registry.promote(Promotion(NAME, 1, "production", "ann", f"passes all gates {seeds.HOSTILE}"))
    registry.promote(Promotion(NAME, 2, "staging", "ben", "to be compared"))
    registry.set_alias(NAME, "candidate", 3, author="ben")
    store.deployments.start(Deployment("", seeds.PROJECT, "production", "answerer:v1", now - 60 * 10**9, host="web-1"))
    registry.link("questions", seeds.PROJECT, "questions:v1", author="ann")


def gated(store: Store, run_id: str, ref: str, now: int) -> None:
    """A finished evaluation of a version whose gate passed."""
    figure = {"value": 0.86, "low": 0.8, "high": 0.91, "n": 120, "missing": 2, "level": 0.95}
    verdict = {
        "gate": "correct >= 0.7",
        "metric": "correct",
        "outcome": "PASS",
        "reason": "correct is 0.86 [0.8, 0.91].",
    }
    summary = {"correct": 0.86, "passed": True, "verdicts": [verdict], "aggregates": {"correct": figure}}
    config = {"evaluation": "qa", "target": "answerer", "dataset": "questions:v1", "model": ref, "scorers": []}
    update = RunUpdate(
        run_id,
        seeds.PROJECT,
        now,
        kind=RunKind.EVAL,
        name="qa",
        status=RunStatus.FINISHED,
        config=config,
        summary=summary,
        started_at_ns=now - 10**9,
        ended_at_ns=now,
    )
    seeds.ingest(store, [update], writer=f"gated-{run_id}")
    for source, relation in ((ref, "evaluated"), ("questions:v1", "used")):
        store.artifacts.add_edge(
            LineageEdge(seeds.PROJECT, NodeKind.ARTIFACT, source, relation, NodeKind.RUN, run_id, now)
        )


def wide(store: Store, runs: int = 249) -> None:
    """A dataset that many runs used, each of which produced a model: 2 * runs + 1 nodes."""
    now = clock.now_ns()
    store.artifacts.create_version(ArtifactVersion(WIDE, "corpus", "dataset", 0, "c" * 64, now))
    updates = []
    for number in range(runs):
        run_id = f"wide-{number}"
        updates.append(
            RunUpdate(
                run_id,
                WIDE,
                now,
                kind=RunKind.TRAIN,
                name=f"fit {number}",
                status=RunStatus.FINISHED,
                summary={"loss": 1 / (number + 1)},
                started_at_ns=now + number,
            )
        )
        store.artifacts.create_version(
            ArtifactVersion(WIDE, f"model-{number}", "model", 0, f"{number:064d}", now, run_id=run_id)
        )
        store.artifacts.add_edge(
            LineageEdge(WIDE, NodeKind.ARTIFACT, "corpus:v1", "used", NodeKind.RUN, run_id, now + number)
        )
    seeds.ingest(store, updates, writer="wide")
