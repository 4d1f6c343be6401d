"""The suffix search does what its slow, literal version does, and only with its own models."""

import importlib.util
import math
import sys

import pytest
import torch
from tiny_assistant import tiny_assistant
from tokenizers import models

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.security.suffix import SURE, Hunt, search
from course_lib.security.target import Target, answer, keeper
from course_lib.transformer.bpe import CHARACTER
from course_lib.transformer.chat import read_talk

SPEC = importlib.util.spec_from_file_location("plain", REPOSITORY / "benchmarks" / "security.py")
PLAIN = importlib.util.module_from_spec(SPEC)
sys.modules["plain"] = PLAIN
SPEC.loader.exec_module(PLAIN)

ALLOWED = torch.arange(97, 123)  # the letters, which are tokens of a byte each
TURNS = keeper("What is it?", "pear")


def tiny(seed: int) -> Target:
    """A model with large random weights, so that its likeliest tokens differ."""
    model, tokenizer = tiny_assistant(seed)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return Target("tiny", model.requires_grad_(False), tokenizer)


def start(hunt: Hunt, seed: int) -> torch.Tensor:
    return hunt.draw(6, torch.Generator().manual_seed(seed))


def before(hunt: Hunt) -> list[int]:
    return read_talk(hunt.tokenizer, TURNS)[: hunt.prefix.get_seq_length()]


@pytest.mark.parametrize("seed", range(5))
def test_gradient_candidates_and_losses_are_those_of_the_literal_version(seed: int) -> None:
    hunt = Hunt(tiny(seed), TURNS, "pear", ALLOWED)
    ids, generator = start(hunt, seed), torch.Generator().manual_seed(seed)
    for number in (8, 8, 5):  # the cache is used again, and made anew for another size
        slope = PLAIN.plain_gradient(hunt, before(hunt), ids.tolist())[:, ALLOWED]
        scores = hunt.gradient(ids)
        assert torch.allclose(scores, slope, rtol=1e-4, atol=1e-5)
        best, literal = (s.topk(4, largest=False).indices for s in (scores, slope))
        assert (best.sort().values == literal.sort().values).all()
        some = hunt.candidates(ids, ALLOWED[best], number, generator)
        assert some.shape == (number, 6) and ((some != ids).sum(1) <= 1).all()
        changed = some != ids
        allowed = (some[:, :, None] == ALLOWED[best]).any(2)
        assert (allowed | ~changed).all()
        loss, said = hunt.losses(some)
        literal = [PLAIN.plain_loss(hunt, before(hunt), row) for row in some.tolist()]
        assert torch.allclose(loss, torch.tensor(literal), rtol=1e-4, atol=1e-5)
        assert not said.any()
        ids = some[int(loss.argmin())]


def test_the_fluent_variant_weighs_the_suffix_itself() -> None:
    target = tiny(0)
    plain, fluent = (Hunt(target, TURNS, "pear", ALLOWED, weight) for weight in (0.0, 0.5))
    ids = start(plain, 0)
    row = torch.tensor([[*before(plain), *ids]])
    logs = target.model(row).logits[0, -len(ids) - 1 : -1].log_softmax(-1)
    surprise = -logs.gather(1, ids[:, None]).mean()
    wanted = plain.losses(ids[None])[0] + 0.5 * surprise
    assert torch.allclose(fluent.losses(ids[None])[0], wanted, atol=1e-4)
    table = target.model.get_input_embeddings().weight  # its slope, by small steps along a row
    scores, place, step = fluent.gradient(ids), 2, 1e-2

    def loss(towards: int, share: float) -> torch.Tensor:
        rows = table[row[0]].clone()
        rows[-len(ids) + place] += share * table[towards]
        given = torch.cat([rows, table[fluent.rest]])[None]
        logits = target.model(inputs_embeds=given).logits[0].log_softmax(-1)
        told = -logits[-len(fluent.goal) :].gather(1, fluent.goal[:, None]).mean()
        own = logits[row.shape[1] - len(ids) - 1 : row.shape[1] - 1]
        hits = own.gather(1, ids[:, None]).sum() + share * own[place, towards]
        return told - 0.5 * hits / len(ids)

    for towards in (97, 110, 122):
        slope = (loss(towards, step) - loss(towards, -step)) / (2 * step)
        assert float(scores[place, towards - 97]) == pytest.approx(float(slope), rel=0.05, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_a_search_ends_where_the_model_says_the_goal(seed: int) -> None:
    target = tiny(seed)
    hunt = Hunt(target, TURNS, "q", ALLOWED)
    found = search(hunt, "gradient", 30, 16, 8, 6, seed)
    again = search(hunt, "gradient", 30, 16, 8, 6, seed)
    blind = search(hunt, "random", 6, 16, 8, 6, seed)
    assert found == again and found.passes == 19 * len(found.losses)
    assert blind.passes == 16 * len(blind.losses) and blind.losses == sorted(blind.losses)[::-1]
    turns = keeper(TURNS[1]["content"] + found.text, "pear")
    reply = answer(target, [turns], 1)[0]
    assert reply == "q" or not found.said
    assert found.said == (found.losses[-1] < -math.log(SURE))


def test_what_would_be_other_tokens_as_text_is_left_out() -> None:
    target = tiny(0)
    letters = {letter: byte for byte, letter in CHARACTER.items() if byte < 255} | {"ab": 255}
    letters |= {"<|im_end|>": 256, "<|im_start|>": 257}
    target.tokenizer._tokenizer.model = models.BPE(letters, [("a", "b")])
    hunt = Hunt(target, TURNS, "q", torch.tensor([97, 98, 99]))
    a, b, c = 97, 98, 99
    assert hunt.survives([c, a, c]) and not hunt.survives([a, b, c])
    ids, every = torch.tensor([a, c, b, c]), torch.tensor([[97, 98, 99]] * 4)
    for row in hunt.candidates(ids, every, 40, torch.Generator().manual_seed(0)).tolist():
        text = hunt.tokenizer.decode(row)
        assert "ab" not in text and hunt.tokenizer(text).input_ids == row
    assert "ab" not in hunt.tokenizer.decode(hunt.draw(8, torch.Generator().manual_seed(1)))


def test_only_models_that_the_course_loaded_are_attacked() -> None:
    with pytest.raises(CourseError, match="load_target"):
        Hunt("https://example.com/v1", TURNS, "q", ALLOWED)
