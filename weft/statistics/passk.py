"""pass@k, one of k tries succeeds (Chen et al., arXiv 2107.03374), and pass^k, all do (Yao et al., 2406.12045)."""

from __future__ import annotations

import math

from weft.errors import InputError


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate 1 - C(n-c, k)/C(n, k), from ``c`` successes in ``n`` tries."""
    _check(n, c, k)
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate C(c, k)/C(n, k), from ``c`` successes in ``n`` tries."""
    _check(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


def _check(n: int, c: int, k: int) -> None:
    if not (0 <= c <= n and 1 <= k <= n):
        raise InputError(f"k={k} of n={n} tries with c={c} successes: needs 0 <= c <= n and 1 <= k <= n.", field="k")
