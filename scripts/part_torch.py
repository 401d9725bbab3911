"""After `make lock`: part NVIDIA's libraries from constraints-frameworks.txt, and let torch be a CPU build too.

PyPI's torch for Linux wants gigabytes of libraries that its CPU build does without: they stand in
constraints-frameworks-cuda.txt, which is installed only where torch cannot be imported without them.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK, CUDA = ROOT / "constraints-frameworks.txt", ROOT / "constraints-frameworks-cuda.txt"
NVIDIA = re.compile(r"(nvidia-|cuda-|triton==)")

# The wheel of PyTorch's own index of CPU builds, by version of torch: for CPython 3.11 on x86-64 Linux.
CPU_BUILDS = {"2.13.0": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}


def main() -> None:
    """Write both files anew; a lock that was parted already stays as it is."""
    blocks = re.split(r"\n(?=\S)", LOCK.read_text().strip())
    cuda = [block for block in blocks if NVIDIA.match(block)]
    kept = [with_cpu_build(block) for block in blocks if not NVIDIA.match(block)]
    if cuda:
        CUDA.write_text("\n".join(cuda) + "\n")
    LOCK.write_text("\n".join(kept) + "\n")


def with_cpu_build(block: str) -> str:
    """The pin of torch with one more hash; any other as it is."""
    pin = re.match(r"torch==([\d.]+)", block)
    if pin is None or (digest := CPU_BUILDS.get(pin[1])) is None or digest in block:
        return block
    return f"{block} \\\n    --hash=sha256:{digest}"


if __name__ == "__main__":
    main()
