"""The exercises of notebook 05: solution, stub, and typical mistakes with their own diagnosis."""

import random
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from transformers import EarlyStoppingCallback, TrainerControl

from course_lib.finetuning import checks


def training_bytes(frozen: int, trained: int, bits: int) -> float:
    return frozen * bits / 8 + 16 * trained


def absmax(weights: Tensor, bits: int, largest: int | None = None) -> tuple[Tensor, Tensor]:
    scale = weights.abs().max() / (largest or 2 ** (bits - 1) - 1)
    return (weights / scale).round(), scale


def signed(weights: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    scale = weights.max() / (2 ** (bits - 1) - 1)
    return (weights / scale).round(), scale


def nearest(scaled: Tensor, levels: Tensor) -> Tensor:
    return (scaled[:, None] - levels).abs().argmin(1)


def lora(x: Tensor, weight: Tensor, a: Tensor, b: Tensor, lora_alpha: float) -> Tensor:
    return x @ weight.T + lora_alpha / len(a) * (x @ a.T) @ b.T


def labels(ids: list, start: int, length: int) -> list:
    return [n if start <= place < length else -100 for place, n in enumerate(ids)]


def should_stop(losses: list, patience: int, threshold: float) -> bool:
    last = range(len(losses) - patience, len(losses))
    gains = [min(losses[:n]) - losses[n] for n in last if n > 0]
    return len(losses) > patience and max(gains) <= threshold


SOLUTIONS = {
    "training_bytes": training_bytes,
    "absmax": absmax,
    "nearest_levels": nearest,
    "lora": lora,
    "labels": labels,
    "should_stop": should_stop,
}
MISTAKES = [
    ("training_bytes", lambda f, t, b: f * b / 8 + 4 * t, "gradient and Adam"),
    ("training_bytes", lambda f, t, b: f * b / 8 + 8 * t, "two running means"),
    ("training_bytes", lambda f, t, b: f * b / 8 + 12 * t, "4 bytes is missing"),
    ("training_bytes", lambda f, t, b: f * b + 16 * t, "divide by 8"),
    ("training_bytes", lambda f, t, b: 16 * (f + t), "no gradient and no Adam"),
    ("absmax", lambda w, b: absmax(w, b)[0], "two things"),
    ("absmax", lambda w, b: (w / absmax(w, b)[1], absmax(w, b)[1]), "round them"),
    ("absmax", lambda w, b: ((w / absmax(w, b)[1]).trunc(), absmax(w, b)[1]), "do not cut"),
    ("absmax", lambda w, b: absmax(w, b, 2 ** (b - 1)), "largest code is 8"),
    ("absmax", lambda w, b: absmax(w, b, 2**b - 1), "largest code is 15"),
    ("absmax", lambda w, b: (absmax(w, b)[0], w.abs().max()), "one step is worth"),
    ("absmax", signed, "*size*"),
    ("absmax", lambda w, b: absmax(w, b, 7), "is a 7 written in"),
    ("nearest_levels", lambda s, v: v[nearest(s, v)], "not their places"),
    ("nearest_levels", lambda s, v: (s[:, None] - v).abs().argmin(0), "smallest along the levels"),
    ("nearest_levels", lambda s, v: (s[:, None] - v).abs().argmax(1), "farthest"),
    ("nearest_levels", lambda s, v: torch.bucketize(s, v), "next level above"),
    ("nearest_levels", lambda s, v: nearest(s, v[:-1]), "cut off"),
    ("lora", lambda x, w, a, b, s: x @ w.T, "detour is missing"),
    ("lora", lambda x, w, a, b, s: s / 2 * x @ a.T @ b.T, "detour alone"),
    ("lora", lambda x, w, a, b, s: x @ w.T + x @ a.T @ b.T, "no strength"),
    ("lora", lambda x, w, a, b, s: x @ w.T + s * x @ a.T @ b.T, "not divided by r"),
    ("lora", lambda x, w, a, b, s: s / 2 * (x @ w.T + x @ a.T @ b.T), "made stronger, too"),
    ("lora", lambda x, w, a, b, s: lora(x, w, a, b, s).T, "transpose"),
    ("labels", lambda i, s, n: list(i), "Everything is learned"),
    ("labels", lambda i, s, n: [t or -100 for t in labels(i, s, n)], "never learn to stop"),
    ("labels", lambda i, s, n: labels(i, s, 99), "padding is learned"),
    ("labels", lambda i, s, n: labels(i, 0, n), "question is learned"),
    ("labels", lambda i, s, n: [-100] * 3 + [22, 0] + [-100] * 3, "never learn to stop"),
    ("labels", lambda i, s, n: [-100] * 3 + [22, 0, 0] + [-100] * 2, "shifted by one"),
    ("labels", lambda i, s, n: i[s:n], "A label for each"),
    ("should_stop", lambda v, p, t: min(v[-p:]) >= min(v[:-p] or [0]) - t, "too few"),
    ("should_stop", lambda v, p, t: len(v) >= p and max(v) - min(v) <= t, "none before it"),
    ("should_stop", lambda v, p, t: False, "three more evaluations: stop"),
    ("should_stop", lambda v, p, t: len(v) > p, "still falls"),
    ("should_stop", lambda v, p, t: len(v) > p and v[-2] > v[-p - 1] - t, "go on"),
    ("should_stop", lambda v, p, t: len(v) > p and min(v[-p:]) >= min(v[:-p]), "below the thresh"),
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


@pytest.mark.parametrize("seed", range(20))
def test_the_solution_of_the_rule_is_that_of_transformers(seed: int) -> None:
    rng = random.Random(seed)
    losses, early = [5.0], EarlyStoppingCallback(3, 0.03)
    args, control = SimpleNamespace(metric_for_best_model="loss", greater_is_better=False), None
    for place in range(15):
        control = TrainerControl()
        best = min(losses[:place], default=None)
        state = SimpleNamespace(best_metric=best)
        early.on_evaluate(args, state, control, {"eval_loss": losses[place]})
        assert should_stop(losses[: place + 1], 3, 0.03) == control.should_training_stop
        losses.append(losses[-1] - rng.choice([0.1, 0.02, 0.0, -0.05]))
