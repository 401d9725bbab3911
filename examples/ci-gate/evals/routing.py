"""Does the router send tickets to the team that a person would send them to?"""

import sys
from pathlib import Path

import weft
from weft.scorers import Exact

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from router import Router  # noqa: E402

evaluation = weft.Evaluation(
    "routing",
    weft.Dataset.from_jsonl(HERE / "tickets.jsonl", "tickets"),
    scorers=[Exact(name="correct")],
    target=Router(),
    gates=["error_rate <= 0.02"],
)
