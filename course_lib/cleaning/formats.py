"""The four forms of training data, with validation.

    RawText      text                      to go on with text (pre-training)
    Instruction  prompt, completion        to answer (supervised fine-tuning)
    Chat         messages                  to answer over several turns
    Preference   prompt, chosen, rejected  to learn which of two answers is better

The names of the fields are those that the library TRL expects in its data sets.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from course_lib.errors import CourseError

ROLES = ("system", "user", "assistant")


def text_problems(name: str, text: object) -> list[str]:
    """What is wrong with one field of text; [] if nothing is."""
    if not isinstance(text, str):
        return [f"{name} is no text but {type(text).__name__}"]
    if not text.strip():
        return [f"{name} is empty"]
    found = []
    if "\x00" in text:
        found.append(f"{name} holds a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        found.append(f"{name} holds half of a character (a lone surrogate)")
    return found


@dataclass(frozen=True, slots=True)
class RawText:
    """Text to be continued."""

    text: str

    def problems(self) -> list[str]:
        return text_problems("text", self.text)


@dataclass(frozen=True, slots=True)
class Instruction:
    """A question or task, and the answer that is learned."""

    prompt: str
    completion: str

    def problems(self) -> list[str]:
        found = text_problems("prompt", self.prompt) + text_problems("completion", self.completion)
        if not found and self.prompt.strip() == self.completion.strip():
            found.append("the completion repeats the prompt")
        return found


@dataclass(frozen=True, slots=True)
class Chat:
    """Turns of a conversation: ``messages`` are dictionaries with ``role`` and ``content``."""

    messages: tuple[dict[str, str], ...]

    def problems(self) -> list[str]:
        if not isinstance(self.messages, list | tuple) or not self.messages:
            return ["messages is no list of turns, or an empty one"]
        for number, turn in enumerate(self.messages, 1):
            if not isinstance(turn, dict) or set(turn) != {"role", "content"}:
                return [f"turn {number} needs exactly a role and a content"]
            if turn["role"] not in ROLES:
                return [
                    f"turn {number} has the role {turn['role']!r}; there are {', '.join(ROLES)}"
                ]
            if found := text_problems(f"the content of turn {number}", turn["content"]):
                return found
        roles = [turn["role"] for turn in self.messages]
        spoken = roles[1:] if roles[0] == "system" else roles
        if "system" in spoken:
            return ["a system message stands first, and once"]
        if any(role != ("user", "assistant")[place % 2] for place, role in enumerate(spoken)):
            return ["user and assistant take turns, and the user begins"]
        return (
            []
            if spoken and spoken[-1] == "assistant"
            else ["the last turn is not the assistant's: nothing to learn"]
        )


@dataclass(frozen=True, slots=True)
class Preference:
    """Two answers to one prompt, of which ``chosen`` is the better one."""

    prompt: str
    chosen: str
    rejected: str

    def problems(self) -> list[str]:
        found = [
            text
            for field in fields(self)
            for text in text_problems(field.name, getattr(self, field.name))
        ]
        if not found and self.chosen.strip() == self.rejected.strip():
            found.append("chosen and rejected are the same: there is nothing to prefer")
        return found


Example = RawText | Instruction | Chat | Preference
FORMS: dict[str, type] = {
    "text": RawText,
    "instruction": Instruction,
    "chat": Chat,
    "preference": Preference,
}


def to_record(example: Example) -> dict[str, Any]:
    """The example as a dictionary for JSON Lines or Parquet."""
    record = asdict(example)
    if "messages" in record:
        record["messages"] = list(record["messages"])
    return record


def from_record(form: str, record: object) -> tuple[Example | None, list[str]]:
    """(the example, []) from a dictionary, or (None, what is wrong with it). Further fields are passed over.

    form   one of ``FORMS``
    """
    kind = form_named(form)
    names = [field.name for field in fields(kind)]
    if not isinstance(record, dict):
        return None, [f"it is no record but {type(record).__name__}"]
    if missing := [name for name in names if name not in record]:
        return None, [f"{' and '.join(missing)} missing"]
    values = {name: record[name] for name in names}
    if isinstance(values.get("messages"), list):
        values["messages"] = tuple(values["messages"])
    example = kind(**values)
    problems = example.problems()
    return (None, problems) if problems else (example, [])


def form_named(form: str) -> type:
    """The class of a form; ``CourseError`` for an unknown name."""
    if form not in FORMS:
        raise CourseError(f"There is no form {form!r}: take one of {', '.join(FORMS)}.")
    return FORMS[form]


def sort_out(examples: Iterable[Example]) -> tuple[list[Example], list[tuple[int, str]]]:
    """(the valid examples, (number from 0, first problem) for the others)."""
    valid, broken = [], []
    for number, example in enumerate(examples):
        if problems := example.problems():
            broken.append((number, problems[0]))
        else:
            valid.append(example)
    return valid, broken
