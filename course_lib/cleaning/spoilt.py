"""A pile of good and bad documents whose truth is known, made from any corpus.

Half of the documents stay as they are. The other half becomes junk of the kinds that fill the web,
made of their own words, so that the topic alone gives nothing away.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words

GOOD = "good"
_PRAISE = (
    "Buy {} now and save!",
    "The best {} online, cheap {} guaranteed.",
    "Order {} today: free delivery on {}.",
    "Why pay more for {}? Our {} has five stars.",
    "{} {} {} at the lowest price.",
    "Click for more {} deals!",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A document with the truth about it: keep it or not, and what it is (``good`` or a kind of junk)."""

    document: Document
    keep: bool
    kind: str


def _terms(text: str) -> list[str]:
    """Words of the text; never empty."""
    found = [piece for piece in split_words(text) if piece[0].isalnum()]
    return found or ["page"]


def salad(text: str, rng: random.Random) -> str:
    """All words of the text in a random order, with its punctuation."""
    pieces = split_words(text) or ["page"]
    rng.shuffle(pieces)
    return " ".join(pieces)


def menu(text: str, rng: random.Random) -> str:
    """Navigation: one or two words a line, or a row of them."""
    terms = rng.sample(_terms(text), k=min(40, len(_terms(text))))
    rows = [" ".join(terms[i : i + rng.choice((1, 2))]).title() for i in range(0, len(terms), 2)]
    return " | ".join(rows) if rng.random() < 0.5 else "\n".join(rows)


def stutter(text: str, rng: random.Random) -> str:
    """One line of the text, again and again."""
    lines = [line.strip() for line in text.split("\n") if len(line.split()) > 3] or [
        " ".join(_terms(text)[:8])
    ]
    return "\n".join([rng.choice(lines)[:200]] * rng.randint(12, 40))


def keywords(text: str, rng: random.Random) -> str:
    """A list of words for search engines."""
    terms = sorted({term.lower() for term in _terms(text)})
    return ", ".join(rng.sample(terms, k=min(80, len(terms))))


def advert(text: str, rng: random.Random) -> str:
    """Sales talk about words of the text."""
    terms = [
        term.lower() for term in _terms(text) if len(term) > 4 or not term.isascii()
    ] or _terms(text)
    lines = [rng.choice(_PRAISE) for _ in range(rng.randint(10, 20))]
    return " ".join(line.format(*(rng.choice(terms) for _ in range(3))) for line in lines)


def numbers(text: str, rng: random.Random) -> str:
    """A table of numbers with a few of the words as column heads."""
    heads = [rng.choice(_terms(text)) for _ in range(4)]
    rows = [
        "\t".join(f"{rng.uniform(0, 1000):.2f}" for _ in heads) for _ in range(rng.randint(15, 40))
    ]
    return "\n".join(["\t".join(heads), *rows])


SPOILERS: dict[str, Callable[[str, random.Random], str]] = {
    "word salad": salad,
    "menu": menu,
    "stutter": stutter,
    "keywords": keywords,
    "advert": advert,
    "numbers": numbers,
}


def make_pile(documents: Sequence[Document], seed: int = 0, *, good: float = 0.5) -> list[Judged]:
    """The documents, a share ``good`` of them as they are and the others spoilt, in a random order.

    The kinds of junk are equally frequent. Raises ``CourseError`` below two documents.
    """
    if len(documents) < 2:
        raise CourseError(
            "A pile of good and bad documents needs at least two documents: choose a larger corpus."
        )
    rng = random.Random(seed)
    order = rng.sample(range(len(documents)), k=len(documents))
    kept = min(len(order) - 1, max(1, round(good * len(order))))
    pile = [Judged(documents[row], True, GOOD) for row in order[:kept]]
    for number, row in enumerate(order[kept:]):
        kind = list(SPOILERS)[number % len(SPOILERS)]
        own = documents[row]
        pile.append(
            Judged(Document(own.id, SPOILERS[kind](own.text, rng), dict(own.meta)), False, kind)
        )
    rng.shuffle(pile)
    return pile
