"""Keep the documents of some languages, as py3langid tells them apart; its model is inside the package.

Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool" (ACL system
demonstrations). The method is a naive Bayes classifier on byte n-grams: it answers for every text, so a probability
and a least length belong to it. ``zxx`` is its code for what is no language, program code for instance.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

FEWEST_LETTERS = 40  # shorter texts tell too little
MOST_CHARACTERS = 20_000  # the beginning of a text is enough


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify(text: str) -> tuple[str, float]:
    """The likeliest language (ISO 639-1 code) of the beginning of ``text``, and its probability."""
    language, probability = _identifier().classify(text[:MOST_CHARACTERS])
    return language, float(probability)


def main_language(texts: Iterable[str], looked_at: int = 200) -> str:
    """The language of most of the first texts that are long enough to tell; ``en`` if there is none."""
    found: Counter[str] = Counter()
    for text in itertools.islice(texts, looked_at):
        if sum(map(str.isalpha, text[:MOST_CHARACTERS])) >= FEWEST_LETTERS:
            found[identify(text)[0]] += 1
    return found.most_common(1)[0][0] if found else "en"
