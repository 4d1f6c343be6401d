"""The checks of the exercises in notebook 03."""

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "03_mini_transformer"


def _compare(found: object, right: object, mistakes: Iterable[tuple], otherwise: str) -> None:
    """Say which of the known mistakes (what they give, diagnosis) gives what was found."""

    def same(one: object) -> bool:
        return torch.allclose(found, one, atol=1e-5) if isinstance(one, Tensor) else found == one

    for wrong, diagnosis in mistakes:
        require(not same(wrong), diagnosis)
    require(same(right), otherwise)


def first_wrong(
    answer: Callable, given: Sequence[Any], groups: Sequence[Mapping[str, Tensor]]
) -> str:
    """A sentence on the first tensor that is wrong while ``answer(*given)`` runs; "" if unseen.

    groups   the right tensors by name, in the order in which they are needed; those of a group do
             not need each other. A tensor is passed over where one that needs it is right.

    Whatever their names, all variables of the learner's function are compared, line by line.
    """
    code, seen = getattr(inspect.unwrap(answer), "__code__", None), []

    def look(frame: Any, event: str, value: object) -> Any:
        if frame.f_code is not code:
            return None
        held = [*frame.f_locals.values(), value]
        seen.extend(one.detach().clone() for one in held if isinstance(one, Tensor))
        return look

    def same(one: Tensor, part: Tensor) -> bool:  # what is masked already, with −inf, may be so
        open_ = one.isfinite()
        alike = one.shape == part.shape and bool(open_.any())
        return alike and torch.allclose(one[open_], part[open_], atol=1e-5)

    def there(part: Tensor) -> bool:
        return any(same(one, part) for one in seen)

    before = sys.gettrace()
    sys.settrace(look)
    try:
        answer(*given)
    finally:
        sys.settrace(before)
    reached = max(
        (n for n, group in enumerate(groups) if any(map(there, group.values()))), default=0
    )
    every = [part for group in groups for part in group.values()]
    every += [one for one in given if isinstance(one, Tensor)]
    for group in groups[reached:]:
        for name, part in group.items():
            like = [one for one in seen if one.shape == part.shape]
            like = [one for one in like if not any(same(one, part) for part in every)]
            if not there(part) and like:
                row, right = ([round(n, 2) for n in one[0].tolist()] for one in (like[0], part))
                return (
                    f" The first tensor that is wrong is the {name}: row 0 is {row}, not {right}."
                )
    return ""


def _first_wrong_input(answer: Callable, x: Tensor, parts: Mapping[str, tuple]) -> str:
    """Of the functions that the answer is given, in order: (function, what should go into it)."""
    got: dict[str, Tensor] = {}
    functions = [lambda v, n=n, f=f: got.update({n: v}) or f(v) for n, (f, _) in parts.items()]
    answer(x, *functions)
    for name, (_, right) in parts.items():
        if name not in got:
            return f" The {name} is not used."
        if not torch.allclose(got[name], right, atol=1e-5):
            into = f"it gets {got[name].tolist()}, not {right.tolist()}"
            return f" The first part that gets a wrong tensor is the {name}: {into}."
    return ""


def _shape(found: object, shape: tuple[int, ...]) -> None:
    it_is = tuple(getattr(found, "shape", ()))
    require(it_is == shape, f"Give back a tensor of the shape {shape}; it is {it_is}.")


@exercise(NOTEBOOK, "3.1")
def merge(answer: Callable[[Sequence[str], tuple[str, str]], list[str]]) -> str:
    """``answer(tokens, pair)``: the tokens with every occurrence of the pair made one."""
    low = list(answer(list("lowlot"), ("l", "o")))
    mistakes = [
        (list("lowlot"), "Nothing was merged: does it compare two neighbours together?"),
        (["lo", *"wlot"], "Only the first “l o” was merged: go on to the end of the word."),
        (["lo", *"ow", "lo", *"ot"], "An “o” is there twice: after a merge go on two places."),
    ]
    other = f"“l o w l o t” should become “lo w lo t”; it is “{' '.join(low)}”."
    _compare(low, ["lo", "w", "lo", "t"], mistakes, other)
    twins = list(answer(["a", "a", "a"], ("a", "a")))
    twice = f"“a a a” becomes “aa a”: no piece is used twice. It gave “{' '.join(twins)}”."
    require(twins == ["aa", "a"], twice)
    lost = "A word without the pair stays as it is; is its last piece lost?"
    require(list(answer(["b", "a", "b"], ("x", "y"))) == ["b", "a", "b"], lost)
    return "pairs are merged from the left, and nothing is lost."


@exercise(NOTEBOOK, "3.2")
def causal(answer: Callable[[Tensor], Tensor]) -> str:
    """``answer(scores)``: scores (time, time) → weights; no row looks to the right."""
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.5, -0.5, 0.0]])
    before = scores.clone()
    weights = answer(scores)
    _shape(weights, (3, 3))
    nan = "There is a nan: a row that is masked whole has nothing to average."
    require(not weights.isnan().any(), f"{nan} Each place sees itself.")
    future = weights.triu(1).abs().max() > 1e-6
    sees = f"Row 1 gives weight {float(weights[0, 1]):.2f} to word 2, which comes later: "
    backwards = future and weights.tril(-1).abs().max() < 1e-6
    require(not backwards, sees + "the mask is the wrong way round.")
    require(not future, sees + "set such scores to −inf.")
    masked = before.masked_fill(torch.ones(3, 3).triu(1).bool(), -math.inf)
    mistakes = [
        (before.softmax(1).tril(), "The rows no longer sum to one: mask before the softmax."),
        (masked.softmax(0), "The columns sum to one: take the softmax over the last dimension."),
    ]
    _compare(weights, masked.softmax(1), mistakes, "It is no softmax of what each row may see.")
    require(torch.equal(before, scores), "The scores that were given were changed: work on a copy.")
    stack = "One table is right, a stack of tables (2, 3, 3) is not: use the last two dimensions."
    found = answer(torch.stack([before, 2 * before]))
    _shape(found, (2, 3, 3))
    _compare(found, torch.stack([masked, 2 * masked]).softmax(-1), [], stack)
    return "rows sum to one, and no word sees its future."


@exercise(NOTEBOOK, "3.3")
def head(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str:
    """``answer(x, q_proj, k_proj, v_proj)``: one causal head.

    x (time, d_model), matrices (d_model, head_dim) → (time, head_dim)
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 6, generator=generator)
    matrices = torch.randn(3, 6, 4, generator=generator)
    found = answer(x, *matrices)
    _shape(found, (5, 4))
    query, key, value = (x @ matrix for matrix in matrices)
    scores = query @ key.T
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)

    def weights(scores: Tensor) -> Tensor:
        return scores.masked_fill(later, -math.inf).softmax(-1)

    root = "The scores are not divided by the square root of head_dim, which is 2 here."
    width = "The scores are divided by the root of the width of x; head_dim is what counts."
    swapped = "Queries and keys have changed places: row i of the scores belongs to query i."
    mistakes = [
        ((scores / 2).softmax(-1) @ value, "Every word looks at every other: the mask is missing."),
        (weights(scores) @ value, root),
        (weights(scores / 6**0.5) @ value, width),
        (weights(scores.T / 2) @ value, swapped),
        (weights(scores / 2) @ key, "The keys are averaged. Content comes from the values."),
    ]
    right = weights(scores / 2) @ value
    other = "The numbers are not those of one causal head."
    if not torch.allclose(found, right, atol=1e-5):
        parts = {"scores": scores / 2}, {"weights": weights(scores / 2)}, {"result": right}
        projected = {"queries": query, "keys": key, "values": value}
        other += first_wrong(answer, (x, *matrices), (projected, *parts))
    _compare(found, right, mistakes, other)
    return "a weighted average of values, the weights from queries and keys."


@exercise(NOTEBOOK, "3.4")
def block(answer: Callable[..., Tensor]) -> str:
    """``answer(x, norm_1, attention, norm_2, mlp)``: the GPT block with its residuals."""
    x = torch.tensor([[1.0, 2.0]])
    # norms and parts are chosen so that each mistake gives numbers of its own
    found = answer(x.clone(), lambda v: 2 * v, lambda v: v + 1, lambda v: 3 * v, lambda v: v - 1)
    _shape(found, (1, 2))
    middle, inner = x + (2 * x + 1), x + 2 * (x + 1)
    lost = "Both results are added to the stream, and x is lost here: x + …"
    parallel = "Both parts read the same x: that is Falcon's parallel block."
    no_norm = "A norm is missing: each part reads a normed copy of the stream."
    behind = "The norms stand behind the parts: norm what goes in, and leave the stream untouched."
    normed = "The stream itself is normed: norm a copy, add to the stream as it was."
    mistakes = [
        (3 * (2 * x + 1) - 1, lost),
        (x + (2 * x + 1) + (3 * x - 1), parallel),
        (x + (3 * middle - 1), "The second residual adds to the old x: add to the new stream."),
        (middle + middle - 1, no_norm),
        (x + (x + 1) + 3 * (2 * x + 1) - 1, no_norm),
        (4 * x + 1, no_norm),
        (3 * (4 * (2 * x + 1) - 1), behind),
        (inner + 3 * (inner - 1), behind),
        (6 * (4 * x + 1) - 1, normed),
    ]
    right = middle + (3 * middle - 1)
    gives = f"For the test it should give {right.tolist()}, and it gives {found.tolist()}."
    if not torch.equal(found, right):
        parts = {"first norm": (lambda v: 2 * v, x), "attention": (lambda v: v + 1, 2 * x)}
        parts["second norm"] = (lambda v: 3 * v, middle)
        parts["MLP"] = (lambda v: v - 1, 3 * middle)
        gives += _first_wrong_input(answer, x.clone(), parts)
    _compare(found, right, mistakes, gives)
    return "two steps that each add to the stream, and the stream runs through untouched."


@exercise(NOTEBOOK, "3.5")
def write(answer: Callable[[Callable, list[int], int, float], list[int]]) -> str:
    """``answer(next_scores, ids, number, temperature)``: ids with ``number`` drawn ones more."""
    read = []

    def after(ids: list[int]) -> Tensor:  # surely the number after the last one
        read.append(len(ids))
        return torch.full((9,), -math.inf).scatter(0, torch.tensor((ids[-1] + 1) % 9), 0.0)

    ids = list(answer(after, [3, 4], 3, 1.0))
    old = "The model was given the same text each time: let it read what was just written, too."
    require(len(set(read)) > 1, old)
    require(
        len(ids) != 3, "Only the new tokens came back: give the whole text, the given ones first."
    )
    other = f"From 3, 4 a model that counts should go on with 5, 6, 7; it gave {ids}."
    require(ids == [3, 4, 5, 6, 7], other)

    def drawn(temperature: float) -> list[int]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return list(answer(lambda _: torch.tensor([1.0, 1.2, 0.0]), [0], 60, temperature))[1:]

    cold, hot = drawn(0.01), drawn(100.0)
    greedy = "It always takes the likeliest token: draw one, in proportion to its probability."
    require(len({*cold, *hot}) > 1, greedy)
    divide = "At a temperature near 0 the likeliest comes nearly always, at a high one all come: "
    require(cold.count(1) > 58 and set(hot) == {0, 1, 2}, divide + "divide the scores by it.")
    return "scores, temperature, softmax, draw, append: that is how every chat model writes."


@exercise(NOTEBOOK, "3.6")
def rms_norm(answer: Callable[..., Tensor]) -> str:
    """``answer(x, weight)``: each vector divided by the root of its mean square."""
    x, weight = torch.tensor([[3.0, 4.0], [10.0, 20.0]]), torch.tensor([1.0, 2.0])
    found, square = answer(x, weight), x.pow(2)
    _shape(found, (2, 2))
    mean, layer = square.mean(-1, keepdim=True), torch.nn.functional.layer_norm(x, (2,))
    mistakes = [
        (x / mean.sqrt(), "The learned weight is missing: multiply by it."),
        (weight * x / square.mean().sqrt(), "All rows share one mean: take it over the last one."),
        (
            weight * x / mean,
            "The root is missing: the mean square of (3, 4) is 12.5, divide by 3.54.",
        ),
        (
            weight * x / (2 * mean).sqrt(),
            "That is the root of the sum: take the mean of the squares.",
        ),
        (weight * layer, "The mean was taken away: that is LayerNorm. Only divide."),
    ]
    first = [round(value, 2) for value in found[0].tolist()]
    other = f"(3, 4) with the weights (1, 2) should give (0.85, 2.26); it gave {first}."
    _compare(found, weight * x / mean.sqrt(), mistakes, other)
    zeros = answer(torch.zeros(2), weight)
    require(
        not zeros.isnan().any(), "A vector of zeros gives nan: add eps before you take the root."
    )
    return "no mean is taken away, and the length no longer matters."


@exercise(NOTEBOOK, "3.7")
def gated_mlp(answer: Callable[..., Tensor]) -> str:
    """``answer(x, gate_proj, up_proj, down_proj)``: SwiGLU."""
    x, silu = torch.tensor([[1.0, -2.0]]), torch.nn.functional.silu
    found = answer(x, lambda v: 2 * v, lambda v: v + 3, lambda v: 5 * v)
    _shape(found, (1, 2))
    mistakes = [
        (5 * (2 * x) * (x + 3), "The gate is not bent: silu(gate_proj(x))."),
        (5 * 2 * x * silu(x + 3), "SiLU bends the gate, and the other way up stays straight."),
        (5 * (silu(2 * x) + (x + 3)), "The two are added: multiply them."),
        (silu(2 * x) * (x + 3), "The way down is missing: down_proj(…)."),
        (5 * torch.sigmoid(2 * x) * (x + 3), "That is the sigmoid. SiLU is x times it."),
    ]
    gives = f"For the test it should not give {found.tolist()}: down(silu(gate) · up)."
    right = 5 * silu(2 * x) * (x + 3)
    if not torch.allclose(found, right, atol=1e-5):
        parts = {"gate_proj": (lambda v: 2 * v, x), "up_proj": (lambda v: v + 3, x)}
        parts["down_proj"] = (lambda v: 5 * v, silu(2 * x) * (x + 3))
        gives += _first_wrong_input(answer, x, parts)
    _compare(found, right, mistakes, gives)
    return "one way up says how much of the other may pass."


@exercise(NOTEBOOK, "3.8")
def top_p(answer: Callable[[Tensor, float], Tensor]) -> str:
    """``answer(probs, p)``: the fewest tokens that reach ``p``, renormalised; others 0."""
    kept = answer(torch.tensor([0.1, 0.5, 0.15, 0.25]), 0.7)
    _shape(kept, (4,))
    count = int((kept > 0).sum())
    require(count != 1, "Only the token with 0.5 is left: the one that crosses p is kept, too.")
    three = "Three tokens are left, and the first two reach 0.75: stop at the one that crosses 0.7."
    require(count != 3, three)
    require(count == 2, f"{count} tokens are left; 0.5 and 0.25 reach 0.7.")
    places = "Two tokens, as it should be, at the wrong places: undo the sorting."
    require(kept[1] > 0 and kept[3] > 0, places)
    mistakes = [(torch.tensor([0, 0.5, 0, 0.25]), "What is left sums to 0.75: divide by the sum.")]
    other = f"It should be 0, 2/3, 0, 1/3; it is {kept.tolist()}."
    _compare(kept, torch.tensor([0, 2 / 3, 0, 1 / 3]), mistakes, other)
    sure = int((answer(torch.tensor([0.9, 0.06, 0.04]), 0.5) > 0).sum())
    require(sure == 1, "With p = 0.5 and a token of 0.9, one token is left: never none, never two.")
    return "where the model is sure few tokens are left, where it is not, many."


@exercise(NOTEBOOK, "3.9")
def parameters(answer: Callable[[int, int, int, int], int]) -> str:
    """``answer(vocab_size, block_size, d_model, n_layers)``: all parameters of such a GPT-2."""
    small, right, d_model = int(answer(50_257, 1_024, 768, 12)), 124_439_808, 768
    mistakes = [
        (50_257, "The last layer is counted, and it is the embedding used once more."),
        (-1_024, "The vectors of the positions are missing: block_size times d_model."),
        (-2, "The norm after the last layer is missing: twice d_model."),
        (-12 * 13 - 2, "Matrices alone: the biases and norms are still missing."),
        (-12 * 9, "The biases of the linear layers are missing: 3 + 1 + 4 + 1 d_model a layer."),
        (-12 * 4 - 2, "The norms are missing: two a layer, one at the end, two vectors each."),
        (-12 * 8 * d_model, "The MLP is missing: it goes to four times d_model and back."),
    ]
    known = [(right + off * d_model, diagnosis) for off, diagnosis in mistakes]
    other = f"GPT-2's smallest has {right:,} parameters; your count is {small:,}."
    _compare(small, right, known, other)
    large = int(answer(50_257, 1_024, 1_600, 48))
    written = f"The smallest fits, the largest (1,557,611,200) gives {large:,}. Is a 12 written in?"
    require(large == 1_557_611_200, written)
    return "nearly everything grows with layers times the square of the width."
