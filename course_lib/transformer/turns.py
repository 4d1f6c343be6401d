"""Turns of a conversation as tokens: the template's marks are marks, what people typed is text."""

import re
from collections.abc import Sequence
from typing import Any

from course_lib.errors import CourseError

MARK = "\ue000"  # of private use: stands in a template where the text of a turn goes


def encode_text(text: str, tokenizer: Any) -> list[int]:
    """The tokens of a text. A role mark or an end of text that somebody typed in it stays text.

    The tokenizer splits its special tokens like other words. Tokens that were added without being
    special are split here, if they are marks in the chat template.
    """
    template = tokenizer.chat_template or ""
    added = (token for token in tokenizer.added_tokens_decoder.values() if not token.special)
    marks = [token.content for token in added if token.content in str(template)]
    # Behind the first character of a mark: then no part holds it whole.
    cuts = "|".join(f"(?<={re.escape(m[0])})(?={re.escape(m[1:])})" for m in marks if m[1:])
    parts = re.split(cuts, text) if cuts else [text]
    options = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}
    return [token for part in parts if part for token in tokenizer(part, **options).input_ids]


def encode_turns(
    turns: Sequence[dict[str, str]], tokenizer: Any, add_generation_prompt: bool = False
) -> list[list[int]]:
    """Marks, the first turn's text, marks, the second's, …, marks: together the conversation.

    It is what ``apply_chat_template`` gives, as long as nobody types a mark. Raises ``CourseError``
    without a template, and for one that does not write each turn once.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise CourseError("This model was not taught to answer: take one that was, say `smollm2`.")
    empty = [{**turn, "content": MARK} for turn in turns]
    options = dict(tokenize=False, add_generation_prompt=add_generation_prompt)
    parts = tokenizer.apply_chat_template(empty, **options).split(MARK)
    first, *behind = (tokenizer(part, add_special_tokens=False).input_ids for part in parts)
    if len(behind) != len(turns):
        raise CourseError("This chat template loses a turn: let user and assistant take turns.")
    said = (encode_text(turn["content"], tokenizer) for turn in turns)
    return [first, *(part for pair in zip(said, behind, strict=True) for part in pair)]
