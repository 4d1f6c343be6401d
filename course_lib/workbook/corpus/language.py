"""Which language a text is in, as py3langid tells it; its model is inside the package.

Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool" (ACL system
demonstrations): a naive Bayes classifier on byte n-grams. It answers for every text, so a
probability and a minimum length belong to an answer.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

MIN_LETTERS = 40  # shorter texts tell too little
MAX_CHARACTERS = 20_000  # the beginning of a text is enough
UNKNOWN = "?"


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def known_languages() -> frozenset[str]:
    """The codes (mostly ISO 639-1) that ``identify`` can answer; ``zxx`` is no language."""
    return frozenset(_identifier().nb_classes)


def identify(text: str) -> tuple[str, float]:
    """The likeliest language of the beginning of ``text``, and its probability."""
    language, probability = _identifier().classify(text[:MAX_CHARACTERS])
    return language, float(probability)


def num_letters(text: str) -> int:
    """Letters in the part of ``text`` that is looked at: below ``MIN_LETTERS`` do not ask."""
    return sum(map(str.isalpha, text[:MAX_CHARACTERS]))


def languages(texts: Iterable[str]) -> dict[str, int]:
    """How many of ``texts`` are in which language, most frequent first; ``?`` is too short."""
    counts = Counter(
        identify(text)[0] if num_letters(text) >= MIN_LETTERS else UNKNOWN for text in texts
    )
    return dict(counts.most_common())


def main_language(texts: Iterable[str]) -> str:
    """The language of most of the first 200 texts; ``en`` if none is long enough to tell."""
    counts = languages(itertools.islice(texts, 200))
    return next((language for language in counts if language != UNKNOWN), "en")
