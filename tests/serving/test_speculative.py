"""What is drafted and verified is what the model writes: token by token, and in distribution."""

import itertools
import math

import pytest
import torch
from tiny_assistant import random_llama

from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.serving import speculative
from course_lib.serving.speculative import lookup_draft, ngram_draft, speculative_generate
from course_lib.transformer.sampling import SamplingParams, distribution


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_what_generate_writes(seed: int) -> None:
    """With drafts that are right, wrong and missing; up to the end, the limit and the context."""
    model = random_llama(40, seed, 0.5, eos_token_id=7, max_position_embeddings=80)
    prompt, options = [3, 4, 5], dict(do_sample=False, pad_token_id=7)
    whole = model.generate(torch.tensor([prompt]), max_new_tokens=77, **options)[0].tolist()
    expected = [token for token in whole[3:] if token != 7]
    oracle, other = KneserNey([whole], 4), KneserNey([whole[::2]], 3)
    drafts = {"right": ngram_draft(oracle), "wrong": ngram_draft(other), "own": lookup_draft}
    for name, draft in {**drafts, "none": lambda tokens: {}}.items():
        tokens, facts = speculative_generate(model, prompt, draft, 100)
        assert tokens == expected, name
        assert facts["accepted"] <= facts["drafted"]
        if name == "none":
            calls = len(expected) + (7 in whole[3:])
            assert facts == {"calls": calls, "drafted": 0, "accepted": 0}
        if name == "right":
            assert facts["accepted"] or len(expected) < 4
        assert speculative_generate(model, prompt, draft, 5)[0] == expected[:5]


def every_outcome(run, monkeypatch) -> dict[tuple, float]:
    """All ways that chance could go: what ``run`` returns, and its exact probability."""
    found, open_ways = {}, [[]]
    while open_ways:
        way, place, weight = open_ways.pop(), itertools.count(), [1.0]

        def choose(probs, generator, way=way, place=place, weight=weight):
            if (here := next(place)) == len(way):
                likely = [n for n, p in enumerate(probs.tolist()) if p > 0]
                open_ways.extend([*way, n] for n in likely[1:])
                way.append(likely[0])
            weight[0] *= float(probs[way[here]] / probs.sum())
            return way[here]

        monkeypatch.setattr(speculative, "choose", choose)
        key = tuple(run())
        found[key] = found.get(key, 0.0) + weight[0]
    return found


@pytest.mark.parametrize(
    "params", [SamplingParams(), SamplingParams(0.7, 3, repetition_penalty=1.3)]
)
@pytest.mark.parametrize("seed", range(2))
def test_the_distribution_is_exact(seed: int, params: SamplingParams, monkeypatch) -> None:
    """Three tokens of a vocabulary of four, enumerated: all chances of draft and rule."""
    model, prompt = random_llama(4, seed, 0.5), [1, 2]
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(4, 4, generator=generator) ** 3
    weights[2, 1] = 0  # what is never drafted must still be written as often as it should
    weights[3] = 0  # after this one nothing is drafted

    def draft(tokens):
        return {n: w for n, w in enumerate(weights[tokens[-1]].tolist()) if w}

    def run():
        return speculative_generate(model, prompt, draft, 3, params, num_drafts=2)[0]

    found = every_outcome(run, monkeypatch)
    for text in itertools.product(range(4), repeat=3):
        expected = 1.0
        for place, token in enumerate(text):
            seen = torch.tensor([text[:place]], dtype=torch.long)
            with torch.no_grad():
                scores = model(torch.tensor([[*prompt, *text[:place]]])).logits[:, -1]
            expected *= float(distribution(scores, params, seen)[0, token])
        assert found.get(text, 0.0) == pytest.approx(expected, abs=1e-6)
    assert math.isclose(sum(found.values()), 1, abs_tol=1e-6)


def test_the_seed_decides_and_mistakes_are_told() -> None:
    model, draft = random_llama(40, max_position_embeddings=80), lookup_draft
    one, two, other = (
        speculative_generate(model, [1, 2], draft, 20, SamplingParams(), seed)[0]
        for seed in (1, 1, 2)
    )
    assert one == two != other and len(one) == 20
    for prompt in ([], [1] * 80):
        with pytest.raises(CourseError, match="prompt"):
            speculative_generate(model, prompt, draft)


def test_drafts_take_the_longest_context_that_they_know() -> None:
    draft = ngram_draft(KneserNey([[1, 2, 3, 4], [5, 2, 3, 6], [2, 3, 6]], 3))
    assert set(draft([9, 2, 3])) == {4, 6} and draft([2, 3])[6] > draft([2, 3])[4]
    assert set(draft([9, 3])) == {4, 6} and draft([9]) == {} and draft([4]) == {}
    assert dict(lookup_draft([1, 2, 3, 1, 2, 4, 1, 2, 3, 1, 2])) == {3: 2, 4: 1}
    assert not lookup_draft([1, 2, 3])
