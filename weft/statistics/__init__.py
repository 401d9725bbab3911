"""The arithmetic of verdicts: pure functions, no input or output, each with its source named."""

from weft.statistics.active import Stopped, combine_waves, estimate, estimate_queue, stopped_queue
from weft.statistics.agreement import cohen_kappa, krippendorff_alpha
from weft.statistics.distributions import (
    beta_cdf,
    beta_quantile,
    clopper_pearson,
    clopper_pearson_upper,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_quantile,
)
from weft.statistics.intervals import (
    Aggregate,
    Interval,
    aggregate,
    bootstrap,
    clustered_standard_error,
    standard_error,
    t_interval,
    wilson,
)
from weft.statistics.paired import (
    Design,
    McNemar,
    NonInferiority,
    examples_needed,
    holm,
    mcnemar,
    mcnemar_p,
    minimum_detectable_effect,
    non_inferiority,
    paired_difference,
    tango,
)
from weft.statistics.passk import pass_at_k, pass_hat_k
from weft.statistics.ppi import Estimate, ppi_mean
from weft.statistics.routing import Routing, probabilities, strongest

__all__ = [
    "Aggregate",
    "Design",
    "Estimate",
    "Interval",
    "McNemar",
    "NonInferiority",
    "Routing",
    "Stopped",
    "aggregate",
    "beta_cdf",
    "beta_quantile",
    "bootstrap",
    "clopper_pearson",
    "clopper_pearson_upper",
    "clustered_standard_error",
    "cohen_kappa",
    "combine_waves",
    "estimate",
    "estimate_queue",
    "examples_needed",
    "holm",
    "krippendorff_alpha",
    "mcnemar",
    "mcnemar_p",
    "minimum_detectable_effect",
    "non_inferiority",
    "normal_cdf",
    "normal_quantile",
    "paired_difference",
    "pass_at_k",
    "pass_hat_k",
    "ppi_mean",
    "probabilities",
    "standard_error",
    "stopped_queue",
    "strongest",
    "t_cdf",
    "t_interval",
    "t_quantile",
    "tango",
    "wilson",
]
