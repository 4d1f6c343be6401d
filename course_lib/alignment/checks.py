"""The checks of the exercises in notebook 06."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "06_alignment"


@exercise(NOTEBOOK, "6.1")
def bradley_terry_loss(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """``answer(chosen, rejected)``: the loss of rewards, (pairs,) each → one number."""
    chosen, rejected = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0])
    given, each = torch.as_tensor(answer(chosen, rejected)), -(chosen - rejected).sigmoid().log()
    for wrong, diagnosis in (
        (each, "These are the losses of the two pairs: take their mean."),
        (each.sum(), "That is the sum: with twice as many pairs it is twice as large. The mean!"),
        (-each.mean(), "It is below 0: a loss is *minus* the log of a probability."),
        ((each + chosen - rejected).mean(), "Chosen and rejected have changed places."),
        ((rejected - chosen).mean(), "The sigmoid and the log are missing: it has no lower end."),
        ((-each).exp().mean(), "That is the mean probability: its log, with a minus, is missing."),
    ):
        require(given.shape != wrong.shape or not torch.allclose(given, wrong), diagnosis)
    right = given.shape == () and torch.allclose(given, each.mean())
    require(right, f"Differences of 2 and −1 have the mean loss 0.720, not {given.tolist()}.")
    far = float(answer(torch.tensor([0.0]), torch.tensor([200.0])))
    require(
        abs(far - 200) < 1, f"200 apart it is 200, and yours {far}: logsigmoid never overflows."
    )
    return "the further the chosen one lies above, the less there is to learn from the pair."


@exercise(NOTEBOOK, "6.2")
def advantage(answer: Callable[[Tensor], Tensor]) -> str:
    """``answer(rewards)``: each reply against the others to its prompt, (prompts, replies)."""
    rewards = torch.tensor([[8.0, 9.0, 10.0], [0.0, 1.0, 5.0]])
    given, own = answer(rewards).float(), rewards - rewards.mean(1, keepdim=True)
    require(given.shape == (2, 3), f"One number for each reply, (2, 3): not {tuple(given.shape)}.")
    for wrong, diagnosis in (
        (rewards, "These are the rewards: take away what the other replies got."),
        (rewards - 1.5 * own, "That is the baseline: take it away from the reward."),
        (-1.5 * own, "The sign is turned: better than the others is above 0."),
        (own, "The reply is in its own baseline and pulls it along: only the *others* count."),
    ):
        require(not torch.allclose(given, wrong), diagnosis)
    require(given[0].min() < 0, "All replies to the easy prompt look good: compare along a row.")
    require(torch.allclose(given, 1.5 * own), f"Row one is −1.5, 0, 1.5, not {given[0].tolist()}.")
    pair = answer(torch.tensor([[1.0, 3.0]])).tolist()
    require(pair == [[-2, 2]], f"Of two replies, 1 and 3, you make {pair}: is a number written in?")
    return "better than the others to the same prompt is what counts, however easy the prompt."


@exercise(NOTEBOOK, "6.3")
def best_update(answer: Callable[[Sequence[float]], int]) -> str:
    """``answer(truths)``: the place, from 0, where the mean of three neighbours is highest."""
    spiky = [1.8, 2.9, 1.7, 2.0, 2.4, 2.6, 2.5, 2.1, 1.9]
    given = answer(spiky)
    require(given != 1, "Place 1 is a lucky batch: its neighbours have 1.8 and 1.7. Smooth first.")
    require(given != len(spiky) - 1, "That is the last update: the truth has fallen there.")
    require(given != 4, "Off by one: the place is that of the middle one of the three.")
    require(given != 6, "Off by one: count places from 0, and take the middle one of the three.")
    require(given == 5, f"Around place 5 the mean is 2.5, the highest; you say {given}.")
    rising = [1.0, 1.5, 2.0, 2.5]
    require(answer(rising) in (2, 3), "In a run that only rises the best place is at its end.")
    return "one good batch is luck; three in a row are a state worth keeping."


@exercise(NOTEBOOK, "6.4")
def short_penalty(answer: Callable[[Tensor, Sequence[str]], Tensor]) -> str:
    """``answer(rewards, texts)``: one point less for each reply of fewer than six words."""
    texts = ["Please.", "I am sorry about this, truly.", "one two three four five", "a b c d e f g"]
    rewards = torch.tensor([2.0, 1.0, -1.0, 0.0])
    given = answer(rewards.clone(), texts)
    require(given.shape == rewards.shape, f"One number a reply; the shape is {tuple(given.shape)}.")
    added = (given - rewards).tolist()
    require(given.tolist() != [-1, 0, -1, 0], "That is the penalty alone: add it to the rewards.")
    require(added != [1, 0, 1, 0], "Short replies earn more now: the sign is the wrong way round.")
    require(added[2] != 0, "“one two three four five” has five words, and letters do not count.")
    require(added[3] == 0, "“a b c d e f g” has seven words: count words, not letters.")
    require(added == [-1, 0, -1, 0], f"The rewards changed by {added}, not by [−1, 0, −1, 0].")
    return "a rule in the environment closes one hole. Which one comes next?"


@exercise(NOTEBOOK, "6.5")
def kl_estimate(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """``answer(logprobs, ref_logprobs)``: k3 of each sample, right for tiny differences, too."""
    x = torch.tensor([1.0, -1.0, 1e-8], dtype=torch.double)  # log of reference over policy
    given, k3 = answer(torch.zeros_like(x), x).double(), torch.expm1(x) - x
    require(given.shape == x.shape, f"One number for each sample, (3,): not {tuple(given.shape)}.")
    for wrong, diagnosis in (
        (-x, "That is k1: right on average, but below 0 for the first. Add ratio − 1."),
        (x * x / 2, "That is k2: never below 0, but wrong on average when the two are apart."),
        (torch.expm1(-x) + x, "The ratio is upside down: it is reference over policy."),
    ):
        require(not torch.allclose(given, wrong), diagnosis)
    require(torch.allclose(given, k3), f"It is 0.718 and 0.368 for the first two, not {given}.")
    lost = f"At 1e-8 k3 is 5e-17, and yours is {given[2]:.1g}: exp(x) − 1 rounds that away."
    require(abs(given[2] / k3[2] - 1) < 1e-3, f"{lost} torch.expm1 keeps it.")
    return "never below 0, right on average, and still right where the two nearly agree."
