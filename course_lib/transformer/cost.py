"""What it costs to train from scratch: operations, GPU-hours, money.

Prices and peaks are data, not code: ``assets/costs/gpus.json`` has a date and a source, and may be edited.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

PRICES = REPOSITORY / "assets" / "costs" / "gpus.json"


@dataclass(frozen=True)
class GPU:
    """A card for hire. ``peak``: operations a second in bf16; ``price``: dollars an hour."""

    name: str
    peak: float
    price: float


def training_flops(parameters: float, tokens: float) -> float:
    """About 6 for each parameter and token (Kaplan et al. 2020, section 2.1).

    Forward a multiplication and an addition, backward twice as much. Attention itself, which grows
    with the length of the text, is left out.
    """
    return 6 * parameters * tokens


def gpu_hours(operations: float, gpu: GPU, used: float = 0.4) -> float:
    """Hours on one card that reaches the share ``used`` of its peak; 0.3 to 0.5 are usual."""
    return operations / (gpu.peak * used) / 3_600


def read_gpus(path: str | os.PathLike = PRICES) -> tuple[list[GPU], str]:
    """The cards of the table, and the month that its prices are of."""
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        gpus = [
            GPU(row["name"], row["peak teraflops"] * 1e12, row["dollars an hour"])
            for row in stored["gpus"]
        ]
        return gpus, str(stored["as of"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"The table of GPUs in {Path(path).name} cannot be read ({type(error).__name__}: {error}): "
            "each card needs a name, peak teraflops, and dollars an hour."
        ) from None
