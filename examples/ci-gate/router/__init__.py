"""Says which team a support ticket belongs to."""

from router.model import Router

__all__ = ["Router"]
