"""The C4 rules: lines that do not look like sentences go, and whole pages on a few signs.

Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer", section 2.2. Numbers and the rules that the paper does not list (words of more
than 1,000 characters, cookie notices, citation marks) are from its code, ``c4_utils.py`` in
TensorFlow Datasets: 5 words a line, 3 sentences a page. datatrove's filter has them the other way round,
3 words and 5 sentences. Not here: the list of bad words, which has to be fetched.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from course_lib.cleaning.log import RemovalLog
from course_lib.cleaning.verdicts import Verdict
from course_lib.workbook.corpus import Document

ENDS = (".", "?", "!", '"', "'")
POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
LONGEST_WORD = 1_000
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_SENTENCE = re.compile(r"(?<![.!?])[.!?]++(?=[\s\"')\]]|$)")


def count_sentences(line: str) -> int:
    """Ends of sentences in a line, at least 1: a simple rule in the place of NLTK's, which needs a model.

    >>> count_sentences('Wait... what? "Go home!" it said')
    3
    """
    return max(1, len(_SENTENCE.findall(line)))


@dataclass(frozen=True, slots=True)
class C4Page:
    """A page after the rules: the ``text`` that is left, lines taken out by reason, the verdicts on the page."""

    text: str
    lines: dict[str, int]
    verdicts: list[Verdict]


def judge_line(
    line: str, split: Callable[[str], list[str]], *, fewest_words: int = 5, need_end: bool = True
) -> str | None:
    """Why a line goes: a reason code, or None if it stays."""
    words, lower = split(line), line.lower()
    if any(len(word) > LONGEST_WORD for word in words):
        return "long-word"
    if need_end and (not line.endswith(ENDS) or line.endswith("...")):
        return "no-end-mark"
    if len(words) < fewest_words:
        return "few-words"
    if "javascript" in lower:
        return "javascript"
    if any(phrase in lower for phrase in POLICY):
        return "policy"
    return None


def clean_page(
    text: str,
    split: Callable[[str], list[str]],
    *,
    fewest_words: int = 5,
    fewest_sentences: int = 3,
    need_end: bool = True,
    sentences: Callable[[str], int] = count_sentences,
) -> C4Page:
    """The lines that stay, and the page's verdicts. FineWeb runs it with ``need_end=False``."""
    kept, gone = [], Counter()
    for line in text.splitlines():
        line = _CITATION.sub("", line).strip()
        if not line:
            continue
        reason = judge_line(line, split, fewest_words=fewest_words, need_end=need_end)
        if reason:
            gone[reason] += 1
        else:
            kept.append(line)
    verdicts = [
        Verdict("lorem-ipsum", text.lower().count("lorem ipsum"), 0, 0),
        Verdict("curly-brackets", text.count("{"), 0, 0),
        Verdict("sentences", sum(map(sentences, kept)), fewest_sentences, float("inf")),
    ]
    return C4Page("\n".join(kept), dict(gone), verdicts)


def clean_c4(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    split: Callable[[str], list[str]],
    need_end: bool = True,
) -> Iterator[Document]:
    """Pages that pass, with the lines that stay.

    Reasons: of a dropped page the first rule that fails, with its value, all ``failed`` rules and the
    lines that went by reason; ``lines`` for a page that lost some.
    """
    for document in documents:
        page = clean_page(document.text, split, need_end=need_end)
        failed = [verdict for verdict in page.verdicts if not verdict.passed]
        if failed:
            names = ", ".join(verdict.reason for verdict in failed)
            log.drop(
                document,
                "c4",
                failed[0].reason,
                value=float(failed[0].value),
                failed=names,
                **page.lines,
            )
        elif page.lines:
            log.change(document, "c4", "lines", **page.lines)
            yield replace(document, text=page.text)
        else:
            yield document
