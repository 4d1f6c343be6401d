"""The assistants under attack: the course's own or the reader's, on this disk, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.falcon import load_base
from course_lib.transformer.chat import chat
from course_lib.transformer.sampling import SamplingParams
from course_lib.workbook.models import find_model

GREEDY = SamplingParams(temperature=0.0)


@dataclass(frozen=True)
class Target:
    """A model that may be attacked; ``load_target`` makes it."""

    name: str
    model: Any
    tokenizer: Any


def load_target(adapter: Path | None = None, model: str | Path = "smollm2") -> Target:
    """A model of this disk, with an adapter of this disk multiplied into its weights.

    Raises ``CourseError`` for a model of the hub: whoever attacks a system needs its owner's leave,
    and of a folder on your own disk you are the owner.
    """
    if not find_model(model)[1]:
        raise CourseError(
            f"{model} is not on this disk: the attacks of this notebook run only against models "
            "of your own, so give a folder, or smollm2."
        )
    base = load_base(str(model), four_bit=False)
    name = Path(adapter or model).name
    if adapter is None:
        return Target(name, base.model, base.tokenizer)
    return Target(name, load_adapter(base, adapter).merge_and_unload(), base.tokenizer)


def require_target(target: Any) -> Target:
    """The target itself; raises ``CourseError`` for anything else, as an address of a service."""
    if not isinstance(target, Target):
        raise CourseError(
            "This attack takes what `load_target` gave: a model on your own disk. A service on the "
            "network belongs to somebody, whose leave you would need."
        )
    return target


def answer(
    target: Target,
    conversations: Sequence[Sequence[dict]],
    max_new_tokens: int = 40,
    params: SamplingParams = GREEDY,
    seed: int = 0,
) -> list[str]:
    """What it replies to each conversation, all in one batch."""
    target = require_target(target)
    return chat(target.model, target.tokenizer, conversations, max_new_tokens, params, seed=seed)
