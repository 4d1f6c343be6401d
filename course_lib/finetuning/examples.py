"""Texts as examples to learn from.

    per document    one text an example: no text sees another, and each ends with the end of text
    instructions    question and answer; only the answer is learned

An example is ``{"input_ids": [...], "labels": [...]}``; the label −100 is not learned.
``workbook.evaluate.pad_batch`` makes a batch of several.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from course_lib.transformer.turns import encode_text, encode_turns
from course_lib.workbook.evaluate import IGNORE_INDEX

Example = dict[str, list[int]]


def per_document(texts: Iterable[str], tokenizer: Any, max_length: int) -> list[Example]:
    """An example of up to ``max_length`` tokens for each text; a longer one goes on in the next."""
    examples = []
    for text in texts:
        if ids := encode_text(text, tokenizer):
            ids = [*ids, tokenizer.eos_token_id]
            parts = (ids[start : start + max_length] for start in range(0, len(ids), max_length))
            examples += [{"input_ids": p, "labels": list(p)} for p in parts if len(p) > 1]
    return examples


def instructions(
    pairs: Iterable[tuple[str, str]], tokenizer: Any, max_length: int
) -> list[Example]:
    """An example for each (question, answer), with the tokenizer's chat template if it has one.

    Only the answer and the end of text behind it are learned. Of a pair that is too long the
    beginning of the question is left out; an answer that fills the example alone is cut.
    """
    examples = []
    for question, answer in pairs:
        asked = prompt_ids(question, tokenizer)
        said = [*encode_text(answer, tokenizer), tokenizer.eos_token_id][: max_length - 1]
        asked = asked[max(0, len(asked) + len(said) - max_length) :]
        labels = [IGNORE_INDEX] * len(asked) + said
        examples.append({"input_ids": asked + said, "labels": labels})
    return examples


def prompt_ids(question: str, tokenizer: Any) -> list[int]:
    """What stands before the answer: the template's marks are special, the question is text."""
    if not tokenizer.chat_template:
        return encode_text(f"{question}\n\n", tokenizer)
    parts = encode_turns([{"role": "user", "content": question}], tokenizer, True)
    return [token for part in parts for token in part]


def prepend_context(
    examples: Sequence[Example], context: str, tokenizer: Any, max_tokens: int
) -> list[Example]:
    """The same with up to ``max_tokens`` tokens of a context in front: seen, not learned or scored.

    An example's first token is scored no more than without the context.
    """
    ids = encode_text(context, tokenizer)[:max_tokens]
    hidden = [IGNORE_INDEX] * (len(ids) + 1)
    return [
        {"input_ids": ids + example["input_ids"], "labels": hidden + example["labels"][1:]}
        for example in examples
    ]


def num_bytes(examples: Sequence[Example], tokenizer: Any) -> int:
    """Bytes of text in the scored tokens: not an example's first, and no special ones.

    In a byte-level tokenizer a token has one character for each of its bytes.
    """
    special = {*tokenizer.all_special_ids, IGNORE_INDEX}
    scored = [n for example in examples for n in example["labels"][1:] if n not in special]
    return sum(len(token) for token in tokenizer.convert_ids_to_tokens(scored))
