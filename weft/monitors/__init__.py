"""Scorers at work on a program that runs: on a share of its spans, and inline as guardrails."""

from weft.monitors.guardrail import Guard, guard
from weft.monitors.monitor import Monitor, MonitorReport

__all__ = ["Guard", "Monitor", "MonitorReport", "guard"]
