"""What tests need: clock, ids, recorder, a store in memory, an OpenAI-compatible server, the contract of stores."""

from weft.testing.batches import batch_of, raw_batch
from weft.testing.determinism import counting_ids, ticking_clock
from weft.testing.memory import memory_store

__all__ = ["batch_of", "counting_ids", "memory_store", "raw_batch", "ticking_clock"]
