"""The automaton against Python's expressions and JSON, its masks against llguidance's."""

import json
import math
import random
import re
from functools import cache, reduce
from itertools import product

import pytest
import torch
from prompting import INTEGER, NUMBER, SCHEMAS, STRING, fits, record, their_matcher, walk
from tiny_assistant import random_llama
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from course_lib.errors import CourseError
from course_lib.prompting import constrained
from course_lib.prompting.constrained import Constraint, choices, generate, json_schema, regex
from course_lib.transformer.chat import FACTS, VERSE, chat
from course_lib.transformer.convert import from_llama
from course_lib.transformer.sampling import GREEDY, SamplingParams, draw, row_generators
from course_lib.workbook.models import find_model


@cache
def tokenizer(name: str = "mini-falcon"):
    return AutoTokenizer.from_pretrained(find_model(name)[0])


@cache
def constraint(name: str, model: str = "mini-falcon") -> Constraint:
    return Constraint(json_schema(SCHEMAS[name]), tokenizer(model))


EXPRESSIONS = (
    r"a(b|c)*d?",
    r"[^a-c\d]{2,3}",
    r"(é|日本|🌱)+x",
    r"\w+\s?\W",
    r"(a|b)*a(a|b){3}|",
    ".a+?",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_automaton_accepts_what_pythons_expression_matches(expression: str) -> None:
    grammar, draw_from, found = regex(expression), random.Random(1), set()
    assert regex(f"^{expression}$").table.shape == grammar.table.shape or "|" in expression
    for _ in range(4_000):
        text = "".join(draw_from.choices("abcdé日本🌱x1 -", k=draw_from.randrange(7)))
        fitting = re.fullmatch(expression, text, re.ASCII) is not None
        assert bool(grammar.whole[grammar.read(text)]) == fitting, text
        found.add(fitting)
    assert found == {True, False}


@pytest.mark.parametrize("low", [None, -20.25, 0, 0.95, 5.1])
@pytest.mark.parametrize("high", [None, -0.5, 0.1, 6.09, 51, 901])
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_bounds_of_numbers_are_exact(low: float | None, high: float | None, kind: str) -> None:
    """Each row of up to five of these characters is read as Python reads it, or not at all."""
    bounds = {"minimum": low} if low is not None else {}
    bounds |= {"maximum": high} if high is not None else {}
    low, high = (x if x is not None else y for x, y in ((low, -math.inf), (high, math.inf)))
    if math.ceil(max(low, -999)) > high or low > high:
        with pytest.raises(CourseError):
            json_schema({"type": "integer"} | bounds)
        return
    grammar = json_schema({"type": kind} | bounds)
    form = re.compile(r"-?(0|[1-9]\d*)" + r"(\.\d+)?" * (kind == "number"))
    for text in map("".join, (t for n in range(6) for t in product("0159.-", repeat=n))):
        inside = form.fullmatch(text) and low <= float(text) <= high
        inside = inside and (low < 0 or text[0] != "-")
        assert bool(grammar.whole[grammar.read(text)]) == bool(inside), text


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize(
    "model", ["mini-falcon", pytest.param("smollm2", marks=pytest.mark.needs_smollm2)]
)
def test_token_by_token_as_llguidance(name: str, model: str) -> None:
    ours, matcher = constraint(name, model), their_matcher(tokenizer(model))
    for seed in range(6):
        for mine, theirs, *_ in walk(ours, matcher(SCHEMAS[name]), random.Random(seed)):
            assert not (theirs & ~mine).any()  # nothing that may be is refused
            # It refuses zeros at the end: 10.50 is not over 10.5, but it has no way there.
            assert name == "decimal" or not (mine & ~theirs).any()


@cache
def models() -> tuple:
    """Random weights: transformers' model, and the same in our class."""
    sizes = dict(max_position_embeddings=600, tie_word_embeddings=True)
    theirs = random_llama(len(tokenizer()), std=0.4, **sizes)
    return theirs, from_llama(theirs)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_finished_fits_the_schema_whatever_the_model(name: str) -> None:
    """Random weights, transformers' model and ours, one by one and in a batch, five seeds."""
    talks = [[{"role": "user", "content": "abc " * n}] for n in (1, 7, 3, 2, 5)]
    own, params = constraint(name), SamplingParams(temperature=0.7, top_k=50)
    written = [chat(m, tokenizer(), talks, 400, params, constraint=own) for m in models()]
    assert written[0] == written[1]
    for seed, text in enumerate(written[0]):
        if own.finished(own.grammar.read(text)):
            assert fits(json.loads(text), SCHEMAS[name]), text
        again, calls = generate(models()[0], tokenizer(), talks[0], own, params, 120, seed)
        if own.finished(own.grammar.read(again)):
            assert fits(json.loads(again), SCHEMAS[name]), again
        assert calls < 120
    assert any(own.finished(own.grammar.read(text)) for text in [*written[0], again])


def test_the_mask_comes_first_and_the_end_only_where_it_may() -> None:
    own = Constraint(regex("(ab|ac){2,3}"), tokenizer())
    a, b, c, x = (tokenizer().convert_tokens_to_ids(letter) for letter in "abcx")
    logits = torch.zeros(1, len(tokenizer()) + 3)  # rounded up, as models often are
    logits[0, [own.end, x, len(tokenizer()) + 1, b, c]] = torch.tensor([9.0, 8.0, 7.0, 2.0, 1.5])

    def next_one(seen: list[int], params: SamplingParams) -> int:
        return int(draw(logits, params, torch.tensor([seen]), row_generators(1, 0), own))

    for params in (GREEDY, SamplingParams(top_k=1), SamplingParams(top_p=0.01)):
        assert next_one([a], params) == b  # not x, the end, or what is no token at all
    assert next_one([a, b, a], SamplingParams(0.0, repetition_penalty=3)) == c
    assert next_one([a, b, a, c], GREEDY) == next_one([a, b, a, c, own.end], GREEDY) == own.end
    assert not own.mask(own.start())[own.end] and own.advance(1, own.end) == 0
    assert own.advance(own.start(), b) == 0 and own.finished(own.grammar.read("abab"))


def test_half_a_character_is_a_step_like_any_other() -> None:
    own = Constraint(choices(["🌱 grows", "🌳 falls", "日"]), tokenizer())
    for text in ("🌱 grows", "🌳 falls", "日"):
        state, halves = own.start(), 0
        for token in tokenizer().encode(text, add_special_tokens=False):
            assert own.mask(state)[token]
            state = own.advance(state, token)
            halves += "\ufffd" in tokenizer().decode([token])
        assert own.finished(state) and halves >= 2
        assert own.forced(state) == [own.end] and own.forced(constrained.ENDED) == [own.end]
    assert own.forced(own.start()) == []


def test_forced_tokens_are_the_only_text_and_save_calls() -> None:
    own = constraint("whole")
    state, tokens = own.start(), own.forced(own.start())
    assert tokenizer().decode(tokens) in '{"a": ' and tokens
    for token in tokens:
        assert own.mask(state)[token]
        state = own.advance(state, token)
    talk = [{"role": "user", "content": "abc"}]
    text, calls = generate(models()[0], tokenizer(), talk, own, FACTS)
    assert calls < len(tokenizer().encode(text)) and fits(json.loads(text), SCHEMAS["whole"])
    short = Constraint(choices(["the only answer"]), tokenizer())
    assert generate(models()[0], tokenizer(), talk, short, VERSE) == ("the only answer", 0)
    typed = Constraint(choices([tokenizer().eos_token]), tokenizer())  # text, and no end mark
    assert typed.forced(typed.start()) == [] and not typed.mask(typed.start())[typed.end]


def test_forty_optional_properties_are_little_work() -> None:
    grammar = json_schema(record([], **{f"p{n}": {"type": "boolean"} for n in range(40)}))
    for text, whole in (
        ("{}", True),
        ('{"p3": true, "p39": false}', True),
        ('{"p3": true, ', False),
    ):
        assert grammar.whole[grammar.read(text)] == whole


def test_tokens_are_read_as_llama_writes_them_too() -> None:
    """▁ is a blank, and <0x..> a byte."""
    names = ["<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256)), "▁", "a", "b", "▁ab"]
    backend = Tokenizer(BPE({name: n for n, name in enumerate(names)}, [], byte_fallback=True))
    theirs = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    own = Constraint(choices([" ab", "é"]), theirs)
    found = [names[n] for n in own.mask(own.start()).nonzero().flatten().tolist()]
    assert found == ["<0x20>", "<0xC3>", "▁", "▁ab"]


@pytest.mark.parametrize(
    "schema, says",
    [
        (record(n=INTEGER | {"minimum": 3, "maximum": 2}), "n fits no text: its minimum is 3"),
        (NUMBER | {"minimum": 5, "maximum": 4.5}, "its minimum is 5"),
        (INTEGER | {"minimum": 0.2, "maximum": 0.8}, "contradict"),
        (STRING | {"pattern": '^"$'}, "contradict"),
        (STRING | {"pattern": "^(a"}, "no regular expression"),
        (STRING | {"pattern": "(?=a)b"}, "assert"),
        (STRING | {"pattern": "a", "minLength": 2}, "a pattern and a length"),
        (record(a={"$ref": "#"}), "property a needs a type"),
        (record(a=STRING | {"format": "date"}), "demands format"),
        (record(["z"], a=STRING), "requires 'z'"),
        ({"type": "array"}, "items is no schema"),
        ({"enum": []}, "contradict"),
        (STRING | {"maxLength": "3"}, "the bound '3'"),
        (NUMBER | {"minimum": math.nan}, "the bound nan"),
        (reduce(lambda inner, _: record(a=inner), range(2_000), STRING), "in each other"),
        ({"type": "array", "items": STRING, "minItems": -1}, "the bound -1"),
        (record(a=STRING, note=STRING | {"maxLength": 90_000}), "property note makes"),
        (record(a=STRING, b=STRING | {"pattern": "(a|b)*a(a|b){20}"}), "property b, pattern"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(schema: dict, says: str) -> None:
    with pytest.raises(CourseError, match=re.escape(says)):
        json_schema(schema)


@pytest.mark.parametrize(
    "text", ["a^b", r"(a)\1", "(?i)a", "(?i:a)", "(?!a)b", "[a", "a{90000}{900}", "(a?){9000}"]
)
def test_an_expression_beyond_an_automaton_is_named(text: str) -> None:
    with pytest.raises(CourseError, match=re.escape(repr(text))):
        regex(text)
