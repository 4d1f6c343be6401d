"""The exercises of notebook 05: typical mistakes get their own diagnosis."""

import random
from types import SimpleNamespace

import torch
from exercise_tests import mistakes_are_diagnosed
from torch import Tensor
from transformers import EarlyStoppingCallback, TrainerControl

from course_lib.finetuning import checks


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


MISTAKES = {
    "training_bytes": [
        (lambda f, t, b: f * b / 8 + 4 * t, "gradient and 8 of Adam"),
        (lambda f, t, b: f * b + 16 * t, "divide by 8"),
        (lambda f, t, b: 16 * (f + t), "no gradient and no Adam"),
    ],
    "absmax": [
        (lambda w, b: absmax(w, b)[0], "two things"),
        (lambda w, b: (w / absmax(w, b)[1], absmax(w, b)[1]), "round them"),
        (lambda w, b: ((w / absmax(w, b)[1]).trunc(), absmax(w, b)[1]), "do not cut"),
        (lambda w, b: absmax(w, b, 2 ** (b - 1)), "end at 7"),
        (lambda w, b: (absmax(w, b)[0], w.abs().max()), "one step is worth"),
        (signed, "*size*"),
        (lambda w, b: absmax(w, b, 7), "is a 7 written in"),
    ],
    "nearest_levels": [
        (lambda s, v: v[nearest(s, v)], "not their places"),
        (lambda s, v: (s[:, None] - v).abs().argmin(0), "smallest along the levels"),
        (lambda s, v: (s[:, None] - v).abs().argmax(1), "farthest"),
        (lambda s, v: torch.bucketize(s, v), "next level above"),
    ],
    "lora": [
        (lambda x, w, a, b, s: x @ w.T, "detour is missing"),
        (lambda x, w, a, b, s: s / 2 * x @ a.T @ b.T, "detour alone"),
        (lambda x, w, a, b, s: x @ w.T + x @ a.T @ b.T, "no strength"),
        (lambda x, w, a, b, s: x @ w.T + s * x @ a.T @ b.T, "not divided by r"),
        (lambda x, w, a, b, s: lora(x, w, a, b, s).T, "transpose"),
    ],
    "labels": [
        (lambda i, s, n: list(i), "Everything is learned"),
        (lambda i, s, n: [t or -100 for t in labels(i, s, n)], "never learn to stop"),
        (lambda i, s, n: labels(i, s, 99), "padding is learned"),
        (lambda i, s, n: labels(i, 0, n), "question is learned"),
        (lambda i, s, n: [-100] * 3 + [22, 0, 0] + [-100] * 2, "shifted by one"),
        (lambda i, s, n: i[s:n], "A label for each"),
    ],
    "should_stop": [
        (lambda v, p, t: len(v) >= p and max(v) - min(v) <= t, "none before it"),
        (lambda v, p, t: False, "three more evaluations: stop"),
        (lambda v, p, t: len(v) > p, "go on"),
        (lambda v, p, t: len(v) > p and min(v[-p:]) >= min(v[:-p]), "below the thresh"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)


def test_the_solution_of_the_rule_is_that_of_transformers() -> None:
    args = SimpleNamespace(metric_for_best_model="loss", greater_is_better=False)
    for seed in range(20):
        rng, losses, early = random.Random(seed), [5.0], EarlyStoppingCallback(3, 0.03)
        for place in range(15):
            control = TrainerControl()
            state = SimpleNamespace(best_metric=min(losses[:place], default=None))
            early.on_evaluate(args, state, control, {"eval_loss": losses[place]})
            assert should_stop(losses[: place + 1], 3, 0.03) == control.should_training_stop
            losses.append(losses[-1] - rng.choice([0.1, 0.02, 0.0, -0.05]))


def test_the_first_wrong_tensor_of_a_detour_is_named(fresh_home) -> None:
    def lora(x, weight, lora_A, lora_B, lora_alpha):  # noqa: ANN001, ANN202, N803
        first = x @ weight.T
        narrow = (x @ lora_A.T).relu()
        return first + lora_alpha / len(lora_A) * (narrow @ lora_B.T)

    assert "The first tensor that is wrong is the A x: row 0 is [" in checks.lora(lora).message
