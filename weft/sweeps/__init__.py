"""Sweeps: a search space, who is tried next, and who is stopped."""
