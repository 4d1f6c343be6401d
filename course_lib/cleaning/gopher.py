"""The Gopher quality rules, each with its measured value, so that a decision can be explained.

Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
appendix A.1.1, has the rules and thresholds. The paper leaves open how words are split, and
the outcome depends on it: the splitter is an argument without a default.
"""

from collections.abc import Callable, Iterable, Iterator

from course_lib.cleaning.log import RemovalLog
from course_lib.cleaning.verdicts import Verdict, drop_failing
from course_lib.workbook.corpus import Document

COMMON = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
BULLETS = ("•", "-", "*", "‣")
ELLIPSES = ("...", "…")


def explain_quality(text: str, split: Callable[[str], list[str]]) -> list[Verdict]:
    """Every rule's verdict on ``text``, with the words that ``split`` finds in it.

    Ratios are per word or per line that is not blank; they are 0 where there is none. As in datatrove,
    pieces without a letter or digit do not count as words for the number and the mean length of words.
    """
    tokens = split(text)
    words = [token for token in tokens if any(map(str.isalnum, token))]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    per_word, per_line = max(len(tokens), 1), max(len(lines), 1)
    ellipses = sum(text.count(mark) for mark in ELLIPSES)
    return [
        Verdict("words", len(words), 50, 100_000),
        Verdict("mean-word-length", sum(map(len, words)) / max(len(words), 1), 3, 10),
        Verdict("hash-signs", text.count("#") / per_word, 0, 0.1),
        Verdict("ellipses", ellipses / per_word, 0, 0.1),
        Verdict("bullet-lines", sum(line.startswith(BULLETS) for line in lines) / per_line, 0, 0.9),
        Verdict(
            "ellipsis-lines", sum(line.endswith(ELLIPSES) for line in lines) / per_line, 0, 0.3
        ),
        Verdict(
            "alphabetic-words", sum(any(map(str.isalpha, t)) for t in tokens) / per_word, 0.8, 1
        ),
        Verdict("common-words", len(COMMON.intersection(map(str.lower, tokens))), 2, len(COMMON)),
    ]


def drop_low_quality(
    documents: Iterable[Document], log: RemovalLog, *, split: Callable[[str], list[str]]
) -> Iterator[Document]:
    """The documents that pass every rule.

    Reason: the first rule that fails; evidence: its value, and all ``failed`` rules.
    """
    return drop_failing(documents, log, "gopher-quality", lambda text: explain_quality(text, split))
