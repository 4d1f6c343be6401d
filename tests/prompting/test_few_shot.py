"""Examples as turns, replies in the order of the items, and what counts as right."""

import json
import re
from datetime import date

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course_lib.prompting.few_shot import Prompt, read, run, same
from course_lib.workbook.models import load_model


def test_replies_come_in_the_order_of_the_items() -> None:
    """More items than a batch, of different lengths; each reply is the one it gets alone."""
    torch.manual_seed(0)
    tokenizer = load_model("mini-falcon")[1]
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).eval()
    torch.nn.init.normal_(model.lm_head.weight)
    items = [(given, "x" * 20) for given, _ in read("tasks")["mood"]["development"][:20]]
    said, right = run(model, tokenizer, Prompt("Sing."), items)
    assert said == [run(model, tokenizer, Prompt("Sing."), [item])[0][0] for item in items]
    assert len(set(said)) > 3 and right == [False] * 20


def test_examples_are_turns_and_what_counts_as_right() -> None:
    turns = Prompt("Say yes.", [("a", "yes"), ("b", "no")]).turns("c")
    assert [turn["role"] for turn in turns] == ["system", *["user", "assistant"] * 2, "user"]
    assert [turn["content"] for turn in turns] == ["Say yes.", "a", "yes", "b", "no", "c"]
    assert same(" Pleased.", "pleased") and not same("not pleased", "pleased")
    assert same('{"b": 2, "a": 1}', '{"a": 1, "b": 2}') and not same('{"a": 1}', '{"a": "1"}')


def test_the_tasks_share_no_item_and_their_answers_are_true() -> None:
    for name, task in read("tasks").items():
        every = [item for part in ("pool", "development", "held_out") for item in task[part]]
        assert len({given for given, _ in every}) == len(every) >= 36
        for given, wanted in every:
            if name == "facts":
                assert all(re.search(rf"\b{v}\b", given) for v in json.loads(wanted).values())
            if name == "date":
                day = date.fromisoformat(wanted)
                assert {str(day.year), f"{day:%B}"} <= set(re.findall(r"\w+", given))
                assert re.search(rf"\b{day.day}(th)?\b", given)
