"""Served is as if alone: tokens and text, whatever else is in the batch; mistakes are survived."""

import asyncio
import math
import random
import threading
from functools import partial

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny_assistant import random_llama, tiny_assistant
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM

from course_lib.errors import CourseError
from course_lib.serving.engine import BLOCK, Engine, QueueFull, Request, Text
from course_lib.serving.slots import Packed
from course_lib.transformer.chat import VERSE
from course_lib.transformer.sampling import GREEDY, SamplingParams, draw, row_generators
from course_lib.workbook.models import load_model

END, PARAMS = 256, [GREEDY, VERSE, SamplingParams(0.7, top_p=0.8, repetition_penalty=1.2)]
SWITCHES = [
    {},
    {"batching": False},
    {"prefix_cache": False},
    {"chunked_prefill": False},
    {"packed": False},
    {"prefill_chunk": 7, "max_batch_size": 3},
    {"prefix_bytes": 20_000, "prefill_chunk": 33},  # a few blocks: others are dropped
]


TOKENIZER = tiny_assistant()[1]  # of bytes: each character of several bytes is cut everywhere
tiny_model = partial(
    random_llama, 258, eos_token_id=END, pad_token_id=END
)  # some answers end early


def prompts(seed: int, number: int = 12) -> list[list[int]]:
    """Some have a beginning in common, or all of it but the first token; some are one token."""
    rng = random.Random(seed)
    head = [rng.randrange(256) for _ in range(3 * BLOCK)]
    shared = [head[: rng.randrange(len(head) + 1)] for _ in range(number)]
    for begin in shared[::3]:
        begin[:1] = [rng.randrange(256)] * bool(begin)
    return [begin + rng.choices(range(256), k=rng.choice([1, 2, 30])) for begin in shared]


@torch.no_grad()
def alone(model: LlamaForCausalLM, prompt: list[int], params: SamplingParams, seed: int) -> list:
    """20 tokens at most: greedy by transformers' loop, else the whole text read for each token."""
    if params == GREEDY:
        ids = model.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False)
        return ids[0, len(prompt) :].tolist()
    written, generators = [], row_generators(1, seed)
    while len(written) < 20 and END not in written:
        scores = model(torch.tensor([prompt + written])).logits[:, -1]
        seen = torch.tensor([written], dtype=torch.long)
        written.append(int(draw(scores, params, seen, generators)))
    return written


def finish(engine: Engine) -> None:
    while engine.step():
        pass


def written(request: Request) -> list[int]:
    assert request.error is None
    return request.tokens + [END] * (request.finish_reason == "stop")


@pytest.mark.parametrize("seed", range(5))
def test_served_is_as_alone(seed: int) -> None:
    """Every switch, every order of arrival, greedy and drawn side by side, some cancelled."""
    model, asked = tiny_model(seed), prompts(seed)
    rows = [(prompt, PARAMS[n % 3], n) for n, prompt in enumerate(asked)]
    expected = [alone(model, *row) for row in rows]
    assert len({tuple(row) for row in expected}) > 8
    for number, switches in enumerate(SWITCHES):
        engine, rng, requests = Engine(model, TOKENIZER, **switches), random.Random(number), []
        for place in rng.sample(range(len(rows)), len(rows)):
            prompt, params, own = rows[place]
            requests.append((place, engine.submit(prompt, 20, params, seed=own)))
            gone = engine.submit(prompt + [place], 20)  # it begins alike, and leaves again
            for _ in range(rng.choice([0, 0, 1, 2])):
                engine.step()
            engine.cancel(gone)
        finish(engine)
        for place, request in requests:
            assert written(request) == expected[place], switches
            assert "".join(request) == TOKENIZER.decode(request.tokens)
        cached = sum(request.cached for _, request in requests)
        assert bool(cached) == switches.get("prefix_cache", True)
        assert len(engine.blocks) * 4 * 4 * BLOCK * 2 * 8 <= engine.prefix_bytes


def test_the_trace_shows_what_each_switch_does() -> None:
    films = {}
    for off in ((), ("chunked_prefill",), ("batching",)):
        engine = Engine(tiny_model(0), TOKENIZER, prefill_chunk=64, **dict.fromkeys(off, False))
        engine.ends = set()
        for number in range(6):
            engine.submit([number] * 40, 5)
        finish(engine)
        films["".join(off)] = list(engine.trace)
    assert [sum(step.prefilled.values()) for step in films[""][:4]] == [64, 64, 64, 48]
    assert films[""][1].prefilled and films[""][1].decoded == [0]
    assert sum(films["chunked_prefill"][0].prefilled.values()) == 240
    assert all(len(step.prefilled) + len(step.decoded) == 1 for step in films["batching"])
    assert sorted(n for step in films[""] for n in step.finished) == list(range(6))


def test_who_asks_the_same_at_once_reads_it_once() -> None:
    engine = Engine(tiny_model(1), TOKENIZER)
    requests = [engine.submit([*range(100, 100 + 2 * BLOCK), n], 3) for n in range(5)]
    finish(engine)
    assert [request.cached for request in requests] == [0] + [2 * BLOCK] * 4
    assert requests[1].usage == {"prompt_tokens": 33, "cached_tokens": 32, "completion_tokens": 3}


def test_an_adapters_model_is_served_and_others_call_it_as_before() -> None:
    model, prompt = tiny_model(2), [5, 6, 7, 8]
    before = alone(model, prompt, GREEDY, 0)
    adapted = get_peft_model(model, LoraConfig(target_modules=["q_proj", "v_proj"]))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    with Engine(adapted, TOKENIZER) as engine:
        request = engine.submit(prompt, 20)
        list(request)
    ids = torch.tensor([prompt])
    expected = adapted.eval().generate(input_ids=ids, max_new_tokens=20, do_sample=False)
    assert written(request) == expected[0, 4:].tolist() != before


@pytest.mark.needs_smollm2
def test_smollm2_writes_what_generate_writes() -> None:
    model, tokenizer = load_model("smollm2", dtype=torch.float32)
    system = "You answer in one word. " * 5
    texts = [system + end for end in ("The capital of France is", "2, 4, 6,", "Yes")]
    asked = [tokenizer(text).input_ids for text in texts]
    engine = Engine(model, tokenizer, prefill_chunk=16)
    requests = [engine.submit(ids, 6) for ids in asked]
    finish(engine)
    for ids, request in zip(asked, requests, strict=True):
        row = model.generate(torch.tensor([ids]), max_new_tokens=6, do_sample=False)[0, len(ids) :]
        assert request.tokens == [token for token in row.tolist() if token not in engine.ends]
    assert sum(request.cached for request in requests)


@pytest.mark.parametrize("text", ["🌱", "a🌱é", "日本", "né"])
def test_characters_come_whole(text: str) -> None:
    """Cut behind every byte; a reply that ends within one ends as the tokenizer would write it."""
    data = list(text.encode())
    for end in range(len(data) + 1):
        stream = Text(TOKENIZER)
        pieces = [stream.push(byte) for byte in data[:end]]
        assert all("\ufffd" not in piece for piece in pieces)
        assert "".join(pieces) == bytes(data[:end]).decode(errors="ignore")
        assert "".join(pieces) + stream.end() == TOKENIZER.decode(data[:end])


@pytest.mark.parametrize("seed", range(5))
def test_any_bytes_and_stop_words(seed: int) -> None:
    """All pieces are the text before the first stop word; no piece takes anything back."""
    rng, stop = random.Random(seed), ("aab", "b", "🌱")
    data = rng.choices([*b"aab", *"🌱".encode(), 0xC3, END], k=40)
    plain, halting, sent = Text(TOKENIZER), Text(TOKENIZER, stop), ""
    whole = "".join(map(plain.push, data)) + plain.end()
    assert whole == TOKENIZER.decode(data, skip_special_tokens=True)
    for token in data:
        sent += halting.push(token)
        assert not any(word in sent for word in stop)
        if halting.stopped:
            break
    sent += halting.end()
    found = [whole.index(word) for word in stop if word in whole]
    assert sent == whole[: min(found, default=None)] and halting.stopped == bool(found)


def test_a_stop_word_ends_the_request() -> None:
    engine = Engine(tiny_model(3), TOKENIZER)
    engine.ends = set()
    free = engine.submit([1, 2], 20)
    finish(engine)
    text, word = TOKENIZER.decode(free.tokens), TOKENIZER.decode(free.tokens)[2:4]
    halted, half = (engine.submit([1, 2], 20, stop=[stop]) for stop in (word, text + "x"))
    finish(engine)
    assert halted.finish_reason == "stop" and "".join(halted) == text[: text.index(word)]
    both = Text(TOKENIZER, ("b", "aab"))
    assert "".join(map(both.push, b"xaab")) == "x" and both.stopped
    assert "".join(half) == text, "what might have been a stop word comes at the end"


def test_the_queue_is_bounded_and_mistakes_are_told() -> None:
    engine = Engine(tiny_model(4), TOKENIZER, max_batch_size=2, max_waiting=1, max_length=50)
    engine.ends = set()
    requests = [engine.submit([1] * 45, 20), *(engine.submit([n], 3) for n in range(2))]
    with pytest.raises(QueueFull):
        engine.submit([3])
    engine.cancel(requests[2])
    finish(engine)
    assert [r.finish_reason for r in requests] == ["length", "length", "cancelled"]
    assert [len(r.tokens) for r in requests] == [5, 3, 0]
    assert requests[0].arrival < requests[0].first_token < requests[0].finish
    for wrong in ([], [1] * 50, [258], [-1]):
        with pytest.raises(CourseError):
            engine.submit(wrong)
    for options in ({"max_new_tokens": 0}, {"stop": [""]}):
        with pytest.raises(CourseError):
            engine.submit([1], **options)
    with pytest.raises(CourseError, match="GPT2"):
        Engine(GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=1)), TOKENIZER)
    begun, _, waits = (engine.submit([1, n], 20) for n in range(3))
    engine.step()
    engine.close()
    assert begun.finish_reason == waits.finish_reason == "cancelled"
    assert "".join(begun) == TOKENIZER.decode(begun.tokens) and list(waits) == list(waits) == []
    with pytest.raises(CourseError, match="closed"):
        engine.submit([1])


def test_a_failing_step_fails_its_requests_and_the_engine_goes_on(monkeypatch) -> None:
    model = tiny_model(0)
    with Engine(model, TOKENIZER) as engine:
        before = engine.submit([1, 2, 3], 9)
        text = "".join(before)
        data = engine.slots.data
        monkeypatch.setattr(engine.slots.model, "forward", lambda **_: data.fill_(math.nan) / None)
        broken = engine.submit([1, 2, 3], 9)
        assert list(broken) == [] and broken.finish_reason == "error"
        assert "TypeError" in broken.error
        monkeypatch.undo()
        after = engine.submit([1, 2, 3], 9)
        engine.submit([4] * 15, 50)  # a longer text beside it
        assert "".join(after) == text and after.tokens == before.tokens


def test_threads_and_event_loops_wait_for_pieces_and_nothing_is_left_running() -> None:
    async def read(request: Request) -> str:
        return "".join([piece async for piece in request])

    async def everybody(engine: Engine) -> list[str]:
        return await asyncio.gather(*(read(engine.submit([n, n], 20)) for n in range(8)))

    with Engine(tiny_model(1), TOKENIZER, max_batch_size=4) as engine:
        texts = asyncio.run(everybody(engine))
        assert texts == ["".join(engine.submit([n, n], 20)) for n in range(8)]
    assert "engine" not in [thread.name for thread in threading.enumerate()]


@torch.no_grad()
def test_engines_share_packed_weights_until_these_change() -> None:
    model = tiny_model(0)

    def packed() -> list[nn.Module]:
        return [m for m in Engine(model, TOKENIZER).slots.model.modules() if isinstance(m, Packed)]

    first, second = packed(), packed()
    assert first and all(a is b for a, b in zip(first, second, strict=True))
    model.lm_head.weight.mul_(-1)
    changed = [a is not b for a, b in zip(first, packed(), strict=True)]
    assert changed == [False] * (len(first) - 1) + [True]
