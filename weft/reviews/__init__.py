"""Human review: which cases go to people, the queue they work, and the figure that comes out."""

from weft.reviews.cases import Case
from weft.reviews.estimate import QueueEstimate, WaveEstimate, estimate
from weft.reviews.judge_quality import JudgeQuality, judge_quality
from weft.reviews.policy import Choice, Memory, ReviewPolicy, RoutingReport
from weft.reviews.quality import QueueQuality, quality
from weft.reviews.queue import Progress, Queue
from weft.reviews.rules import (
    Ambiguous,
    Band,
    GuardrailHit,
    JudgesDisagree,
    LowConfidence,
    Matching,
    NegativeFeedback,
    RepetitionsDisagree,
    Rule,
    ScorerError,
)
from weft.reviews.sending import policy_of, send_by_hand, send_spans, send_to_review
from weft.reviews.simulate import SimulatedReviewer

__all__ = [
    "Ambiguous",
    "Band",
    "Case",
    "Choice",
    "GuardrailHit",
    "JudgeQuality",
    "JudgesDisagree",
    "LowConfidence",
    "Matching",
    "Memory",
    "NegativeFeedback",
    "Progress",
    "Queue",
    "QueueEstimate",
    "QueueQuality",
    "RepetitionsDisagree",
    "ReviewPolicy",
    "RoutingReport",
    "Rule",
    "ScorerError",
    "SimulatedReviewer",
    "WaveEstimate",
    "estimate",
    "judge_quality",
    "policy_of",
    "quality",
    "send_by_hand",
    "send_spans",
    "send_to_review",
]
