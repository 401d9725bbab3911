"""Reading from Python: ``weft.Api()``."""

from weft.api.reading import Api
from weft.api.records import Records
from weft.api.runs import Runs, StoredRun
from weft.api.sweeps import StoredSweep

__all__ = ["Api", "Records", "Runs", "StoredRun", "StoredSweep"]
