"""Human review: which cases go to people, the queue they work, and the figure that comes out."""

from weft.reviews.estimate import QueueEstimate, WaveEstimate, estimate
from weft.reviews.policy import Choice, ReviewPolicy, RoutingReport
from weft.reviews.queue import Progress, Queue
from weft.reviews.simulate import SimulatedReviewer

__all__ = [
    "Choice",
    "Progress",
    "Queue",
    "QueueEstimate",
    "ReviewPolicy",
    "RoutingReport",
    "SimulatedReviewer",
    "WaveEstimate",
    "estimate",
]
