"""Pairs whose answers stand in the page, rows that learn the answers only, and the counting."""

from pathlib import Path

import pytest
import torch
from tiny_assistant import END, START, TEMPLATE
from transformers import AutoTokenizer

from course_lib.alignment import instruct
from course_lib.alignment.figures import learned_parts
from course_lib.alignment.instruct import REFUSAL, encode, evaluate_answers, pairs, rows, sft
from course_lib.errors import CourseError
from course_lib.finetuning.falcon import load_base
from course_lib.workbook.corpus import Document, load_corpus

PAGE = """---
title: Bees
owner: Ada
---

# Bees

We keep **three** hives since 2019.

| Part | What it does |
|---|---|
| queen | lays eggs |

- **Honey.** It is [sold](shop.md) in May. Ask first.

## Do they sting?
Hardly ever. Only 2 of us know.
"""


@pytest.fixture
def base(tiny: Path):  # noqa: ANN201
    base = load_base(str(tiny), four_bit=False)
    marks = {"additional_special_tokens": [START, END], "eos_token": END}
    base.tokenizer.add_special_tokens(marks)
    base.tokenizer.chat_template = TEMPLATE
    base.model.resize_token_embeddings(len(base.tokenizer), mean_resizing=False)
    return base


def test_every_form_of_a_page_is_asked() -> None:
    made = pairs([Document("bees", PAGE)])
    assert {(pair.kind, pair.answer) for pair in made} == {
        ("owner", "Ada"),
        ("cell", "lays eggs"),
        ("section", "It is sold in May."),
        ("faq", "Hardly ever."),
        ("number", "2019"),
    }
    assert "queen" in next(pair.question for pair in made if pair.kind == "cell")
    assert "three hives since ___" in next(pair.question for pair in made if pair.kind == "number")
    assert "*" not in made[0].excerpt and "shop.md" not in made[0].excerpt


@pytest.mark.parametrize("seed", range(5))
def test_answers_stand_in_the_page_or_are_refused(seed: int) -> None:
    made = pairs(load_corpus("handbook").train, seed)
    for pair in made:
        inside = " ".join(pair.answer.split()) in " ".join(pair.excerpt.split())
        assert inside == (pair.answer != REFUSAL)
    assert 0.08 <= sum(pair.answer == REFUSAL for pair in made) / len(made) <= 0.15
    assert not {pair.document for pair in made} & {
        page.id for page in load_corpus("handbook").validation
    }


def test_plain_text_of_any_language_gives_questions_and_nothing_to_ask_is_said() -> None:
    german, japanese = (
        "Der Garten ist groß. Er hat 3 Tore.",
        "庭には三つの門がある。犬がいる。" * 40,
    )
    for text in (german, japanese, "A\n===\n\nB c d."):
        made = pairs([Document("a/garden.txt", text)])
        assert made and all(pair.answer in pair.excerpt for pair in made)
    for documents in ([], [Document("x", "")], [Document("x", "…\n\n---\n")]):
        with pytest.raises(CourseError, match="give pages"):
            pairs(documents)


def test_the_chat_is_the_templates_and_only_answers_are_learned(base) -> None:  # noqa: ANN001
    turns = instruct.conversation(pairs([Document("bees", PAGE)])[:3], answers=True)
    row, tokenizer = encode(turns, base.tokenizer), base.tokenizer
    whole = tokenizer.apply_chat_template(turns, return_dict=True)["input_ids"]
    assert row["input_ids"] == whole
    learned = tokenizer.decode([n for n in row["labels"] if n >= 0])
    answers = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    assert learned == "".join(f"{answer}<|im_end|>" for answer in answers)


def test_a_mark_typed_in_a_page_is_text(base) -> None:  # noqa: ANN001
    turns = [{"role": "user", "content": "a<|im_end|>b"}]
    end = base.tokenizer.eos_token_id
    assert encode(turns, base.tokenizer)["input_ids"].count(end) == 1
    base.tokenizer.chat_template = None
    with pytest.raises(CourseError, match="not taught to answer"):
        encode(turns, base.tokenizer)


def test_sft_learns_and_leaves_the_lower_half(base, tmp_path: Path) -> None:  # noqa: ANN001
    learned = rows(pairs([Document("bees", PAGE)]), base.tokenizer)
    result = sft(base, learned, learned, tmp_path, max_steps=12, learning_rate=2e-2)
    names = [name for name, part in result.model.named_parameters() if part.requires_grad]
    assert names and all(".h.1." in name for name in names)
    assert result.history.losses[-1] < 0.8 * result.history.losses[0]
    assert all(torch.isfinite(part).all() for part in result.model.parameters())


def test_logits_are_computed_only_where_a_token_follows(base) -> None:  # noqa: ANN001
    """Those of whole prompts would take 800 MB a batch with SmolLM2."""
    places = []
    base.model.lm_head.register_forward_hook(lambda *given: places.append(given[2].shape[1]))
    evaluate_answers(base.model, base.tokenizer, pairs([Document("bees", PAGE)]), page=False)
    assert set(places) == {1}


def test_counting(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    made = pairs([Document("bees", PAGE), Document("ants", PAGE.replace("Bees", "Ants"))])
    strange = made[0]._replace(question="Where?", answer=REFUSAL)
    said = {made[0].question: "ada", made[1].question: f"It {made[1].answer}!"}

    def reply(model, tokenizer, chats, *_, **options) -> list[str]:  # noqa: ANN001
        asked = [chat[-1]["content"].split("\n\n")[-1] for chat in chats]
        return [said.get(question, REFUSAL) for question in asked]

    monkeypatch.setattr(instruct, "chat", reply)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    replies, score = evaluate_answers(None, tokenizer, [*made[:3], strange])
    assert replies[0] == "ada" and replies[3] == REFUSAL
    assert score["exact"] == [True, False, False]
    assert score["refused rightly"] == [True] and score["refused wrongly"] == [False, False, True]


def test_the_figure_says_how_much_is_learned() -> None:
    figure = learned_parts([("<|user|>\nHow much is it?\n", False), ("$5 or $6", True)], "A row")
    assert str(figure) == "Bold and coloured are 8 characters."
