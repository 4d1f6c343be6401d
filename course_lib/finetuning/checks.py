"""The checks of the exercises in notebook 05."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "05_qlora_falcon"
HIDDEN = -100


@exercise(NOTEBOOK, "5.1")
def training_bytes(answer: Callable[[int, int, int], float]) -> str:
    """``answer(frozen, trained, bits)``: bytes of frozen weights, and of trained ones with gradient and Adam."""
    full = answer(0, 10, 4)
    require(
        full != 40,
        "Trained weights alone are 4 bytes each; a gradient and Adam's two numbers come with each.",
    )
    require(
        full != 80, "Adam's two running means are missing: 4 bytes each, for every trained weight."
    )
    require(
        full != 120, "Something of 4 bytes is missing: weight, gradient, and two numbers of Adam."
    )
    require(full == 160, f"Ten trained weights take 160 bytes, 16 each; your count is {full}.")
    frozen = answer(16, 0, 4)
    require(frozen != 64, "16 weights of 4 bits take 64 bits: divide by 8, for a byte has eight.")
    require(frozen != 16 * 16, "Frozen weights have no gradient and no Adam: they only lie there.")
    require(frozen == 8, f"16 frozen weights of 4 bits take 8 bytes; your count is {frozen}.")
    both = answer(1_000, 10, 16)
    require(
        both == 2_160,
        f"1,000 frozen weights of 16 bits and 10 trained ones take 2,160 bytes, not {both}.",
    )
    return "what learns costs 16 bytes, what is frozen half a byte: so little may learn, and much may be frozen."


@exercise(NOTEBOOK, "5.2")
def absmax(answer: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> str:
    """``answer(weights, bits)``: whole numbers, and the scale that makes weights of them again."""
    weights = torch.tensor([0.7, -0.37, 0.1, -0.04])
    given = answer(weights, 4)
    require(
        isinstance(given, tuple) and len(given) == 2,
        "Give back two things: the codes, and the scale.",
    )
    codes, scale = torch.as_tensor(given[0]).float(), torch.as_tensor(given[1]).float()
    require(codes.shape == (4,), "First the codes, one for each weight; then the scale.")
    require(
        torch.equal(codes, codes.round()),
        f"Codes are whole numbers; yours are {codes.tolist()}: round them.",
    )
    require(
        codes.abs().max() != 8,
        "The largest code is 8, and four bits with a sign end at 7: divide by 2^(bits−1) − 1.",
    )
    require(
        codes.abs().max() != 15,
        "The largest code is 15: one of the four bits is needed for the sign, so 7 is the most.",
    )
    require(codes[0] == 7, f"The largest weight should get the code 7; it got {codes[0]:g}.")
    require(codes[1] != -3, "−3.7 became −3: round to the nearest whole number, do not cut off.")
    require(
        torch.allclose(codes * scale, weights, atol=0.051),
        f"codes · scale gives {(codes * scale).tolist()}: the scale is what one step is worth, largest over 7.",
    )
    require(codes.tolist() == [7, -4, 1, 0], f"The codes are {codes.tolist()}.")
    negative = torch.as_tensor(answer(torch.tensor([0.1, -0.8]), 4)[0]).float()
    require(
        negative.abs().max() <= 7,
        "With −0.8 as the largest a code leaves −7 … 7: take the largest *size*, not value.",
    )
    eight = torch.as_tensor(answer(weights, 8)[0]).float()
    require(
        eight[0] == 127,
        f"With 8 bits the largest code is 127, yours is {eight[0]:g}: is a 7 written in?",
    )
    return "the largest weight sets the scale, and every other one lives with its steps."


@exercise(NOTEBOOK, "5.3")
def nearest_levels(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """``answer(scaled, levels)``: for each number the place of the nearest level, (count,)."""
    levels = torch.tensor([-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0])
    scaled = torch.tensor([-0.9, 0.02, 0.26, 0.74, 1.0])
    found = torch.as_tensor(answer(scaled, levels))
    require(
        tuple(found.shape) == (5,),
        f"There should be one code for each of the 5 numbers; the shape is {tuple(found.shape)}. "
        "Distances make a table (numbers, levels): look for the smallest along the levels.",
    )
    require(
        not found.is_floating_point() or torch.equal(found, found.round()),
        "These are levels and not their places: give the number of the level, it fits into four bits.",
    )
    right = [0, 3, 4, 5, 6]
    require(
        found.tolist() != [6, 0, 0, 0, 0],
        "These are the places of the farthest levels: take the smallest distance.",
    )
    require(
        found.tolist() != [1, 4, 5, 6, 6],
        "You always take the next level above: the one below may be nearer.",
    )
    require(
        found.tolist() != [0, 3, 4, 5, 5], "1.0 has its own level, the last one: is it cut off?"
    )
    close = [n for n, (a, b) in enumerate(zip(found.tolist(), right, strict=True)) if a != b]
    require(
        not close,
        f"For {scaled[close[:1]].tolist()} another level is nearer: compare sizes of differences.",
    )
    return "sixteen levels, four bits: the code is a place in a table, and the table may be any you like."


@exercise(NOTEBOOK, "5.4")
def lora(answer: Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """``answer(x, weight, down, up, alpha)``: base and detour, added."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(3, 5, generator=generator), torch.randn(4, 5, generator=generator)
    down, up = torch.randn(2, 5, generator=generator), torch.randn(4, 2, generator=generator)
    straight, detour = x @ weight.T, x @ down.T @ up.T
    found = answer(x, weight, down, up, 6.0)
    require(
        tuple(found.shape) == (3, 4),
        f"Three inputs, four outputs each; the shape is {tuple(found.shape)}: transpose?",
    )
    require(
        not torch.allclose(found, straight, atol=1e-4),
        "That is the base alone: the detour is missing.",
    )
    require(
        not torch.allclose(found, 3 * detour, atol=1e-4),
        "That is the detour alone: add it to the base.",
    )
    require(
        not torch.allclose(found, straight + detour, atol=1e-4),
        "The detour has no strength: times alpha / rank.",
    )
    require(
        not torch.allclose(found, straight + 6 * detour, atol=1e-4),
        "alpha is not divided by the rank, so a larger rank would push harder.",
    )
    require(
        not torch.allclose(found, 3 * (straight + detour), atol=1e-4),
        "The base was made stronger, too: only the detour is multiplied by alpha / rank.",
    )
    require(
        torch.allclose(found, straight + 3 * detour, atol=1e-4),
        "It is not W x + alpha/rank · B (A x).",
    )
    return "the base is never touched, and two small matrices say what to add."


@exercise(NOTEBOOK, "5.5")
def labels(answer: Callable[[Sequence[int], int, int], Sequence[int]]) -> str:
    """``answer(ids, start, length)``: what is learned of a row that is padded with its own end of text, 0.

    ids     question, answer, end of text (0), then padding (0, too)
    start   where the answer begins
    length  how many tokens are real
    """
    row = [11, 12, 13, 21, 22, 0, 0, 0]
    found = list(answer(row, 3, 6))
    require(len(found) == 8, f"A label for each of the 8 tokens; there are {len(found)}.")
    require(found != row, "Everything is learned, the question and the padding, too.")
    require(
        found[5] != HIDDEN,
        "The real end of text is hidden, so the model would never learn to stop: go by places, not by the token 0.",
    )
    require(
        found[6:] == [HIDDEN, HIDDEN],
        f"The padding is learned: behind {6} real tokens every label is −100.",
    )
    require(
        found[:3] == [HIDDEN] * 3,
        "The question is learned, too: before `start` every label is −100.",
    )
    require(
        found[3:6] != [22, 0, HIDDEN] and found[3:6] != [22, 0, 0],
        "The labels are shifted by one. transformers does that itself: a label stands where its token stands.",
    )
    require(found == [HIDDEN] * 3 + [21, 22, 0] + [HIDDEN] * 2, f"The labels are {found}.")
    return "the answer and its end are learned, what was asked and what only fills up are not."


@exercise(NOTEBOOK, "5.6")
def stable(answer: Callable[[Sequence[float], int, float], bool]) -> str:
    """``answer(losses, patience, tolerance)``: whether the last ``patience`` evaluations brought too little."""
    require(
        not answer([5.0, 4.0], 3, 0.01),
        "Two evaluations, a patience of three: too few to say that nothing happens.",
    )
    require(
        answer([5.0, 4.0, 4.0, 4.0, 4.0], 3, 0.01),
        "The loss stands at 4.0 for four evaluations: that is stable.",
    )
    require(
        not answer([5.0, 4.5, 4.0, 3.5, 3.0], 3, 0.01),
        "The loss still falls by more than a tenth each time.",
    )
    require(
        not answer([5.0, 4.0, 4.2, 4.1, 3.5], 3, 0.01),
        "4.0, two worse ones, then 3.5: compare the *best* of the last with the best before, one bump is no end.",
    )
    require(
        not answer([5.0, 4.0, 3.0, 3.3, 4.1], 3, 0.01),
        "3.0 is among the last three and far below 4.0, the best before them: this run still has something to show.",
    )
    require(
        answer([5.0, 4.0, 3.99, 3.985, 3.98], 3, 0.01),
        "From 4.0 to 3.98 is half a percent, and the tolerance is one: gains that small count as none.",
    )
    require(
        answer([4.0, 5.0, 4.5, 4.4, 4.3], 3, 0.01),
        "The best before was 4.0, and nothing since is better: compare with the best, not with the neighbour.",
    )
    try:
        early = answer([4.0, 4.0, 4.0], 3, 0.01)
    except ValueError:
        early = True
    require(
        not early,
        "Three evaluations, a patience of three: there is none before them to compare with.",
    )
    return "a bump does not end it, and crumbs do not keep it going."
