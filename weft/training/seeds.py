"""The seeds of random number generators, as far as they can be known."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from weft import digests
from weft.records import dumps

_USUAL = (
    0,
    1,
    2,
    3,
    7,
    10,
    13,
    17,
    21,
    37,
    42,
    100,
    123,
    1234,
    12345,
    123456,
    1337,
    2020,
    2021,
    2022,
    2023,
    2024,
    2025,
)
_MOST_TRIED = 200


def seeds(config: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """``hash`` (``PYTHONHASHSEED``), ``python``, ``numpy`` and ``torch``, of the libraries that the program imported.

    PyTorch tells the seed that it was given. numpy's legacy generator and Python's :mod:`random` tell their state only,
    from which a seed is found by trying as long as nothing was drawn: the whole numbers in ``config``, the other seeds
    that are known and some usual ones. Otherwise there is ``state``, a digest that two runs which began alike share.
    Generators of one's own (``numpy.random.default_rng``, ``torch.Generator``, JAX's keys) cannot be seen from here.
    """
    env = os.environ if environ is None else environ
    hashed = env.get("PYTHONHASHSEED", "")
    told: dict[str, Any] = {"hash": int(hashed) if hashed.isdecimal() else "random"}
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "initial_seed"):
        told["torch"] = {"seed": int(torch.initial_seed())}
        if hasattr(torch, "are_deterministic_algorithms_enabled"):
            told["torch"]["deterministic"] = bool(torch.are_deterministic_algorithms_enabled())
    known = [told[name] for name in ("hash",) if name in told and told[name] != "random"]
    known += [part["seed"] for part in told.values() if isinstance(part, dict)]
    tried = list(dict.fromkeys([*known, *_whole_numbers(config or {}), *_USUAL]))[:_MOST_TRIED]
    told["python"] = _python(tried)
    numpy: Any = getattr(sys.modules.get("numpy"), "random", None)
    if hasattr(numpy, "get_state"):
        told["numpy"] = _numpy(numpy, tried)
    return told


def _python(tried: list[int]) -> dict[str, Any]:
    state = random.getstate()
    for seed in tried:
        if random.Random(seed).getstate() == state:
            return {"seed": seed}
    return {"state": digests.of_bytes(dumps(state))[:16]}


def _numpy(numpy_random: Any, tried: list[int]) -> dict[str, Any]:
    state = numpy_random.get_state(legacy=False)
    if state.get("bit_generator") != "MT19937":
        return {"generator": str(state.get("bit_generator"))}
    key, position = state["state"]["key"], int(state["state"]["pos"])
    first = int(key[0])  # numpy's legacy seeding of a number puts it here
    for seed in (first, *tried):
        if 0 <= seed < 2**32:
            made = numpy_random.RandomState(seed).get_state(legacy=False)["state"]
            if int(made["pos"]) == position and bool((made["key"] == key).all()):
                return {"seed": seed}
    return {"state": digests.of_bytes(key.tobytes() + position.to_bytes(4, "little"))[:16]}


def _whole_numbers(config: Any, depth: int = 0) -> Iterator[int]:
    values = config.values() if isinstance(config, Mapping) else config if isinstance(config, list | tuple) else ()
    for value in values:
        if type(value) is int:
            yield value
        elif depth < 4:
            yield from _whole_numbers(value, depth + 1)
