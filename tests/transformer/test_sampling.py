"""Choosing the next token as transformers does, and a conversation, alone and in a batch."""

import itertools

import pytest
import torch
from tiny_assistant import random_llama
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.generation import logits_process

from course_lib.errors import CourseError
from course_lib.transformer import sampling
from course_lib.transformer.chat import FACTS, VERSE, chat
from course_lib.transformer.convert import from_llama
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.sampling import GREEDY, SamplingParams, generate
from course_lib.workbook import settings
from course_lib.workbook.models import load_model

HOW = [
    {},
    {"temperature": 0.7},
    {"top_k": 5},
    {"top_k": 500},
    {"top_p": 0.8},
    {"top_p": 0.0},
    {"min_p": 0.1},
    {"repetition_penalty": 1.3},
    dict(temperature=1.4, top_k=20, top_p=0.9, min_p=0.05, repetition_penalty=1.2),
]
PROCESSORS = {
    "repetition_penalty": logits_process.RepetitionPenaltyLogitsProcessor,
    "temperature": logits_process.TemperatureLogitsWarper,
    "top_k": logits_process.TopKLogitsWarper,
    "top_p": logits_process.TopPLogitsWarper,
    "min_p": logits_process.MinPLogitsWarper,
}


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_distributions_are_those_of_transformers(how: dict, seed: int) -> None:
    torch.manual_seed(seed)
    logits, seen = torch.randn(4, 60) * 3, torch.randint(0, 60, (4, 12))
    processors = [make(how[name]) for name, make in PROCESSORS.items() if name in how]
    expected = logits_process.LogitsProcessorList(processors)(seen, logits.clone()).softmax(-1)
    torch.testing.assert_close(sampling.distribution(logits, SamplingParams(**how), seen), expected)


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"top_k": 0}, {"top_p": 1.5}, {"min_p": -0.1}, {"repetition_penalty": 0}],
)
def test_impossible_settings_get_a_sentence(wrong: dict) -> None:
    with pytest.raises(CourseError):
        SamplingParams(**wrong)


@pytest.fixture(params=["gpt", "falcon", "llama"])
def model(request) -> MiniGPT:
    torch.manual_seed(0)
    model = MiniGPT(Config(40, request.param, 16, 2, 2, block_size=16))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def test_with_a_cache_it_writes_what_it_would_write_without(model: MiniGPT) -> None:
    text = [3, 1, 4]
    found = list(generate(model, text, 10))
    for number in found:
        assert int(model(torch.tensor([text]))[0, -1].argmax()) == number
        text.append(number)


def test_a_seed_repeats_and_another_varies(model: MiniGPT) -> None:
    hot = SamplingParams(temperature=2.0)
    first, same, other = (list(generate(model, [1], 12, hot, seed=seed)) for seed in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize(
    "params",
    [SamplingParams(0, repetition_penalty=1.1), SamplingParams(top_k=9, top_p=0.9)],
    ids=str,
)
def test_texts_of_a_batch_are_those_written_alone(model: MiniGPT, params: SamplingParams) -> None:
    prompts, mark = [[3, 1, 4, 1, 5], [9], [2, 6, 5]], 7
    batch = sampling.generate_batch(model, prompts, 9, params, eos_token_id=mark, seed=4)
    steps = torch.stack(list(batch))
    for row, prompt in enumerate(prompts):
        alone = list(generate(model, prompt, 9, params, eos_token_id=mark, seed=4 + row))
        written = steps[:, row].tolist()
        assert written[: len(alone)] == alone and set(written[len(alone) :]) <= {mark}


def test_a_prompt_may_be_quoted(model: MiniGPT) -> None:
    """However strong the penalty: the first token is the likeliest one, seen or not."""
    likeliest = [int(model(torch.tensor([[n]]))[0, -1].argmax()) for n in range(40)]
    never = SamplingParams(0, repetition_penalty=1e9)
    for prompt in ([n] for n in range(40) if likeliest[n] == n):
        assert list(generate(model, prompt, 1, never)) == prompt
    assert len(set(generate(model, [1], 5, never))) == 5


def test_it_goes_on_beyond_its_context_and_stops_at_the_mark(model: MiniGPT) -> None:
    long = list(generate(model, [5] * 40, 50, SamplingParams()))
    assert len(long) == 50 and all(0 <= number < 40 for number in long)
    mark = long[20]
    ended = list(generate(model, [5] * 40, 50, SamplingParams(), eos_token_id=mark))
    assert ended == long[: long.index(mark)]
    with pytest.raises(CourseError, match="nothing to go on from"):
        next(generate(model, [], 3))


@pytest.mark.parametrize("params", [GREEDY, SamplingParams(), SamplingParams(0.5, 5, 0.9)], ids=str)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_broken_models_get_a_sentence(model: MiniGPT, params: SamplingParams, value: float) -> None:
    with torch.no_grad():
        model.embedding.weight[3] = value
    with pytest.raises(CourseError, match="scores are no numbers"):
        list(generate(model, [1], 3, params))


# --- A conversation ---
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
    tokenizer, sizes = words(), dict(max_position_embeddings=60, tie_word_embeddings=True)
    theirs = random_llama(len(tokenizer), seed=5, std=0.4, **sizes)
    return theirs, from_llama(theirs), tokenizer


@pytest.mark.parametrize("params", [GREEDY, FACTS, VERSE], ids=["greedy", "facts", "verse"])
def test_alone_or_in_a_batch_ours_or_theirs_it_says_the_same(pair: tuple, params) -> None:
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


def test_the_answer_is_shown_once(pair: tuple, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for model, headless in itertools.product(pair[:2], (True, False)):
        monkeypatch.setattr(settings, "headless", lambda headless=headless: headless)
        reply = chat(model, pair[2], TALKS[0], 8)
        assert capsys.readouterr().out.split() == reply.split() != []
        chat(model, pair[2], TALKS[0], 8, show=False), chat(model, pair[2], TALKS, 8)
        assert capsys.readouterr().out == ""


def test_a_full_context_and_what_is_no_conversation(pair: tuple) -> None:
    theirs, ours, tokenizer = pair
    for messages, sentence in (
        ([], "needs a role"),
        ([{"role": "narrator", "content": "Hi"}], "narrator.*needs a role"),
        ([{"role": "user", "content": "a " * 70}], "75 tokens and the model reads 60: shorten"),
    ):
        with pytest.raises(CourseError, match=sentence):
            chat(theirs, tokenizer, messages)
    long = [{"role": "user", "content": "a " * 50}]
    given = len(tokenizer.apply_chat_template(long, add_generation_prompt=True)["input_ids"])
    for model in (theirs, ours):
        assert 0 < len(chat(model, tokenizer, long, 30, show=False).split()) <= 60 - given
    base = words()
    base.chat_template = None
    with pytest.raises(CourseError, match="not taught to answer"):
        chat(ours, base, TALKS[0])


@pytest.mark.needs_smollm2
@torch.no_grad()
def test_smollm2_in_our_class_gives_its_logits() -> None:
    theirs, tokenizer = load_model("smollm2", dtype=torch.float32)
    ids = torch.tensor([tokenizer("What is the capital of France? Name three fruits.").input_ids])
    torch.testing.assert_close(from_llama(theirs)(ids), theirs(ids).logits, atol=1e-4, rtol=0)
