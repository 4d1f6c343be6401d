"""Texts as rows of tokens to learn from.

    per document    one text a row, padded: no text sees another, and each ends with the end of text
    chunked         all texts one after the other, cut evenly: no padding, but a row mixes texts
    instructions    question and answer a row; only the answer is learned

A row is ``{"input_ids": [...], "labels": [...]}``; the label −100 is not learned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.errors import CourseError

IGNORED = -100
Row = dict[str, list[int]]


def per_document(texts: Iterable[str], tokenizer: Any, length: int) -> list[Row]:
    """A row of at most ``length`` tokens for each text. A longer text goes on in the next row."""
    rows = []
    for text in texts:
        ids = _ids(text, tokenizer)
        if ids:
            ids = [*ids, tokenizer.eos_token_id]
            rows += [
                _all_learned(ids[start : start + length]) for start in range(0, len(ids), length)
            ]
    return _some([row for row in rows if len(row["input_ids"]) > 1])


def chunked(texts: Iterable[str], tokenizer: Any, length: int) -> list[Row]:
    """Rows of exactly ``length`` tokens; what is left over at the end is a shorter one."""
    stream: list[int] = []
    for text in texts:
        if ids := _ids(text, tokenizer):
            stream += [*ids, tokenizer.eos_token_id]
    rows = [_all_learned(stream[start : start + length]) for start in range(0, len(stream), length)]
    return _some([row for row in rows if len(row["input_ids"]) > 1])


def instructions(pairs: Iterable[tuple[str, str]], tokenizer: Any, length: int) -> list[Row]:
    """A row for each (question, answer), written with the tokenizer's chat template if it has one.

    Only the answer and the end of text behind it are learned. Of a pair that is too long the
    beginning of the question is left out; an answer that fills the row alone is cut.
    """
    rows = []
    for question, answer in pairs:
        asked = _ids(prompt_of(question, tokenizer), tokenizer)
        said = [*_ids(answer, tokenizer), tokenizer.eos_token_id][: length - 1]
        asked = asked[max(0, len(asked) + len(said) - length) :]
        rows.append({"input_ids": asked + said, "labels": [IGNORED] * len(asked) + said})
    return _some(rows)


def shown_first(rows: Sequence[Row], example: str, tokenizer: Any, most: int) -> list[Row]:
    """The same rows with up to ``most`` tokens of an example before them: seen, not learned or judged.

    A row's first token is judged no more than without the example.
    """
    ids = _ids(example, tokenizer)[:most]
    hidden = [IGNORED] * (len(ids) + 1)
    return [
        {"input_ids": ids + row["input_ids"], "labels": hidden + row["labels"][1:]} for row in rows
    ]


def prompt_of(question: str, tokenizer: Any) -> str:
    """What stands before the answer."""
    if tokenizer.chat_template:
        message = [{"role": "user", "content": question}]
        return tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    return f"{question}\n\n"


@dataclass(frozen=True)
class Pad:
    """Rows as one batch, filled up on the right. What is filled up is neither seen nor learned.

    The labels come from the rows and never from the token: an end of text stays learned even if
    it serves as padding.
    """

    token: int

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def filled(key: str, value: int) -> Tensor:
            return torch.tensor([row[key] + [value] * (longest - len(row[key])) for row in rows])

        real = torch.tensor(
            [[1] * len(row["labels"]) + [0] * (longest - len(row["labels"])) for row in rows]
        )
        return {
            "input_ids": filled("input_ids", self.token),
            "labels": filled("labels", IGNORED),
            "attention_mask": real,
        }


def _ids(text: str, tokenizer: Any) -> list[int]:
    return tokenizer(text, add_special_tokens=False, verbose=False).input_ids


def _all_learned(ids: list[int]) -> Row:
    return {"input_ids": ids, "labels": list(ids)}


def _some(rows: list[Row]) -> list[Row]:
    if not rows:
        raise CourseError(
            "There is nothing to learn from: every text is empty, so give at least one with words."
        )
    return rows
