"""How many threads compute and how idle ones wait.

torch and bitsandbytes each bring an OpenMP runtime whose idle threads spin. On a quiet
machine that is fastest; with other work on the cores a training step becomes several times
slower. A bounded spin is near the best in both cases: ``benchmarks/threads.py`` measures it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SPIN_COUNT = 2_000


def set_thread_policy() -> None:
    """Before torch is imported: bound the spinning, unless the user has set a policy."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))


def set_library_defaults() -> None:
    """Nothing reports home, and forked workers do not make the tokenizers warn."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch computes on one thread: faster for small tensors, and the same everywhere."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
