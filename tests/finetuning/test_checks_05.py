"""The exercises of notebook 05: solution, stub, and typical mistakes with their own diagnosis."""

import pytest
import torch
from torch import Tensor

from course_lib.finetuning import checks
from course_lib.finetuning.watch import stable_at


def training_bytes(frozen: int, trained: int, bits: int) -> float:
    return frozen * bits / 8 + 16 * trained


def absmax(weights: Tensor, bits: int, most: int | None = None) -> tuple[Tensor, Tensor]:
    scale = weights.abs().max() / (most or 2 ** (bits - 1) - 1)
    return (weights / scale).round(), scale


def nearest(scaled: Tensor, levels: Tensor) -> Tensor:
    return (scaled[:, None] - levels).abs().argmin(1)


def lora(x: Tensor, weight: Tensor, down: Tensor, up: Tensor, alpha: float) -> Tensor:
    return x @ weight.T + alpha / len(down) * (x @ down.T) @ up.T


def labels(ids: list, start: int, length: int) -> list:
    return [n if start <= place < length else -100 for place, n in enumerate(ids)]


def stable(losses: list, patience: int, tolerance: float) -> bool:
    if len(losses) <= patience:
        return False
    return min(losses[-patience:]) > min(losses[:-patience]) * (1 - tolerance)


SOLUTIONS = {
    "training_bytes": training_bytes,
    "absmax": absmax,
    "nearest_levels": nearest,
    "lora": lora,
    "labels": labels,
    "stable": stable,
}
MISTAKES = [
    ("training_bytes", lambda f, t, b: f * b / 8 + 4 * t, "alone are 4 bytes"),
    ("training_bytes", lambda f, t, b: f * b / 8 + 8 * t, "running means are missing"),
    ("training_bytes", lambda f, t, b: f * b / 8 + 12 * t, "Something of 4 bytes"),
    ("training_bytes", lambda f, t, b: f * b + 16 * t, "divide by 8"),
    ("training_bytes", lambda f, t, b: 16 * (f + t), "only lie there"),
    ("absmax", lambda w, b: w / w.abs().max(), "two things"),
    ("absmax", lambda w, b: (w / w.abs().max(), w.abs().max()), "whole numbers"),
    ("absmax", lambda w, b: absmax(w, b, 2 ** (b - 1)), "largest code is 8"),
    ("absmax", lambda w, b: absmax(w, b, 2**b - 1), "largest code is 15"),
    ("absmax", lambda w, b: (absmax(w, b)[0], w.abs().max()), "one step is worth"),
    (
        "absmax",
        lambda w, b: ((w / (w.max() / (2 ** (b - 1) - 1))).round(), w.max() / (2 ** (b - 1) - 1)),
        "*size*",
    ),
    ("absmax", lambda w, b: absmax(w, b, 7), "is a 7 written in"),
    ("nearest_levels", lambda s, v: v[nearest(s, v)], "not their places"),
    ("nearest_levels", lambda s, v: (s[:, None] - v).abs().argmin(0), "smallest along the levels"),
    ("nearest_levels", lambda s, v: (s[:, None] - v).abs().argmax(1), "farthest"),
    ("nearest_levels", lambda s, v: torch.bucketize(s, v), "next level above"),
    ("nearest_levels", lambda s, v: nearest(s, v[:-1]), "cut off"),
    ("lora", lambda x, w, a, b, s: x @ w.T, "detour is missing"),
    ("lora", lambda x, w, a, b, s: s / 2 * x @ a.T @ b.T, "detour alone"),
    ("lora", lambda x, w, a, b, s: x @ w.T + x @ a.T @ b.T, "no strength"),
    ("lora", lambda x, w, a, b, s: x @ w.T + s * x @ a.T @ b.T, "not divided by the rank"),
    ("lora", lambda x, w, a, b, s: s / 2 * (x @ w.T + x @ a.T @ b.T), "made stronger, too"),
    ("lora", lambda x, w, a, b, s: lora(x, w, a, b, s).T, "transpose"),
    ("labels", lambda i, s, n: list(i), "Everything is learned"),
    (
        "labels",
        lambda i, s, n: [t if t and p >= s else -100 for p, t in enumerate(i)],
        "never learn to stop",
    ),
    (
        "labels",
        lambda i, s, n: [t if p >= s else -100 for p, t in enumerate(i)],
        "padding is learned",
    ),
    (
        "labels",
        lambda i, s, n: [t if p < n else -100 for p, t in enumerate(i)],
        "question is learned",
    ),
    ("labels", lambda i, s, n: i[s:n], "A label for each"),
    ("stable", lambda v, p, t: min(v[-p:]) > min(v[:-p] or [0]) * (1 - t), "too few to say"),
    ("stable", lambda v, p, t: False, "that is stable"),
    ("stable", lambda v, p, t: len(v) > p, "still falls"),
    ("stable", lambda v, p, t: len(v) > p and v[-2] > v[-p - 1] * (1 - t), "one bump is no end"),
    (
        "stable",
        lambda v, p, t: len(v) > p and min(v[-p + 1 :]) > min(v[: -p + 1]) * (1 - t),
        "something to show",
    ),
    ("stable", lambda v, p, t: len(v) > p and min(v[-p:]) >= min(v[:-p]), "gains that small"),
]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass_and_stubs_say_not_yet(name: str, fresh_home: object) -> None:
    check = getattr(checks, name)
    result = check(SOLUTIONS[name], solution=True)
    assert result.passed, result
    assert check(lambda *_: None).status == "Not yet"


@pytest.mark.parametrize(("name", "mistake", "diagnosis"), MISTAKES)
def test_mistakes_get_their_diagnosis(
    name: str, mistake: object, diagnosis: str, fresh_home: object
) -> None:
    result = getattr(checks, name)(mistake)
    assert result.status == "Look again" and diagnosis in result.message, result


@pytest.mark.parametrize("seed", range(5))
def test_the_solution_of_the_rule_is_the_rule(seed: int) -> None:
    losses = (
        5 - torch.rand(12, generator=torch.Generator().manual_seed(seed)).cumsum(0) * 0.1
    ).tolist()
    first = next((n for n in range(12) if stable(losses[: n + 1], 3, 0.03)), None)
    assert first == stable_at(losses, 3, 0.03)
