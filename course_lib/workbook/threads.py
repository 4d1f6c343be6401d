"""How torch's threads wait, decided before torch is imported.

torch and bitsandbytes each bring an OpenMP runtime whose idle threads spin. On a quiet
machine that is fastest; with other work on the cores a training step becomes several times
slower. A bounded spin is near the best in both cases: ``benchmarks/threads.py`` measures it.
"""

import os

SPIN_COUNT = 2_000


def set_thread_policy() -> None:
    """Bound the spinning of waiting threads; a value that the user has set is left alone."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))


def set_library_defaults() -> None:
    """Nothing reports home, and forked workers do not make the tokenizers warn."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
