"""A conversation: transformers' model and ours give the same answers, alone and in a batch."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    FalconConfig,
    FalconForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from course_lib.errors import CourseError
from course_lib.transformer.chat import FACTS, VERSE, chat
from course_lib.transformer.convert import from_llama
from course_lib.transformer.sampling import GREEDY, SamplingParams
from course_lib.workbook import settings, smollm2
from course_lib.workbook.models import load_model

TEMPLATE = (
    "{% for turn in messages %}<s>{{ turn['role'] }} {{ turn['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant {% endif %}"
)
TALKS = [[{"role": "user", "content": "a b c d " * n + "e"}] for n in (1, 5, 2)]
"""Conversations of different lengths."""


def words() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, with turns and a template."""
    names = ["<s>", "</s>", "?", "user", "assistant", "system", *"abcdefgh"]
    names += [f"w{n}" for n in range(40)]
    backend = Tokenizer(models.WordLevel({name: n for n, name in enumerate(names)}, "?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = dict(bos_token="<s>", eos_token="</s>", pad_token="</s>", unk_token="?")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **marks)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@pytest.fixture(scope="module")
def pair() -> tuple:
    """(theirs, ours, tokenizer): random weights in which some answers end early."""
    torch.manual_seed(5)
    tokenizer, sizes = words(), dict(hidden_size=24, num_attention_heads=4, num_hidden_layers=2)
    config = LlamaConfig(
        **sizes,
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        intermediate_size=50,
        max_position_embeddings=60,
        tie_word_embeddings=True,
    )
    theirs = LlamaForCausalLM(config).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return theirs, from_llama(theirs), tokenizer


@pytest.mark.parametrize("params", [GREEDY, FACTS, VERSE], ids=["greedy", "facts", "verse"])
def test_alone_or_in_a_batch_ours_or_theirs_it_says_the_same(
    pair: tuple, params: SamplingParams
) -> None:
    theirs, ours, tokenizer = pair
    for model in (theirs, ours):
        together = chat(model, tokenizer, TALKS, 12, params, seed=3)
        for row, talk in enumerate(TALKS):
            alone = chat(model, tokenizer, talk, 12, params, seed=3 + row, show=False)
            assert alone == together[row]
    assert together == chat(theirs, tokenizer, TALKS, 12, params, seed=3)
    assert any(together) and "</s>" not in "".join(together)


def test_it_stops_at_the_end_of_the_turn(pair: tuple) -> None:
    """We make the last word of an answer the mark: what stands before it is left."""
    theirs, ours, tokenizer = pair
    said = chat(ours, tokenizer, TALKS[:1], 6, GREEDY)[0].split()
    ending = words()
    ending.eos_token = said[-1]
    for model in (theirs, ours):
        assert chat(model, ending, TALKS[:1], 6, GREEDY)[0].split() == said[: said.index(said[-1])]


@pytest.mark.parametrize("headless", [True, False])
def test_the_answer_is_shown_once(
    pair: tuple, headless: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(settings, "headless", lambda: headless)
    for model in pair[:2]:
        reply = chat(model, pair[2], TALKS[0], 8)
        assert capsys.readouterr().out.split() == reply.split() != []
        chat(model, pair[2], TALKS[0], 8, show=False)
        chat(model, pair[2], TALKS, 8)
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], "needs a role"),
        ([[]], "needs a role"),
        ([{"role": "narrator", "content": "Hello"}], "narrator.*needs a role"),
        ([{"role": "user"}], "needs a role"),
        ([{"role": "user", "content": "a " * 70}], "75 tokens and the model reads 60: shorten"),
    ],
)
def test_what_is_no_conversation_gets_a_sentence(
    pair: tuple, messages: list, sentence: str
) -> None:
    for model in pair[:2]:
        with pytest.raises(CourseError, match=sentence):
            chat(model, pair[2], messages)


def test_an_answer_ends_where_the_context_does(pair: tuple) -> None:
    theirs, ours, tokenizer = pair
    long = [{"role": "user", "content": "a " * 50}]
    given = len(tokenizer.apply_chat_template(long, add_generation_prompt=True)["input_ids"])
    for model in (theirs, ours):
        assert 0 < len(chat(model, tokenizer, long, 30, show=False).split()) <= 60 - given


def test_a_base_model_is_no_partner(pair: tuple) -> None:
    config = FalconConfig(vocab_size=60, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    tokenizer = words()
    tokenizer.chat_template = None
    with pytest.raises(CourseError, match="not taught to answer"):
        chat(FalconForCausalLM(config), tokenizer, TALKS[0])


smol = pytest.mark.skipif(not smollm2.is_ready(), reason="SmolLM2 is not here")
QUESTIONS = (
    "What is the capital of France?",
    "Write two lines about the sea.",
    "Why is the sky blue?",
    "Name three fruits.",
    "When do trains run late?",
)


@smol
@torch.no_grad()
def test_smollm2_in_our_class_writes_what_it_writes_in_theirs() -> None:
    theirs, tokenizer = load_model("smollm2", dtype=torch.float32)
    ours, talks = from_llama(theirs), [[{"role": "user", "content": text}] for text in QUESTIONS]
    ids = torch.tensor([tokenizer(" ".join(QUESTIONS)).input_ids])
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=0)
    found = chat(ours, tokenizer, talks, 40, GREEDY)
    assert found == chat(theirs, tokenizer, talks, 40, GREEDY)
    assert found[3] == chat(theirs, tokenizer, talks[3], 40, GREEDY, show=False)
    assert "Paris" in found[0]
