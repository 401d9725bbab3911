"""Reading from Python: ``weft.Api()``."""

from weft.api.reading import Api
from weft.api.records import Records, StoredRun

__all__ = ["Api", "Records", "StoredRun"]
