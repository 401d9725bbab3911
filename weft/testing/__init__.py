"""What tests need: a recorder and a store in memory, a fake OpenAI server, the contract of stores."""

from weft.testing.batches import batch_of, raw_batch
from weft.testing.memory import memory_store

__all__ = ["batch_of", "memory_store", "raw_batch"]
