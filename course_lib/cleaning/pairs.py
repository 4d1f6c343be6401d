"""Questions and answers out of documents that hold them already.

From docstrings: what a function does, and its first line. From Markdown pages: a heading that is
a question, or the topic of a section, and what stands below it.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence

from course_lib.cleaning.formats import Chat, Instruction, Preference, RawText
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

_HEADING = re.compile(r"(#{1,6}) +(.+?) *#* *$")
_FENCE = re.compile(r" {0,3}(```|~~~)")


def raw_texts(documents: Iterable[Document]) -> Iterator[RawText]:
    """The documents as they are; those without text are left out."""
    return (RawText(document.text) for document in documents if document.text.strip())


def docstring_pairs(
    documents: Iterable[Document], *, least: int = 4, most: int = 40
) -> Iterator[Instruction]:
    """ "What does `json.dumps` do?" and the summary of its docstring, of ``least`` to ``most`` words.

    Documents of ``python-docs`` have dotted names as titles; private names ("_x") are left out, and
    summaries that are no sentence. PEP 257 asks for a first line that ends in a period.
    """
    for document in documents:
        name, own = str(document.meta.get("title", "")), document.id.partition(":")[0]
        parts = name.split(".")
        if (
            own == "topics"
            or len(parts) < 2
            or not all(re.fullmatch(r"[A-Za-z]\w*", part) for part in parts)
        ):
            continue
        summary = " ".join(document.text.strip().split("\n\n")[0].split())
        if least <= len(summary.split()) <= most and summary.endswith(".") and summary[0].isalpha():
            yield Instruction(f"What does `{name}` do?", summary)


def sections_of(text: str) -> Iterator[tuple[int, str, str]]:
    """(level, heading, text below it) of a Markdown page. Lines in code fences are no headings."""
    level, heading, lines, fence = 0, "", [], ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1] == fence):
            fence = "" if fence else mark[1]
        found = None if fence or mark else _HEADING.match(line)
        if found:
            yield level, heading, "\n".join(lines).strip()
            level, heading, lines = len(found[1]), found[2], []
        else:
            lines.append(line)
    yield level, heading, "\n".join(lines).strip()


def heading_pairs(documents: Iterable[Document], *, most: int = 200) -> Iterator[Instruction]:
    """The sections of Markdown pages as questions and answers of up to ``most`` words.

    A heading with a question mark is the question. Any other becomes one, with the page's title:
    "What does “Travel” say about “Hotels”?", and "What does “Travel” say?" for what stands above the
    first section. Pages whose ``status`` is not ``current`` are left out: an answer that was right
    once is a wrong answer now.
    """
    for document in documents:
        if document.meta.get("status", "current") != "current":
            continue
        title = str(document.meta.get("title", ""))
        for level, heading, body in sections_of(document.text):
            if level == 1:
                title = heading
            if not body or not title or len(body.split()) > most:
                continue
            about = f" about “{heading}”" if level > 1 else ""
            asked = (
                heading
                if heading.endswith("?") and level > 1
                else f"What does “{title}” say{about}?"
            )
            yield Instruction(asked, body)


def as_chat(pair: Instruction, system: str = "") -> Chat:
    """One question and one answer as a conversation, after a ``system`` message if there is one."""
    first = ({"role": "system", "content": system},) if system else ()
    turns = (
        {"role": "user", "content": pair.prompt},
        {"role": "assistant", "content": pair.completion},
    )
    return Chat((*first, *turns))


def as_preferences(pairs: Sequence[Instruction], seed: int = 0) -> list[Preference]:
    """For each pair its own answer as ``chosen`` and that of another pair as ``rejected``.

    Easy comparisons, good for a first test of a reward model: the rejected answer is well
    written and about something else. Raises ``CourseError`` where all answers are the same.
    """
    answers = sorted({pair.completion for pair in pairs})
    if len(answers) < 2:
        raise CourseError("Preferences need at least two different answers to choose from.")
    rng, found = random.Random(seed), []
    for pair in pairs:
        other = pair.completion
        while other == pair.completion:
            other = rng.choice(answers)
        found.append(Preference(pair.prompt, pair.completion, other))
    return found
