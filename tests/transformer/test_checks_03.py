"""The exercises of notebook 03: typical mistakes get their own diagnosis."""

import math
from collections.abc import Callable

import pytest
import torch
from exercise_tests import mistakes_are_diagnosed
from torch import Tensor

from course_lib.transformer import checks


def merge(pieces: list, pair: tuple, step: int = 2, most: int = 99) -> list:
    merged, place = [], 0
    while place < len(pieces):
        if tuple(pieces[place : place + 2]) == pair and most:
            merged.append("".join(pair))
            place, most = place + step, most - 1
        else:
            merged.append(pieces[place])
            place += 1
    return merged


def causal(scores: Tensor, diagonal: int = 1) -> Tensor:
    hidden = torch.ones_like(scores, dtype=torch.bool).triu(diagonal)
    return scores.masked_fill(hidden, -math.inf).softmax(-1)


def head(x: Tensor, query: Tensor, key: Tensor, value: Tensor, root: float | None = None) -> Tensor:
    scores = (x @ query) @ (x @ key).T / (root or query.shape[1] ** 0.5)
    return causal(scores) @ (x @ value)


def block(x, norm_1, attention, norm_2, mlp):
    x = x + attention(norm_1(x))
    return x + mlp(norm_2(x))


def top_p(probs: Tensor, p: float, reach: float = 0.0, norm: bool = True) -> Tensor:
    ordered, order = probs.sort(descending=True)
    out = ordered.cumsum(0) - ordered >= p + reach
    kept = torch.zeros_like(probs).scatter(0, order, ordered.masked_fill(out, 0.0))
    return kept / kept.sum() if norm else kept


def unsorted(probs: Tensor, p: float) -> Tensor:
    return top_p(probs.sort(descending=True).values, p)


def write(scores, ids: list, number: int, heat: float, give: int = 0) -> list:
    for _ in range(number):
        ids = [*ids, int(torch.multinomial((scores(ids) / heat).softmax(-1), 1))]
    return ids[give:]


def parameters(vocabulary: int, context: int, width: int, layers: int) -> int:
    return vocabulary * width + context * width + layers * (12 * width**2 + 13 * width) + 2 * width


MISTAKES = {
    "merge": [
        (lambda p, q: list(p), "Nothing was merged"),
        (lambda p, q: merge(p, q, most=1), "Only the first"),
        (lambda p, q: merge(p, q, step=1), "go on two places"),
        (lambda p, q: merge(p, q) if "w" in p else ["aa", "aa"], "no piece is used twice"),
    ],
    "causal": [
        (lambda s: s.softmax(-1), "comes later: set such scores"),
        (lambda s: causal(s.T).T, "way round"),
        (lambda s: causal(s, 0), "nan"),
        (lambda s: s.softmax(-1).tril(), "before the softmax"),
        (lambda s: causal(s) if s.ndim == 2 else s.softmax(-1), "a stack of tables"),
    ],
    "head": [
        (lambda x, q, k, v: ((x @ q) @ (x @ k).T / 2).softmax(-1) @ (x @ v), "mask is missing"),
        (lambda x, q, k, v: head(x, q, k, v, root=1.0), "not divided"),
        (lambda x, q, k, v: head(x, q, k, v, root=6**0.5), "root of the width"),
        (lambda x, q, k, v: head(x, k, q, v), "changed places"),
        (lambda x, q, k, v: head(x, q, k, k), "keys are averaged"),
        (lambda x, q, k, v: x, "(5, 4)"),
    ],
    "block": [
        (lambda x, n, a, m, f: f(m(a(n(x)))), "x is lost"),
        (lambda x, n, a, m, f: x + a(n(x)) + f(m(x)), "Falcon's parallel block"),
        (lambda x, n, a, m, f: x + f(m(x + a(n(x)))), "second residual"),
        (lambda x, n, a, m, f: (x + a(n(x))) + f(x + a(n(x))), "norm is missing"),
        (lambda x, n, a, m, f: (x + a(x)) + f(x + a(x)), "norm is missing"),
        (lambda x, n, a, m, f: m((y := n(x + a(x))) + f(y)), "stand behind"),
        (lambda x, n, a, m, f: (y := x + n(a(x))) + m(f(y)), "stand behind"),
        (lambda x, n, a, m, f: (z := m((y := n(x)) + a(y))) + f(z), "itself is normed"),
    ],
    "write": [
        (lambda s, i, n, t: write(lambda _: s(i), i, n, t), "the same text each time"),
        (lambda s, i, n, t: write(s, i, n, t, give=len(i)), "Only the new tokens"),
        (lambda s, i, n, t: write(s, i, n, 1e-9), "always takes the likeliest"),
        (lambda s, i, n, t: write(s, i, n, 1 / t), "divide the scores"),
    ],
    "rms_norm": [
        (lambda x, w: x / x.pow(2).mean(-1, keepdim=True).sqrt(), "weight is missing"),
        (lambda x, w: w * x / x.pow(2).mean(-1, keepdim=True).sqrt(), "gives nan"),
    ],
    "gated_mlp": [(lambda x, g, u, d: d(g(x) * u(x)), "not bent")],
    "top_p": [
        (lambda p, s: top_p(p, s, reach=-0.3), "crosses p is kept"),
        (lambda p, s: top_p(p, s, reach=0.2), "Three tokens are left"),
        (lambda p, s: top_p(p, s, norm=False), "divide by the sum"),
        (unsorted, "wrong places"),
    ],
    "parameters": [
        (lambda v, c, w, n: parameters(v, c, w, n) + v * w, "used once more"),
        (lambda v, c, w, n: parameters(v, c, w, n) - c * w, "positions are missing"),
        (lambda v, c, w, n: parameters(v, c, w, n) - n * 8 * w * w, "MLP is missing"),
        (lambda v, c, w, n: parameters(v, c, w, 12), "written in"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)


def wrong_head(where: str) -> Callable:
    """A head that goes wrong at one place, and whose numbers are no typical mistake's."""

    def head(x: Tensor, q_proj: Tensor, k_proj: Tensor, v_proj: Tensor) -> Tensor:
        q, k, v = x @ q_proj, x @ (3 * k_proj if where == "keys" else k_proj), x @ v_proj
        table = q @ k.T / (3 if where == "scores" else 2)
        table = table.masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf)
        mixed = table.softmax(-1) ** (2 if where == "weights" else 1)
        return mixed @ v * (2 if where == "result" else 1)

    return head


@pytest.mark.parametrize("where", ["keys", "scores", "weights", "result"])
def test_the_first_wrong_tensor_is_named_whatever_the_variables_are_called(
    where: str, fresh_home
) -> None:
    result = checks.head(wrong_head(where))
    assert result.status == "Look again", result
    assert f"The first tensor that is wrong is the {where}: row 0 is [" in result.message


def test_the_first_wrong_tensor_of_a_block_and_of_a_gate(fresh_home) -> None:
    def block(x: Tensor, norm_1: Callable, attention: Callable, norm_2: Callable, mlp: Callable):
        h = x + attention(norm_1(x)) * 7
        return h + mlp(norm_2(h))

    def gated(x: Tensor, gate_proj: Callable, up_proj: Callable, down_proj: Callable) -> Tensor:
        one, other = gate_proj(x), up_proj(x)
        bent = torch.nn.functional.gelu(one)
        return down_proj(bent * other)

    said = checks.block(block).message
    assert "wrong tensor is the second norm: it gets [[22.0, 37.0]], not [[4.0, 7.0]]." in said
    assert "wrong tensor is the down_proj: it gets [[" in checks.gated_mlp(gated).message
