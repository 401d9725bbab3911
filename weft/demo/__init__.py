"""Weft's main job from end to end, on real data and the public API."""
