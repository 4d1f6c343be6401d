"""Attribution against loops, all attacks on the small gatekeeper, the exercises of 09b."""

import math
from itertools import combinations

import pytest
import torch
from exercise_tests import mistakes_are_diagnosed
from tiny_assistant import random_llama
from transformers import AutoTokenizer, LlamaForCausalLM

from course_lib.security import attribution, checks
from course_lib.security import surface as small


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    return random_llama(50, std=0.4, num_hidden_layers=3)


def parts(model: LlamaForCausalLM) -> tuple:
    table = model.get_input_embeddings().weight.detach()
    return attribution.next_token(model, 7), table[torch.tensor([[3, 14, 15, 9]])], table.mean(0)


def test_occlusion_covers_one_token_after_the_other(model: LlamaForCausalLM) -> None:
    score, embeds, baseline = parts(model)
    found = attribution.occlusion(score, embeds, baseline)
    with torch.no_grad():
        whole = model(inputs_embeds=embeds).logits[0, -1].log_softmax(-1)[7]
        for place in range(4):
            covered = embeds.clone()
            covered[0, place] = baseline
            alone = model(inputs_embeds=covered).logits[0, -1].log_softmax(-1)[7]
            assert found[place] == pytest.approx(float(whole - alone), abs=1e-4)


def test_integrated_gradients_are_complete(model: LlamaForCausalLM) -> None:
    score, embeds, baseline = parts(model)
    debts = []
    for steps in (2, 20, 200):
        found, debt = attribution.integrated_gradients(score, embeds, baseline, steps)
        with torch.no_grad():
            whole = score(embeds) - score(baseline.expand_as(embeds))
        assert float(found.sum()) + debt == pytest.approx(float(whole), abs=1e-3)
        debts.append(abs(debt))
    assert debts[2] < 0.05 and debts[2] < debts[0]


def test_changed_layers_are_changed_and_then_as_before(model: LlamaForCausalLM) -> None:
    ids = torch.tensor([[3, 14, 15, 9]])
    way = torch.nn.functional.normalize(torch.randn(32), dim=0)
    with torch.no_grad():
        before = model(ids).logits
        change = lambda state: state - (state @ way)[..., None] * way  # noqa: E731
        with attribution.changed(model.model.layers, change):
            inside = model(ids, output_hidden_states=True)
        for state in inside.hidden_states[1:-1]:
            assert (state @ way).abs().max() < 1e-4
        assert not torch.allclose(inside.logits, before)
        with pytest.raises(ZeroDivisionError), attribution.changed(model.model.layers, change):
            raise ZeroDivisionError
        assert model(ids).logits.equal(before)


def test_last_states_do_not_depend_on_company(tiny_llama) -> None:
    model = LlamaForCausalLM.from_pretrained(tiny_llama).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}|{% endfor %}"
    talks = [[{"role": "user", "content": text}] for text in ("the table", "the page on the desk")]
    both = attribution.last_states(model, tokenizer, talks)
    assert both.shape == (3, 2, 128)
    for place, talk in enumerate(talks):
        alone = attribution.last_states(model, tokenizer, [talk])
        torch.testing.assert_close(both[:, place], alone[:, 0], rtol=1e-3, atol=1e-3)
    way = attribution.difference(both[:, :1], both[:, 1:])
    assert way[1:].norm(dim=-1).tolist() == pytest.approx([1.0] * 2, abs=1e-4)
    assert ((both[1:, 0] - both[1:, 1]) * way[1:]).sum(-1).min() > 0


# --- All attacks on the small gatekeeper ---
NONE = torch.zeros(1, 0, dtype=torch.long)


@pytest.fixture(scope="module", params=range(5))
def system(request: pytest.FixtureRequest) -> small.System:
    return small.system_of(small.train_gatekeeper(80, seed=request.param))


def test_it_keeps_the_secret_and_serves(system: small.System) -> None:
    assert system(small.prompts(20, small.ASK, NONE)).item() == small.REFUSE
    assert system(small.prompts(small.KEY, small.ASK, NONE)).item() == small.SECRET
    said = system(small.prompts(20, small.REQUESTS, NONE.expand(7, 0)))
    assert said.equal(small.ANSWERS)
    danger = small.surface(system)  # every tail is tried
    assert 0 < danger.float().mean() < 0.3
    for first, second in [*danger.nonzero()[:5].tolist(), [0, 1], [107, 50]]:
        row = [small.BEGIN, 20, small.ASK, first + 20, second + 20, small.GO]
        assert (system(torch.tensor([row])).item() == small.SECRET) == danger[first, second]


def test_the_certificate(system: small.System) -> None:
    """Erasing two words closes every tail of two; erasing one does not have to."""
    assert not small.surface(small.erase_and_check(system, 2)).any()
    one = small.surface(small.erase_and_check(system, 1))
    assert not (one & ~small.surface(system)).any()
    opened = small.prompts(small.KEY, small.ASK, NONE)
    assert small.erase_and_check(system, 0)(opened).item() == small.SECRET


def test_attacks_that_were_trained_on_are_closed() -> None:
    gate = small.train_gatekeeper(80)
    attacks = small.surface(small.system_of(gate)).nonzero()[:20] + 20
    harder = small.system_of(small.train_gatekeeper(30, 1, gate, attacks))
    assert (harder(small.prompts(20, small.ASK, attacks)) == small.SECRET).sum() <= 1


# --- The exercises of 09b ---
def rank(losses, place):
    return 1 + sum(loss < losses[place] for loss in losses)


def limit(others, max_fpr, extra=0):
    return sorted(others, reverse=True)[int(max_fpr * len(others)) + extra]


def left_of(words: list[str], most: int, gaps: bool = False) -> list[list[str]]:
    """The prompt, and what is left when up to ``most`` words are erased, in a row or anywhere."""
    numbers = range(min(most, len(words) - 1) + 1)
    if gaps:
        return [list(kept) for n in numbers for kept in combinations(words, len(words) - n)]
    return [words[:i] + words[i + n :] for n in numbers for i in range(len(words) - n + 1)]


MISTAKES = {
    "exposure": [
        (lambda losses, place: math.log(len(losses) / rank(losses, place)), "natural logarithm"),
        (lambda losses, place: len(losses) / rank(losses, place), "logarithm is missing"),
        (lambda losses, place: math.log2(8 / (rank(losses, place) - 1)), "from 1"),
        (lambda losses, place: math.log2(rank(losses, place)), "divide"),
    ],
    "clip": [
        (lambda g, norm: norm * g / g.norm(dim=1, keepdim=True), "nan"),
        (lambda g, norm: norm * g / g.norm(dim=1, keepdim=True).clamp(min=1e-9), "longer"),
        (lambda g, norm: g.clamp(-norm, norm), "still has length"),
        (lambda g, norm: torch.where(g.norm(dim=1, keepdim=True) > 2, g.clamp(max=1.4), g), "turn"),
        (lambda g, norm: g * (norm / g.norm()).clamp(max=1), "leave it alone"),
        (lambda g, norm: g, "still has length"),
    ],
    "caught_at": [
        (lambda m, o, f: sum(s > limit(o, f) for s in m), "share"),
        (lambda m, o, f: sum(s >= limit(o, f) for s in m) / len(m), "not above"),
        (lambda m, o, f: sum(s > limit(o, f, -1) for s in m) / len(m), "fewer"),
        (lambda m, o, f: sum(s > sorted(o)[int(f * len(o))] for s in m) / len(m), "low end"),
    ],
    "guarded": [
        (lambda refuses, words, n: True, "you refuse all the same"),
        (
            lambda refuses, words, n: any(refuses(s) for s in left_of(words, n) if s != words),
            "as it is, too",
        ),
        (
            lambda refuses, words, n: any(refuses(words[: len(words) - k]) for k in range(3)),
            "empty",
        ),
        (lambda refuses, words, n: any(map(refuses, left_of(words, n, gaps=True))), "side by side"),
        (lambda refuses, words, n: any(map(refuses, left_of(words, 9))), "not more"),
    ],
}
test_mistakes = mistakes_are_diagnosed(checks, MISTAKES)


def test_the_vulnerable_gate_has_not_yet_passed(fresh_home) -> None:
    result = checks.guarded(lambda refuses, words, n: refuses(words))
    assert result.status == "Not yet" and "comes through" in result.message
    for number, tail in ((1, False), (2, True)):  # one word less; at the end alone
        some = checks.guarded(
            lambda refuses, words, n, number=number, tail=tail: any(
                refuses(left)
                for left in left_of(words, number)
                if not tail or left == words[: len(left)]
            )
        )
        assert some.status == "Not yet", some
