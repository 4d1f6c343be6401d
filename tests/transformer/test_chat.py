"""A conversation: transformers' model and ours give the same answers, alone and in a batch."""

import itertools

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from course_lib.errors import CourseError
from course_lib.transformer.chat import FACTS, VERSE, chat
from course_lib.transformer.convert import from_llama
from course_lib.transformer.sampling import GREEDY, SamplingParams
from course_lib.workbook import settings
from course_lib.workbook.models import load_model

TEMPLATE = (
    "{% for turn in messages %}<s>{{ turn['role'] }} {{ turn['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant {% endif %}"
)
TALKS = [[{"role": "user", "content": "a b c d " * n + "e"}] for n in (1, 5, 2)]


def words() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, with turns and a template."""
    names = ["<s>", "</s>", "?", "user", "assistant", "system", *"abcde", *map(str, range(40))]
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
    tokenizer, sizes = words(), dict(hidden_size=24, num_attention_heads=4, num_key_value_heads=2)
    sizes |= dict(num_hidden_layers=2, intermediate_size=50, max_position_embeddings=60)
    config = LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, **sizes)
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


def test_the_answer_is_shown_once(
    pair: tuple, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for model, headless in itertools.product(pair[:2], (True, False)):
        monkeypatch.setattr(settings, "headless", lambda headless=headless: headless)
        reply = chat(model, pair[2], TALKS[0], 8)
        assert capsys.readouterr().out.split() == reply.split() != []
        chat(model, pair[2], TALKS[0], 8, show=False), chat(model, pair[2], TALKS, 8)
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], "needs a role"),
        ([{"role": "narrator", "content": "Hi"}], "narrator.*needs a role"),
        ([{"role": "user", "content": "a " * 70}], "75 tokens and the model reads 60: shorten"),
    ],
)
def test_what_is_no_conversation_gets_a_sentence(
    pair: tuple, messages: list, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence):
        chat(pair[0], pair[2], messages)


def test_a_full_context_and_a_base_model(pair: tuple) -> None:
    theirs, ours, tokenizer = pair
    long = [{"role": "user", "content": "a " * 50}]
    given = len(tokenizer.apply_chat_template(long, add_generation_prompt=True)["input_ids"])
    for model in (theirs, ours):
        assert 0 < len(chat(model, tokenizer, long, 30, show=False).split()) <= 60 - given
    base = words()
    base.chat_template = None
    with pytest.raises(CourseError, match="not taught to answer"):
        chat(ours, base, TALKS[0])


QUESTIONS = (
    *("What is the capital of France?", "Why is the sky blue?", "Name three fruits."),
    *("Write two lines about the sea.", "When do trains run late?"),
)


@pytest.mark.needs_smollm2
@torch.no_grad()
def test_smollm2_in_our_class_writes_what_it_writes_in_theirs() -> None:
    theirs, tokenizer = load_model("smollm2", dtype=torch.float32)
    ours, talks = from_llama(theirs), [[{"role": "user", "content": text}] for text in QUESTIONS]
    ids = torch.tensor([tokenizer(" ".join(QUESTIONS)).input_ids])
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=0)
    found = chat(ours, tokenizer, talks, 40, GREEDY)
    assert found == chat(theirs, tokenizer, talks, 40, GREEDY)
    assert found[2] == chat(theirs, tokenizer, talks[2], 40, GREEDY, show=False)
    assert "Paris" in found[0]
