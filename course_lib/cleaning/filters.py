"""The published filters: which documents and lines go, each decision with its measured value.

Gopher     Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
           Gopher", appendix A.1.1 and table A1
RefinedWeb Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", figure 2, appendix G.2
FineWeb    Penedo et al. 2024, "The FineWeb Datasets", section 3

Rules have the names that they have in datatrove, with which FineWeb was made. The papers leave
open how words are split, and the outcome depends on it: ``split`` has no default.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import regex  # knows Unicode's properties; the standard library's re does not

from course_lib.cleaning.duplicates import drop_near
from course_lib.cleaning.repair import extract_pages
from course_lib.cleaning.steps import RemovalLog, Step
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.language import MIN_LETTERS, identify, known_languages, num_letters
from course_lib.workbook.corpus.words import split_words

Split = Callable[[str], list[str]]
SPLITTERS: dict[str, Split] = {
    "blanks": str.split,  # leaves marks on the words; the code of C4 does so
    "words": re.compile(r"\w+").findall,  # throws marks away
    "words and marks": split_words,  # as spaCy's tokenizer does, which datatrove takes
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule on one text: reason code, the measured value, allowed range, ends included."""

    reason: str
    value: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        return self.low <= self.value <= self.high


def drop_failing(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    step: str,
    explain: Callable[..., list[Verdict]],
    **arguments: Split | float,
) -> Iterator[Document]:
    """The documents that pass every rule of ``explain(text, **arguments)``; the log has which."""
    for document in documents:
        failed = [verdict for verdict in explain(document.text, **arguments) if not verdict.passed]
        if failed:
            names = ", ".join(verdict.reason for verdict in failed)
            log.drop(document, step, failed[0].reason, value=float(failed[0].value), failed=names)
        else:
            yield document


# --- Gopher: quality ---

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
BULLETS = ("•", "-", "*", "‣")
ELLIPSES = ("...", "…")


def explain_quality(text: str, split: Split) -> list[Verdict]:
    """Every quality rule's verdict on ``text``.

    Ratios are per word or per line that is not blank; they are 0 where there is none. As in
    datatrove, pieces without a letter or digit do not count for number and mean length of words.
    """
    tokens = split(text)
    words = [token for token in tokens if any(map(str.isalnum, token))]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    num_tokens, num_lines = max(len(tokens), 1), max(len(lines), 1)
    bullets = sum(line.startswith(BULLETS) for line in lines)
    ellipses = sum(line.endswith(ELLIPSES) for line in lines)
    alpha = sum(any(map(str.isalpha, token)) for token in tokens)
    stop_words = len(STOP_WORDS.intersection(map(str.lower, tokens)))
    return [
        Verdict("doc_words", len(words), 50, 100_000),
        Verdict("avg_word_length", sum(map(len, words)) / max(len(words), 1), 3, 10),
        Verdict("hash_word_ratio", text.count("#") / num_tokens, 0, 0.1),
        Verdict("ellipsis_word_ratio", sum(map(text.count, ELLIPSES)) / num_tokens, 0, 0.1),
        Verdict("bullet_lines_ratio", bullets / num_lines, 0, 0.9),
        Verdict("ellipsis_lines_ratio", ellipses / num_lines, 0, 0.3),
        Verdict("alpha_words_ratio", alpha / num_tokens, 0.8, 1),
        Verdict("stop_words", stop_words, 2, len(STOP_WORDS)),
    ]


drop_low_quality = partial(drop_failing, step="gopher-quality", explain=explain_quality)

# --- Gopher: repetition ---

DUPLICATES = {"dup_para_frac": 0.30, "dup_para_char_frac": 0.20}
DUPLICATES |= {"dup_line_frac": 0.30, "dup_line_char_frac": 0.20}
TOP_N_GRAMS = {2: 0.20, 3: 0.18, 4: 0.16}
DUP_N_GRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
MAX_CHARACTERS = 5_000_000  # of a text that are looked at


def find_duplicates(items: Sequence[str]) -> tuple[int, int]:
    """How many items are second or later copies, and how many characters those have."""
    seen: set[str] = set()
    count = characters = 0
    for item in items:
        if item in seen:
            count += 1
            characters += len(item)
        seen.add(item)
    return count, characters


def _n_grams(words: list[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[place:] for place in range(n)), strict=False)


def find_top_duplicate(words: list[str], n: int) -> int:
    """Characters in all copies of the most frequent n-gram, with blanks; the first of equals."""
    counts = Counter(_n_grams(words, n))
    if not counts:
        return 0
    top = max(counts, key=counts.__getitem__)
    return counts[top] * len(" ".join(top))


def find_all_duplicate(words: list[str], n: int) -> int:
    """Letters in n-grams that stood before; a copy is stepped over, so nothing counts twice."""
    codes = list(map(hash, _n_grams(words, n)))
    if len(set(codes)) == len(codes):
        return 0
    seen: set[int] = set()
    characters = place = 0
    while place < len(codes):
        if codes[place] in seen:
            characters += sum(map(len, words[place : place + n]))
            place += n
        else:
            seen.add(codes[place])
            place += 1
    return characters


def explain_repetition(text: str, split: Split) -> list[Verdict]:
    """Every repetition rule's verdict on the first five million characters of ``text``.

    Where the paper leaves details open these are datatrove's: only the second and later copies
    count as duplicate, fractions are of all the text's characters, and the most frequent n-gram
    counts even when it occurs once, so that a text of a few words fails.
    """
    text = text[:MAX_CHARACTERS]
    size = max(len(text), 1)
    fractions: list[float] = []
    for parts in (re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)):
        count, characters = find_duplicates(parts)
        fractions += [count / len(parts), characters / size]
    limits = zip(DUPLICATES.items(), fractions, strict=True)
    verdicts = [Verdict(name, value, 0, limit) for (name, limit), value in limits]
    words = split(text)
    for n, limit in TOP_N_GRAMS.items():
        verdicts.append(Verdict(f"top_{n}_gram", find_top_duplicate(words, n) / size, 0, limit))
    found = 1
    for n, limit in DUP_N_GRAMS.items():  # where no 5-gram comes back, no longer one does
        found = find_all_duplicate(words, n) if found else 0
        verdicts.append(Verdict(f"duplicated_{n}_n_grams", found / size, 0, limit))
    return verdicts


drop_repetitive = partial(drop_failing, step="gopher-repetition", explain=explain_repetition)

# --- FineWeb ---

STOP_CHARS = (
    ".",
    "?",
    "!",
    '"',
    "'",
    "…",
    "”",
    "’",
    "»",
    "。",
    "！",
    "？",
    "؟",
    "۔",
    "।",
    "॥",
    "።",
)


def explain_fineweb(
    text: str, split: Split, *, char_duplicates_ratio: float = 0.1
) -> list[Verdict]:
    """Every rule's verdict on ``text``; blank lines do not count, an empty text fails.

    The paper has three rules; datatrove's filter has a fourth, ends of lines a word. For characters
    in duplicated lines the paper says at most 0.1 and datatrove's default is 0.01.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    num_lines, size = max(len(lines), 1), max(len(text) - text.count("\n"), 1)
    ended = sum(line.endswith(STOP_CHARS) for line in lines)
    short = sum(len(line) <= 30 for line in lines)
    copied = find_duplicates(lines)[1]
    return [
        Verdict("line_punct_ratio", ended / num_lines, 0.12, 1),
        Verdict("short_line_ratio", short / num_lines, 0, 0.67),
        Verdict("char_dup_ratio", copied / size, 0, char_duplicates_ratio),
        Verdict("list_ratio", text.count("\n") / max(len(split(text)), 1), 0, 0.3),
    ]


drop_fineweb = partial(drop_failing, step="fineweb", explain=explain_fineweb)

# --- RefinedWeb: lines that belong to the web site and not to the document ---

_COUNTER = re.compile(
    r"\W*[\d.,]+\s?[km]?\+?\s+"
    r"(?:likes?|shares?|comments?|views?|followers?|replies|retweets?|contributors?)\W*"
)
_PHRASE = re.compile(
    r"^(?:sign[ -]?in|sign[ -]?up|log[ -]?in|subscribe|advertisement|skip to|share (?:this|on))"
    r"|^follow us|^home [>»|/]|items? in cart|you might also like|all rights reserved"
    r"|(?:read more|click here|learn more|back to top|add to cart|show more)(?:\.{3}|…)?$"
    r"|accept (?:all )?cookies|uses cookies|terms of use|privacy policy|©|\(c\) "
)
_PATH = re.compile(r"[^>»]{1,40}(?: [>»]{1,2} [^>»]{1,40}){2,}")
# Letters of scripts without blanks (Unicode's classes of line breaking), and marks between words.
_UNSPACED = regex.compile(r"[[\p{lb=ID}\p{lb=SA}\p{lb=CJ}]&&\p{L}]|[་፡]", regex.V1)


def count_words(line: str) -> int:
    """Words between blanks; in a script without blanks every letter counts as one.

    >>> count_words("The river"), count_words("今天天气很好")
    (2, 6)
    """
    return sum(max(1, len(_UNSPACED.findall(word))) for word in line.split())


def site_line_reason(line: str) -> str | None:
    """Why a line looks like a part of the web site: a reason code, or None.

    The paper gives examples of its phrases and not its list; the list here is ours.

    >>> site_line_reason("3 likes"), site_line_reason("The river runs.")
    ('counter', None)
    """
    bare, lower = line.strip(), line.strip().lower()
    letters = [letter for letter in bare if letter.isalpha()]
    if not letters:
        return "digits" if any(map(str.isdigit, bare)) else None
    words = count_words(bare)
    if words <= 10:
        if _COUNTER.fullmatch(lower):
            return "counter"
        if _PATH.fullmatch(bare):
            return "navigation"
        if _PHRASE.search(lower):
            return "phrase"
    if words == 1:
        return "one-word"
    return "capitals" if sum(map(str.isupper, letters)) > len(letters) / 2 else None


def drop_site_lines(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Documents without the lines that ``site_line_reason`` flags.

    Reason ``site-lines`` with counts by kind and the first line; ``mostly-site-lines`` drops a
    document when more than a twentieth of its words stands in such lines.
    """
    for document in documents:
        lines = [(line, site_line_reason(line)) for line in document.text.split("\n")]
        gone = [(line.strip(), reason) for line, reason in lines if reason]
        if not gone:
            yield document
            continue
        text = "\n".join(line for line, reason in lines if not reason)
        flagged = sum(count_words(line) for line, _ in gone)
        fraction = flagged / max(flagged + count_words(text), 1)
        evidence = {"fraction": round(fraction, 3), "first": gone[0][0][:80]}
        evidence |= Counter(reason for _, reason in gone)
        if fraction > 0.05 or not text.strip():
            log.drop(document, "site lines", "mostly-site-lines", **evidence)
        else:
            log.change(document, "site lines", "site-lines", **evidence)
            yield replace(document, text=text)


# --- Languages, and the pipeline of RefinedWeb ---


def keep_languages(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    languages: Collection[str] = ("en",),
    min_prob: float = 0.65,
) -> Iterator[Document]:
    """Documents that are in one of ``languages`` (ISO 639-1 codes) with at least this probability.

    FineWeb and RefinedWeb ask for 0.65 of another classifier (fastText), on another scale. Reasons
    ``other-language`` and ``unsure-language`` with the ``language`` and its ``prob``. A text
    of fewer than 40 letters stays, and the log says so: ``kept``, ``too-short-to-tell``.
    """
    if unknown := set(languages) - known_languages():
        raise ValueError(f"no such language: {unknown}. Give codes such as en, de or zh")
    for document in documents:
        letters = num_letters(document.text)
        if letters < MIN_LETTERS:
            log.keep(document, "language", "too-short-to-tell", letters=letters)
            yield document
            continue
        language, prob = identify(document.text)
        if language in languages and prob >= min_prob:
            yield document
        else:
            reason = "unsure-language" if language in languages else "other-language"
            log.drop(document, "language", reason, language=language, prob=round(prob, 3))


def refinedweb(split: Split, language: str = "en") -> dict[str, Step]:
    """Falcon's pipeline as steps for ``run_steps``.

    Left out: the addresses that it blocks, and its last step (``duplicates.drop_passages``).
    """
    return {
        "main text": extract_pages,
        "language": partial(keep_languages, languages=(language,)),
        "repetition": partial(drop_repetitive, split=split),
        "quality": partial(drop_low_quality, split=split),
        "site lines": drop_site_lines,
        "near duplicates": partial(drop_near, bands=450, rows=20),
    }
