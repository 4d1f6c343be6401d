"""Keep the documents of some languages, as py3langid tells them apart; its model is inside the package.

Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool" (ACL system
demonstrations). The method is a naive Bayes classifier on byte n-grams: it answers for every text, so a probability
and a least length belong to it. ``zxx`` is its code for what is no language, program code for instance.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from course_lib.cleaning.log import RemovalLog
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

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


def keep_languages(
    documents: Iterable[Document],
    log: RemovalLog,
    *,
    languages: Collection[str] = ("en",),
    least: float = 0.65,
    fewest_letters: int = FEWEST_LETTERS,
) -> Iterator[Document]:
    """Documents that are in one of ``languages`` with a probability of at least ``least``.

    FineWeb and RefinedWeb ask for 0.65 of another classifier (fastText); the two scales are not the same.
    Reasons ``other-language`` and ``unsure-language`` with the ``language`` and its ``probability``. A text of fewer
    than ``fewest_letters`` letters stays, and the log says so: ``kept``, ``too-short-to-tell``.
    """
    unknown = set(languages) - set(_identifier().nb_classes)
    if unknown or not languages:
        raise CourseError(
            f"No such language: {', '.join(sorted(unknown)) or 'none'}. Give codes such as en, de or zh."
        )
    for document in documents:
        letters = sum(map(str.isalpha, document.text[:MOST_CHARACTERS]))
        if letters < fewest_letters:
            log.keep(document, "language", "too-short-to-tell", letters=letters)
            yield document
            continue
        language, probability = identify(document.text)
        if language in languages and probability >= least:
            yield document
        else:
            reason = "unsure-language" if language in languages else "other-language"
            log.drop(
                document, "language", reason, language=language, probability=round(probability, 3)
            )
