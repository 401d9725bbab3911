"""The contract that every store keeps, as a class of tests.

Subclass it in a pytest module and give a fixture ``store`` that yields an empty store::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self):
            yield my_empty_store()
"""

from __future__ import annotations

from weft.testing.contract_artifacts import ManifestContract
from weft.testing.contract_curves import CurveContract
from weft.testing.contract_decisions import ArtifactContract
from weft.testing.contract_feedback import FeedbackContract, ObservedContract
from weft.testing.contract_histories import AlertContract, DefinitionContract, HistoryContract
from weft.testing.contract_keeping import KeepingContract
from weft.testing.contract_labels import AdjudicationContract, LabelContract
from weft.testing.contract_lineage import LineageContract
from weft.testing.contract_logged import LoggedContract
from weft.testing.contract_media import MediaContract
from weft.testing.contract_observations import IngestContract, SpanContract
from weft.testing.contract_outline import OutlineContract
from weft.testing.contract_people import PeopleContract
from weft.testing.contract_reading import AttributeContract, TotalsContract, WordContract
from weft.testing.contract_registry import PromotionContract, RegistryContract
from weft.testing.contract_reviews import QueueContract, ReviewContract
from weft.testing.contract_run_lists import RunListContract
from weft.testing.contract_runs import EvaluationContract, RunContract
from weft.testing.contract_series import SeriesContract
from weft.testing.contract_serving import ServingContract
from weft.testing.contract_sweeps import SweepContract, TrialContract
from weft.testing.contract_tables import TableContract
from weft.testing.contract_threads import ThreadContract
from weft.testing.contract_views import ViewContract


class StoreContract(
    IngestContract,
    SpanContract,
    MediaContract,
    LoggedContract,
    TableContract,
    OutlineContract,
    WordContract,
    AttributeContract,
    TotalsContract,
    ThreadContract,
    SeriesContract,
    CurveContract,
    RunContract,
    RunListContract,
    HistoryContract,
    DefinitionContract,
    AlertContract,
    EvaluationContract,
    FeedbackContract,
    ObservedContract,
    ArtifactContract,
    ManifestContract,
    QueueContract,
    ReviewContract,
    LabelContract,
    AdjudicationContract,
    ServingContract,
    KeepingContract,
    PeopleContract,
    ViewContract,
    SweepContract,
    TrialContract,
    RegistryContract,
    PromotionContract,
    LineageContract,
):
    """Every promise of :mod:`weft.repositories`; knows of no SQL."""
