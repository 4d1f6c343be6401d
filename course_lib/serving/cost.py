"""What an answer costs: money by the hour, by the token, and the memory traffic behind it.

Prices are rows of ``assets/deploy/prices.csv``, each with its date and source, never numbers here.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

PRICES = REPOSITORY / "assets" / "deploy" / "prices.csv"
UNITS = ("hour", "million tokens in", "million tokens out")


@dataclass(frozen=True)
class Price:
    """Dollars for one ``unit`` of something, by a source, on a date ("example": fill in yours)."""

    name: str
    unit: str
    dollars: float
    date: str
    source: str


def read_prices(path: Path = PRICES) -> list[Price]:
    """The rows of the table. Raises ``CourseError`` that names the line which is none."""
    rows: list[Price] = []
    with Path(path).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                price = Price(**{**row, "dollars": float(row["dollars"])})
                fits = price.unit in UNITS and 0 <= price.dollars < math.inf
            except (KeyError, TypeError, ValueError):
                fits = False
            if not fits:
                raise CourseError(
                    f"Row {len(rows) + 1} of {Path(path).name} is no price: give a name, a unit "
                    f"({', '.join(UNITS)}), dollars, a date and a source."
                )
            rows.append(price)
    return rows


def per_million_tokens(per_hour: float, tokens_per_second: float, utilisation: float) -> float:
    """Dollars for a million tokens of a machine that is paid by the hour.

    utilisation   the part of the paid time in which it writes at ``tokens_per_second``
    """
    if not (tokens_per_second > 0 and 0 < utilisation <= 1):
        raise CourseError("Tokens a second are more than 0, and utilisation is above 0, at most 1.")
    return per_hour / (tokens_per_second * 3600 * utilisation) * 1e6


def break_even(per_hour: float, tokens_in: int, tokens_out: int, api: tuple[float, float]) -> float:
    """Requests an hour from which an own machine is cheaper than an API.

    api   dollars for a million tokens in, and out. Whether the machine can serve so many is another
          question: ``simulate.Timing.capacity`` answers it.
    """
    request = (tokens_in * api[0] + tokens_out * api[1]) / 1e6
    return per_hour / request if request else math.inf


def scale_to_zero(rate: float, keep: float, start: float) -> tuple[float, float]:
    """A machine that goes off ``keep`` seconds after the last request, and needs ``start`` to wake.

    rate   requests a second that come independently (Poisson). Answers are short beside the gaps.

    Returns the part of the time that is paid, and the part of the requests that find it off. Ready,
    it waits for a gap longer than ``keep``, for (e^(rate·keep) − 1) / rate on average; then it is
    off for 1 / rate. Requests that come by chance see it off as often as it is off, so the two
    parts make one (Wolff 1982, "Poisson arrivals see time averages").
    """
    if not (rate > 0 and keep >= 0 and start >= 0 and rate * keep < 700):
        raise CourseError("The rate is more than 0, the seconds 0 or more, and a gap may happen.")
    off = 1 / (math.exp(rate * keep) + rate * start)
    return 1 - off, off


def copy_bandwidth(megabytes: int = 256, device: str = "cpu", tries: int = 5) -> float:
    """Bytes a second of a plain copy, read and written: the best of some tries.

    A step of writing reads all weights and the cached keys and values once: their bytes (see
    ``finetuning.memory``) over this are about the fewest seconds that a step can take.
    """
    data = torch.ones(megabytes * 2**20, dtype=torch.uint8, device=device)
    target, best = torch.empty_like(data), math.inf
    for _ in range(tries):
        begun = perf_counter()
        target.copy_(data)
        target[-1].item()  # a GPU has finished only then
        best = min(best, perf_counter() - begun)
    return 2 * data.numel() / best
