"""The exercises of notebook 06: typical mistakes get their own diagnosis."""

import torch
from exercise_tests import mistakes_are_diagnosed
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.alignment import checks


def advantage(rewards: Tensor, replies: int = 0) -> Tensor:
    count = replies or rewards.shape[1]
    return (rewards - rewards.mean(1, keepdim=True)) * count / (count - 1)


def others_of_the_batch(rewards: Tensor) -> Tensor:
    return rewards - (rewards.sum() - rewards) / (rewards.numel() - 1)


def kl_estimate(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    return torch.expm1(ref_logprobs - logprobs) - (ref_logprobs - logprobs)


def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    return -logsigmoid(chosen - rejected).mean()


MISTAKES = {
    "bradley_terry_loss": [
        (lambda c, r: -logsigmoid(c - r), "take their mean"),
        (lambda c, r: -logsigmoid(c - r).sum(), "That is the sum"),
        (lambda c, r: -loss(c, r), "*minus* the log"),
        (lambda c, r: loss(r, c), "changed places"),
        (lambda c, r: (r - c).mean(), "sigmoid and the log are missing"),
        (lambda c, r: (c - r).sigmoid().mean(), "mean probability"),
        (lambda c, r: -(c - r).mean().sigmoid().log(), "0.720"),
        (lambda c, r: -(c - r).sigmoid().log().mean(), "200 apart"),
        (lambda c, r: torch.log(1 + (r - c).exp()).mean(), "200 apart"),
    ],
    "advantage": [
        (lambda r: r, "These are the rewards"),
        (lambda r: r - advantage(r), "That is the baseline"),
        (lambda r: -advantage(r), "sign is turned"),
        (lambda r: r - r.mean(1, keepdim=True), "in its own baseline"),
        (lambda r: r - r.mean(), "along a row"),
        (lambda r: (r - r.mean()) / r.std(), "along a row"),
        (others_of_the_batch, "along a row"),
        (lambda r: r - r.mean(0), "along a row"),
        (lambda r: advantage(r) / r.std(1, keepdim=True), "Row one is"),
        (lambda r: advantage(r, 3), "written in"),
        (lambda r: advantage(r).mean(1), "One number for each reply"),
    ],
    "kl_estimate": [
        (lambda p, q: p - q, "That is k1"),
        (lambda p, q: (q - p).square() / 2, "That is k2"),
        (lambda p, q: kl_estimate(q, p), "upside down"),
        (lambda p, q: q - p, "0.718"),
        (lambda p, q: (q - p).exp() - (q - p), "0.718"),
        (lambda p, q: (q - p).exp() - 1 - (q - p), "expm1 keeps it"),
        (lambda p, q: kl_estimate(p, q).mean(), "One number for each sample"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
