"""The checks of the exercises in notebook 05."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.transformer.checks import first_wrong
from course_lib.workbook.evaluate import IGNORE_INDEX as IGNORED
from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "05_qlora_falcon"


@exercise(NOTEBOOK, "5.1")
def training_bytes(answer: Callable[[int, int, int], float]) -> str:
    """``answer(frozen, trained, bits)``: bytes of both, with gradient and Adam's two."""
    full, frozen, both = answer(0, 10, 4), answer(16, 0, 4), answer(1_000, 10, 16)
    missing = "With each trained weight come 4 bytes of gradient and 8 of Adam: 16 in all."
    require(full == 160, f"Ten trained weights take 160 bytes; your count is {full}. {missing}")
    require(frozen != 64, "16 weights of 4 bits take 64 bits: divide by 8, for a byte has eight.")
    require(frozen != 256, "Frozen weights have no gradient and no Adam: they only lie there.")
    require(frozen == 8, f"16 frozen weights of 4 bits take 8 bytes; your count is {frozen}.")
    require(both == 2_160, f"1,000 frozen of 16 bits and 10 trained take 2,160 bytes, not {both}.")
    return "what learns costs 16 bytes, what is frozen half a byte: so freeze nearly everything."


@exercise(NOTEBOOK, "5.2")
def absmax(answer: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> str:
    """``answer(weights, bits)``: whole numbers, and the scale that makes weights of them again."""
    weights = torch.tensor([0.7, -0.37, 0.1, -0.04])
    given = answer(weights, 4)
    require(len(given) == 2, "Give back two things: the codes, and the scale.")
    codes, scale = (torch.as_tensor(part).float() for part in given)
    whole = torch.equal(codes, codes.round())
    require(whole, f"Codes are whole numbers; yours are {codes.tolist()}: round them.")
    seven = "four bits with a sign end at 7: divide by 2^(bits−1) − 1."
    require(codes[0] == 7, f"The largest weight got the code {codes[0]:g}, and {seven}")
    require(codes[1] != -3, "−3.7 became −3: round to the nearest whole number, do not cut off.")
    back = codes * scale
    near = torch.allclose(back, weights, atol=0.051)
    require(near, f"codes · scale gives {back.tolist()}: the scale is what one step is worth.")
    require(codes.tolist() == [7, -4, 1, 0], f"The codes are {codes.tolist()}.")
    largest = torch.as_tensor(answer(torch.tensor([0.1, -0.8]), 4)[0]).abs().max()
    require(largest <= 7, "With −0.8 a code leaves −7 … 7: take the largest *size*, not value.")
    eight = torch.as_tensor(answer(weights, 8)[0])[0]
    require(eight == 127, f"With 8 bits the largest code is 127, not {eight:g}: is a 7 written in?")
    return "the largest weight sets the scale, and every other one lives with its steps."


@exercise(NOTEBOOK, "5.3")
def nearest_levels(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """``answer(scaled, levels)``: for each number the place of the nearest level, (count,)."""
    levels = torch.tensor([-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0])
    places = torch.as_tensor(answer(torch.tensor([-0.9, 0.02, 0.26, 0.74, 1.0]), levels))
    require(
        tuple(places.shape) == (5,),
        f"There should be one code for each of the 5 numbers; the shape is {tuple(places.shape)}. "
        "Distances make a table (numbers, levels): look for the smallest along the levels.",
    )
    whole = not places.is_floating_point() or torch.equal(places, places.round())
    require(whole, "These are levels and not their places: give the number of the level.")
    given, above = places.tolist(), "You always take the next level above: one below may be nearer."
    require(given != [6, 0, 0, 0, 0], "These are the farthest levels: take the smallest distance.")
    require(given != [1, 4, 5, 6, 6], above)
    nearer = "For one of them another level is nearer: compare sizes of differences."
    require(given == [0, 3, 4, 5, 6], nearer)
    return "sixteen levels, four bits: the code is a place in a table, any table you like."


@exercise(NOTEBOOK, "5.4")
def lora(answer: Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """``answer(x, weight, lora_A, lora_B, lora_alpha)``: base and detour, added."""
    generator = torch.Generator().manual_seed(0)
    x, weight, lora_a, lora_b = (
        torch.randn(*shape, generator=generator) for shape in ((3, 5), (4, 5), (2, 5), (4, 2))
    )
    base, detour = x @ weight.T, x @ lora_a.T @ lora_b.T
    result = answer(x, weight, lora_a, lora_b, 6.0)
    shape = tuple(result.shape)
    require(shape == (3, 4), f"Three inputs, four outputs each; the shape is {shape}: transpose?")
    mistakes = (
        (base, "That is the base alone: the detour is missing."),
        (3 * detour, "That is the detour alone: add it to the base."),
        (base + detour, "The detour has no strength: times lora_alpha / r."),
        (base + 6 * detour, "lora_alpha is not divided by r, so a larger r would push harder."),
    )
    for wrong, diagnosis in mistakes:
        require(not torch.allclose(result, wrong, atol=1e-4), diagnosis)
    right = torch.allclose(result, base + 3 * detour, atol=1e-4)
    other = "It is not W x + lora_alpha/r · B (A x)."
    if not right:
        steps = (
            {"base": base, "A x": x @ lora_a.T},
            {"B (A x)": detour},
            {"strong detour": 3 * detour},
        )
        other += first_wrong(answer, (x, weight, lora_a, lora_b, 6.0), steps)
    require(right, other)
    return "the base is never touched, and two small matrices say what to add."


@exercise(NOTEBOOK, "5.5")
def labels(answer: Callable[[Sequence[int], int, int], Sequence[int]]) -> str:
    """``answer(input_ids, start, length)``: what is learned of a padded row.

    Question, answer (from ``start``), end of text; behind ``length`` tokens only padding, 0.
    """
    row = [11, 12, 13, 21, 22, 0, 0, 0]
    given = list(answer(row, 3, 6))
    require(len(given) == 8, f"A label for each of the 8 tokens; there are {len(given)}.")
    require(given != row, "Everything is learned, the question and the padding, too.")
    end = "it would never learn to stop: go by places, not by the token 0."
    require(given[5] != IGNORED, f"The real end of text is hidden: {end}")
    require(given[6:] == [IGNORED] * 2, "The padding is learned: from `length` on it is −100.")
    require(given[:3] == [IGNORED] * 3, "The question is learned: before `start` it is −100.")
    shifted = "The labels are shifted by one. transformers does that: a label stands at its token."
    require(given[3:5] != [22, 0], shifted)
    require(given[3:6] == [21, 22, 0], f"The labels are {given}.")
    return "the answer and its end are learned, what was asked and what only fills up are not."


@exercise(NOTEBOOK, "5.6")
def should_stop(answer: Callable[[Sequence[float], int, float], bool]) -> str:
    """``answer(losses, patience, threshold)``: the rule of transformers' EarlyStoppingCallback."""
    cases = (
        ([4.0] * 3, False, "Three evaluations, a patience of three: the first has none before it."),
        ([5.0] + [4.0] * 4, True, "The loss stands at 4.0 for three more evaluations: stop."),
        ([5.0, 4.0, 4.2, 4.1, 3.5], False, "Two worse ones, then the best of all: go on."),
        ([5.0, 4.0, 3.0, 3.3, 4.1], False, "3.0 is among the last three, a clear gain: go on."),
        ([5.0, 4.0, 3.99, 3.985, 3.98], True, "Gains below the threshold count as none."),
        ([4.0, 5.0, 4.5, 4.4, 4.3], True, "Nothing since is better than 4.0, the best before."),
    )
    for losses, expected, diagnosis in cases:
        given = answer(losses, 3, 0.02)
        require(bool(given) == expected, f"For {losses} you say {bool(given)}. {diagnosis}")
    return "a bump does not end it, and crumbs do not keep it going."
