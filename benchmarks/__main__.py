"""Run every benchmark, or those named: ``python -m benchmarks op_overhead log_rate``."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main(names: list[str]) -> None:
    """Each benchmark prints its own lines under its name."""
    known = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    for name in names or known:
        if name not in known:
            sys.exit(f"There is no benchmark {name}; there are: {', '.join(known)}.")
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
