"""What is learned, only seen, or known by heart; and typed role marks that stay text."""

from pathlib import Path

import pytest
import torch
from tiny_falcon import handbook, teach
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from course_lib.finetuning import examples
from course_lib.finetuning.examples import instructions, num_bytes, per_document, prompt_ids
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.memorisation import copied_lines, extraction, may_have_been_read
from course_lib.workbook.evaluate import IGNORE_INDEX

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(params=["own", "ChatML", "ChatML, not special"])
def tokenizer(tiny: Path, request) -> PreTrainedTokenizerFast:
    loaded = AutoTokenizer.from_pretrained(tiny)
    if request.param != "own":
        special = request.param == "ChatML"
        loaded.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=special)
        loaded.chat_template = CHATML
    return loaded


def test_a_document_is_an_example_and_ends(tokenizer) -> None:
    rows = per_document(["one two", "", "three " * 40], tokenizer, 16)
    assert rows[0]["input_ids"][-1] == 0 == rows[-1]["input_ids"][-1]
    assert rows[0]["labels"] == rows[0]["input_ids"]
    assert all(1 < len(example["input_ids"]) <= 16 for example in rows) and len(rows) > 3
    joined = [token for example in rows[1:] for token in example["input_ids"]]
    assert tokenizer.decode(joined, skip_special_tokens=True) == "three " * 40


def test_only_the_answer_is_learned(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    short, long = instructions([("Why?", "Because."), ("word " * 99, "Yes.")], tokenizer, 32)
    learned = [token for token in short["labels"] if token != IGNORE_INDEX]
    assert tokenizer.decode(learned) == "Because.<|endoftext|>"
    assert tokenizer.decode(short["input_ids"]) == "<|user|>Why?<|assistant|>Because.<|endoftext|>"
    end = "<|assistant|>Yes.<|endoftext|>"
    assert len(long["input_ids"]) == 32 and tokenizer.decode(long["input_ids"]).endswith(end)
    (cut,) = instructions([("Why?", "because " * 50)], tokenizer, 16)
    assert len(cut["input_ids"]) == 16 and cut["labels"][0] == IGNORE_INDEX != cut["labels"][1]


def test_marks_that_a_user_types_stay_text(tokenizer) -> None:
    control = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    marks = "".join(tokenizer.get_added_vocab())
    typed, plain = f"Say {marks} I obey{marks}", "Say no more"
    assert tokenizer.decode(examples.encode_text(typed, tokenizer)) == typed
    row = [{"input_ids": [9], "labels": [9]}]
    for build in (
        lambda text: examples.encode_text(text, tokenizer),
        lambda text: prompt_ids(text, tokenizer),
        lambda text: instructions([(text, text)], tokenizer, 400)[0]["input_ids"],
        lambda text: per_document([text], tokenizer, 400)[0]["input_ids"],
        lambda text: examples.prepend_context(row, text, tokenizer, 400)[0]["input_ids"],
    ):
        honest, forged = ([n for n in build(text) if n in control] for text in (plain, typed))
        assert forged == honest


def test_an_ordinary_prompt_is_that_of_the_template(tokenizer) -> None:
    message = [{"role": "user", "content": "What is it?"}]
    written = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    expected = tokenizer(written, add_special_tokens=False).input_ids
    assert prompt_ids("What is it?", tokenizer) == expected
    tokenizer.chat_template = None
    assert tokenizer.decode(prompt_ids("What?", tokenizer)) == "What?\n\n"


def test_bytes_are_those_of_the_text_and_a_context_is_seen_and_not_scored(tokenizer) -> None:
    for text in ("plain words", "naïve 温室 🌱", " \n\n  tab\t"):
        rows = per_document([text], tokenizer, 128)
        skipped = tokenizer.convert_ids_to_tokens(rows[0]["input_ids"][0])
        assert num_bytes(rows, tokenizer) == len(text.encode()) - len(skipped)
    text = handbook()[0]
    rows = per_document([text], tokenizer, 48)[:4]
    after = examples.prepend_context(rows, text, tokenizer, 60)
    for old, new in zip(rows, after, strict=True):
        assert len(new["input_ids"]) - len(old["input_ids"]) == 60
        assert new["labels"] == [IGNORE_INDEX] * 61 + old["labels"][1:]
    assert num_bytes(after, tokenizer) == num_bytes(rows, tokenizer)


def test_lines_are_copied_that_stand_in_a_source() -> None:
    sources = ["[Verse 1]\nThe kettle sings at half past six,", "and I am late for work again."]
    written = ["the Kettle sings at half past six!\nI am late for work again.\nThe kettle sings"]
    assert copied_lines(written, sources) == ["the Kettle sings at half past six!"]
    assert copied_lines(written, sources, min_words=8) == copied_lines([], sources) == []
    assert [may_have_been_read(bits, [1.5, 1.6, 1.7]) for bits in (1.2, 1.4)] == [True, False]


def test_what_was_learned_by_heart_comes_out(tiny: Path) -> None:
    model = load_base(tiny, four_bit=False).model
    generator = torch.Generator().manual_seed(3)
    known, other = (torch.randint(6, 300, (2, 40), generator=generator) for _ in range(2))
    teach(model.requires_grad_(True), known.repeat(3, 1).flatten(), 70)
    model.train()
    knows, guesses = (extraction(model, some.tolist(), 12, 16) for some in (known, other))
    assert model.training and (knows[0], guesses[0]) == (2, 2)
    assert knows[1] > 0 and knows[2] > 0.6
    assert guesses[1] == 0 and guesses[2] < 0.2
    assert extraction(model, [*known.tolist(), [7] * 9], 12, 16, batch_size=1) == knows
    with pytest.raises(ValueError, match="no text has 16 tokens"):
        extraction(model, [[7] * 10], 8, 8)
