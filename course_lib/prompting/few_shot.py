"""Tasks shown by examples, each as a turn and its answer (Brown and others 2020, section 2.1)."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from course_lib.alignment.instruct import bare
from course_lib.places import REPOSITORY
from course_lib.transformer.chat import chat
from course_lib.transformer.sampling import GREEDY, SamplingParams
from course_lib.workbook.settings import read_json

Item = Sequence[str]  # what is given, what is wanted


def read(name: str) -> dict:
    """``tasks``, ``handbook_questions`` or ``measured``: our data, and what was measured on it."""
    return read_json(REPOSITORY / "assets" / "prompting" / f"{name}.json")


class Prompt(NamedTuple):
    """An instruction for the system's turn, and examples in the order in which they are shown."""

    instruction: str
    examples: Sequence[Item] = ()

    def turns(self, text: str) -> list[dict[str, str]]:
        """The conversation up to ``text``; the answer comes next."""
        before = [{"role": "system", "content": self.instruction}]
        for given, wanted in self.examples:
            before += [{"role": "user", "content": given}, {"role": "assistant", "content": wanted}]
        return [*before, {"role": "user", "content": text}]


def run(
    model: Any,
    tokenizer: Any,
    prompt: Prompt,
    items: Sequence[Item],
    params: SamplingParams = GREEDY,
    seed: int = 0,
) -> tuple[list[str], list[bool]]:
    """The replies to the items, and whether each is right: the same words, or the same JSON."""
    longest = max(len(tokenizer(wanted).input_ids) for _, wanted in items) + 4
    talks = [prompt.turns(given) for given, _ in items]
    said = chat(model, tokenizer, talks, longest, params, seed=seed, show=False)
    return said, [same(reply, item[1]) for reply, item in zip(said, items, strict=True)]


def same(reply: str, wanted: str) -> bool:
    """Blanks, capitals, a full stop and the order of an object do not count."""
    try:
        return json.loads(reply) == json.loads(wanted)
    except ValueError:
        return bare(reply) == bare(wanted)
