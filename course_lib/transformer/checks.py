"""The checks of the exercises in notebook 03."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "03_mini_transformer"


@exercise(NOTEBOOK, "3.1")
def merge(answer: Callable[[Sequence[str], tuple[str, str]], list[str]]) -> str:
    """``answer(pieces, pair)``: the pieces with every occurrence of the pair made one."""
    found = list(answer(["l", "o", "w", "l", "o", "t"], ("l", "o")))
    require(
        found != ["l", "o", "w", "l", "o", "t"],
        "Nothing was merged: does the comparison look at two pieces together?",
    )
    require(
        found != ["lo", "w", "l", "o", "t"],
        "Only the first “l o” was merged: go on to the end of the word.",
    )
    require(
        "".join(found) == "lowlot",
        f"Put together, the pieces give {''.join(found)!r} instead of 'lowlot': after a merge go on two places.",
    )
    require(
        found == ["lo", "w", "lo", "t"],
        f"“l o w l o t” should become “lo w lo t”; it is “{' '.join(found)}”.",
    )
    twins = list(answer(["a", "a", "a"], ("a", "a")))
    require(
        twins == ["aa", "a"],
        f"“a a a” becomes “aa a”: from the left, and no piece is used twice. It gave “{' '.join(twins)}”.",
    )
    last = list(answer(["b", "a", "b"], ("x", "y")))
    require(
        last == ["b", "a", "b"],
        "A word without the pair should stay as it is; is the last piece lost?",
    )
    return "pairs are merged from the left, and nothing is lost."


@exercise(NOTEBOOK, "3.2")
def causal(answer: Callable[[Tensor], Tensor]) -> str:
    """``answer(scores)``: scores (time, time) → attention weights in which no row looks to the right."""
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.5, -0.5, 0.0]])
    before = scores.clone()
    weights = answer(scores.clone())
    require(
        isinstance(weights, Tensor) and weights.shape == (3, 3),
        "Give back a matrix of the same shape: a weight for every pair of places.",
    )
    require(
        not torch.isnan(weights).any(),
        "There is a nan: a row in which everything is masked has nothing to average. Each place may see itself.",
    )
    upper = weights.triu(1)
    require(
        not (upper.abs().max() > 1e-6 and weights.tril(-1).abs().max() < 1e-6),
        f"Row 1 gives weight {float(weights[0, 2]):.2f} to word 3, which comes later: the mask is the wrong way round.",
    )
    require(
        upper.abs().max() < 1e-6,
        f"Row 1 gives weight {float(weights[0, 1]):.2f} to word 2, which comes later. Set such scores to −inf.",
    )
    sums = weights.sum(1)
    require(
        not torch.allclose(weights.sum(0), torch.ones(3), atol=1e-5)
        or torch.allclose(sums, torch.ones(3), atol=1e-5),
        "The columns sum to one, not the rows: take the softmax over the last dimension.",
    )
    require(
        torch.allclose(sums, torch.ones(3), atol=1e-5),
        f"The rows sum to {[round(float(x), 2) for x in sums]}: mask before the softmax, not after it.",
    )
    expected = torch.softmax(torch.tensor([0.5, -0.5, 0.0]), 0)
    require(
        torch.allclose(weights[2], expected, atol=1e-5),
        "The last row, which sees everything, is no softmax of its scores.",
    )
    require(torch.equal(before, scores), "The scores that were given were changed: work on a copy.")
    return "rows sum to one, and no word sees its future."


@exercise(NOTEBOOK, "3.3")
def head(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str:
    """``answer(x, query, key, value)``: one causal head; x (time, width), matrices (width, depth) → (time, depth)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 6, generator=generator, dtype=torch.float64)
    matrices = [torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(3)]
    found = answer(x, *matrices)
    require(
        isinstance(found, Tensor) and found.shape == (5, 4),
        f"The output should be (time, depth) = (5, 4); it is {tuple(getattr(found, 'shape', ()))}.",
    )
    query, key, value = (x @ matrix for matrix in matrices)
    hidden = torch.ones(5, 5, dtype=torch.bool).triu(1)

    def head_of(scores: Tensor, masked: bool = True) -> Tensor:
        return (scores.masked_fill(hidden, -math.inf) if masked else scores).softmax(-1)

    scores = query @ key.T
    require(
        not torch.allclose(found, head_of(scores / 2, masked=False) @ value),
        "Every word looks at every other: the mask is missing.",
    )
    require(
        not torch.allclose(found, head_of(scores) @ value),
        "The scores are not divided by the square root of the depth, which is 2 here.",
    )
    require(
        not torch.allclose(found, head_of(scores / 6**0.5) @ value),
        "The scores are divided by the root of the width of x; it is the depth of query and key that counts.",
    )
    require(
        not torch.allclose(found, head_of(key @ query.T / 2) @ value),
        "Queries and keys have changed places: row i of the scores belongs to the query of word i.",
    )
    require(
        not torch.allclose(found, head_of(scores / 2) @ key),
        "The keys are averaged. Weights come from keys, content from values.",
    )
    require(
        torch.allclose(found, head_of(scores / 2) @ value, atol=1e-6),
        "The numbers are not those of one causal head.",
    )
    return "a weighted average of values, the weights from queries and keys."


@exercise(NOTEBOOK, "3.4")
def block(answer: Callable[..., Tensor]) -> str:
    """``answer(x, norm_1, attention, norm_2, mlp)``: the GPT block, one after the other, with residuals."""
    x = torch.tensor([[1.0, 2.0]])

    def call(*parts: Callable[[Tensor], Tensor]) -> Tensor:
        return answer(x.clone(), *parts)

    first = call(lambda v: 2 * v, lambda v: v + 1, lambda v: 3 * v, lambda v: v - 1)
    require(
        isinstance(first, Tensor) and first.shape == x.shape,
        "The block gives back a tensor of the shape of x.",
    )
    middle = x + (2 * x + 1)
    right = middle + (3 * middle - 1)
    require(
        not torch.allclose(first, 3 * (2 * x + 1) - 1),
        "What attention and MLP find should be added to the stream, and x is lost here: x + …",
    )
    require(
        not torch.allclose(first, x + (2 * x + 1) + (3 * x - 1)),
        "Both parts read the same x. That is Falcon's parallel block; GPT's MLP reads what attention has written.",
    )
    require(
        not torch.allclose(first, x + (3 * middle - 1)),
        "The second residual adds to the old x: add the MLP's output to the stream after attention.",
    )
    require(
        not any(
            torch.allclose(first, v)
            for v in (middle + middle - 1, x + (x + 1) + 3 * (2 * x + 1) - 1, 4 * x + 1)
        ),
        "A norm is missing: each part reads a normed copy of the stream.",
    )
    inner = x + 2 * (x + 1)
    require(
        not any(
            torch.allclose(first, v) for v in (3 * (4 * (2 * x + 1) - 1), inner + 3 * (inner - 1))
        ),
        "The norms stand behind the parts. GPT-2 norms what goes in, so that the stream itself stays untouched.",
    )
    require(
        not torch.allclose(first, 6 * (4 * x + 1) - 1),
        "The stream itself is normed: norm a copy for each part, and add the result to the stream as it was.",
    )
    require(
        torch.allclose(first, right),
        f"For the test it should give {right.tolist()}, and it gives {first.tolist()}.",
    )
    return "two steps that each add to the stream, and the stream runs through untouched."


@exercise(NOTEBOOK, "3.5")
def top_p(answer: Callable[[Tensor, float], Tensor]) -> str:
    """``answer(probabilities, share)``: the fewest tokens that reach the share, renormalised; others 0."""
    given = torch.tensor([0.1, 0.5, 0.15, 0.25])
    kept = answer(given.clone(), 0.7)
    require(
        isinstance(kept, Tensor) and kept.shape == given.shape,
        "Give back one probability for each token, in the same order.",
    )
    sizes = int((kept > 0).sum())
    require(
        not (sizes == 2 and not (kept[1] > 0 and kept[3] > 0)),
        "The right number of tokens, at the wrong places: bring them back from the sorted order.",
    )
    require(
        sizes != 1,
        "Only one token is left, with 0.5: the token that crosses the share is kept, too.",
    )
    require(
        sizes != 3,
        "Three tokens are left, and the first two reach 0.75 already: stop at the one that crosses 0.7.",
    )
    require(sizes == 2, f"{sizes} tokens are left; 0.5 and 0.25 reach the share of 0.7.")
    require(
        torch.isclose(kept.sum(), torch.tensor(1.0), atol=1e-5),
        f"What is left sums to {float(kept.sum()):.2f}: divide by the sum, so that it is a distribution again.",
    )
    require(
        torch.allclose(kept, torch.tensor([0, 2 / 3, 0, 1 / 3]), atol=1e-5),
        f"It should be 0, 2/3, 0, 1/3; it is {kept.tolist()}.",
    )
    sure = answer(torch.tensor([0.9, 0.06, 0.04]), 0.5)
    require(
        int((sure > 0).sum()) == 1,
        "With a share of 0.5 and a token of 0.9, one token is left: never none, never two.",
    )
    return "where the model is sure few tokens are left, where it is not, many."


@exercise(NOTEBOOK, "3.6")
def parameters(answer: Callable[[int, int, int, int], int]) -> str:
    """``answer(vocabulary, context, width, layers)``: all parameters of a GPT-2 with these sizes."""
    small = int(answer(50_257, 1_024, 768, 12))
    right = 124_439_808
    require(
        small != right + 50_257 * 768,
        "The last layer is counted, and it is the embedding used once more: nothing is added.",
    )
    require(
        small != right - 1_024 * 768,
        "The vectors of the positions are missing: context times width.",
    )
    require(small != right - 2 * 768, "The norm after the last layer is missing: twice the width.")
    require(
        small != right - 12 * 13 * 768 - 2 * 768,
        "Matrices alone: the biases and norms are still missing.",
    )
    require(
        small != right - 12 * 9 * 768,
        "The biases of the linear layers are missing: 3 + 1 + 4 + 1 widths a layer.",
    )
    require(
        small != right - 12 * 4 * 768 - 2 * 768,
        "The norms are missing: two a layer and one at the end, each twice the width.",
    )
    require(
        small != right - 12 * 8 * 768**2,
        "The MLP is missing: it goes to four times the width and back.",
    )
    require(
        small == right,
        f"GPT-2's smallest has {right:,} parameters; your count is {small:,}, off by {small - right:+,}.",
    )
    large = int(answer(50_257, 1_024, 1_600, 48))
    require(
        large == 1_557_611_200,
        f"The smallest fits, the largest (1,557,611,200) does not: {large:,}. Is a 12 or 768 written in?",
    )
    return "nearly everything grows with layers times the square of the width."
