"""A reviewer's turn at a queue of 10,000 items that two people label each: claim with one ahead, submit, home.

On SQLite and PostgreSQL: the median and the slowest of a hundred turns, for a reviewer at the beginning and for one who
has had all items but the last; beside the 20 ms that a turn may take.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from weft.records import ReviewItem, ReviewQueue, ReviewTarget
from weft.store import SqlStore, open_url
from weft.testing.postgres import postgres_server

ITEMS = 10_000
TURNS = 100
MOST_MS = 20.0
_GOLDEN = 0.6180339887


def fill(store: SqlStore) -> None:
    """The queue and its items."""
    store.reviews.create_queue(ReviewQueue("q", "p", "answers", "human", target=ReviewTarget.MEAN, reviewers=2))
    shown = {"input": "Is it? " * 100, "output": "It is. " * 200}
    store.reviews.add_items(
        [ReviewItem(f"i{n}", "q", "p", "why", u=n * _GOLDEN % 1, p=0.9, shown=shown) for n in range(ITEMS)]
    )


def turns(store: SqlStore, reviewer: str) -> tuple[list[float], list[float]]:
    """Milliseconds of claims and of submits."""
    claims, submits = [], []
    for _ in range(TURNS):
        start = time.perf_counter()
        found = store.reviews.claim("q", reviewer, ahead=1)
        claims.append((time.perf_counter() - start) * 1e3)
        if not found or found[0].claim is None:
            raise SystemExit("the queue ran out")
        start = time.perf_counter()
        store.reviews.submit(found[0].claim.claim_id, reviewer, {"answer": "correct"})
        submits.append((time.perf_counter() - start) * 1e3)
    return claims, submits


def pass_on(store: SqlStore, reviewer: str) -> None:
    """As if the reviewer had had all items but the last ones."""
    last = "SELECT item_id FROM review_items ORDER BY priority DESC LIMIT 300"
    with store.database.write() as connection:
        passed = "UPDATE review_slots SET passed = :names WHERE state = 'free' AND item_id NOT IN "
        connection.execute(text(f"{passed} ({last})"), {"names": f'["{reviewer}"]'})


def measure(name: str, store: SqlStore) -> None:
    """Print a line for each kind of turn."""
    fill(store)
    for what, prepare in (("first", _nothing), ("last", pass_on)):
        prepare(store, "ann")
        for act, took in zip(("claim", "submit"), turns(store, "ann"), strict=True):
            middle = statistics.median(took)
            print(
                f"{name:<11}{what:<6}{act:<7}{middle:7.2f} ms, slowest {max(took):7.2f}, "
                f"{middle / MOST_MS:5.2f} of the {MOST_MS:.0f} allowed"
            )
    start = time.perf_counter()
    store.reviews.home("ann")
    print(f"{name:<11}home         {(time.perf_counter() - start) * 1e3:7.2f} ms")
    store.close()


def _nothing(store: SqlStore, reviewer: str) -> None:
    pass


def main() -> None:
    """Run on both databases."""
    with tempfile.TemporaryDirectory() as folder:
        blobs = Path(folder) / "blobs"
        measure("SQLite", open_url(f"sqlite:///{folder}/weft.db", blobs))
        with postgres_server() as url:
            measure("PostgreSQL", open_url(url, blobs))


if __name__ == "__main__":
    main()
