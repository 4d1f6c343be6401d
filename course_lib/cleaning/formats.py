"""The forms of training data, and questions and answers out of documents that hold them.

    text          to go on with text (pre-training); it needs no form of its own
    Instruction   prompt, completion: to answer (supervised fine-tuning)
    Chat          messages: to answer over several turns
    Preference    prompt, chosen, rejected: to learn which of two answers is better

The names of the fields are those that the library TRL expects in its data sets, so that
``datasets.Dataset.from_list([asdict(example) for example in examples])`` is one of them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from course_lib.workbook.corpus import Document

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Instruction:
    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Chat:
    """``messages``: dictionaries with ``role`` and ``content``."""

    messages: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Preference:
    prompt: str
    chosen: str
    rejected: str


Example = Instruction | Chat | Preference


def problem(example: Example) -> str:
    """The first thing that is wrong with an example, "" if nothing is."""
    if isinstance(example, Chat):
        return _chat_problem(example.messages)
    named = list(asdict(example).items())
    wrong = next(filter(None, (_text_problem(*pair) for pair in named)), "")
    (one, first), (other, second) = named[-2:]
    return wrong or (f"{one} and {other} are the same" if first.strip() == second.strip() else "")


def _text_problem(name: str, text: object) -> str:
    if not isinstance(text, str):
        return f"{name} is no text but {type(text).__name__}"
    if re.search("[\x00\ud800-\udfff]", text):
        return f"{name} holds a character that is none: NUL, or a lone surrogate"
    return "" if text.strip() else f"{name} is empty"


def _chat_problem(messages: Sequence[dict[str, str]]) -> str:
    for number, turn in enumerate(messages, 1):
        if turn.get("role") not in ROLES or set(turn) != {"role", "content"}:
            return f"turn {number} needs a content and a role out of {', '.join(ROLES)}"
        if wrong := _text_problem(f"the content of turn {number}", turn["content"]):
            return wrong
    roles = [turn["role"] for turn in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if any(role != ("user", "assistant")[place % 2] for place, role in enumerate(spoken)):
        return "user and assistant take turns, and the user begins; a system message stands first"
    return "" if spoken and len(spoken) % 2 == 0 else "the last turn is not the assistant's"


def sort_out(examples: Iterable[Example]) -> tuple[list[Example], list[tuple[int, str]]]:
    """(the valid examples, (number from 0, first problem) for the others)."""
    problems = [(problem(example), example) for example in examples]
    broken = [(number, wrong) for number, (wrong, _) in enumerate(problems) if wrong]
    return [example for wrong, example in problems if not wrong], broken


def heading_pairs(documents: Iterable[Document], *, max_words: int = 200) -> Iterator[Instruction]:
    """The sections of Markdown pages as questions and answers of up to ``max_words`` words.

    A heading with a question mark is the question. Any other becomes one, with the page's title:
    "What does “Travel” say about “Hotels”?". Pages whose ``status`` is not ``current`` are left
    out: an answer that was right once is a wrong answer now.
    """
    for document in documents:
        if document.meta.get("status", "current") != "current":
            continue
        title = str(document.meta.get("title", ""))
        for level, heading, body in sections(document.text):
            title = heading if level == 1 else title
            if not body or not title or len(body.split()) > max_words:
                continue
            about = f" about “{heading}”" if level > 1 else ""
            question = heading.endswith("?") and level > 1
            yield Instruction(heading if question else f"What does “{title}” say{about}?", body)


def sections(text: str) -> Iterator[tuple[int, str, str]]:
    """(level, heading, text below it) of a Markdown page. Lines in code fences are no headings."""
    level, heading, lines, fence = 0, "", [], ""
    for line in text.split("\n"):
        mark = re.match(r" {0,3}(```|~~~)", line)
        if mark and (not fence or mark[1] == fence):
            fence = "" if fence else mark[1]
        start = None if fence or mark else re.match(r"(#{1,6}) +(.+?) *#* *$", line)
        if start:
            yield level, heading, "\n".join(lines).strip()
            level, heading, lines = len(start[1]), start[2], []
        else:
            lines.append(line)
    yield level, heading, "\n".join(lines).strip()
