"""The store of a Weft server, over HTTP."""

from weft.client.store import RemoteStore

__all__ = ["RemoteStore"]
