"""The asserts of the contract explain themselves as those of test files do."""

from __future__ import annotations

import pytest

for part in ("observations", "runs", "decisions"):
    pytest.register_assert_rewrite(f"weft.testing.contract_{part}")
