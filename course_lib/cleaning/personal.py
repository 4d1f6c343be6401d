"""Personal data that has a fixed form: e-mail addresses and payment card numbers.

Each is replaced by a typed placeholder that is the same for the same value within a document
("[e-mail 1]"), so that the text still says who is who. A card number must pass the check digit
of ISO/IEC 7812-1, annex B (the Luhn formula), which nine in ten chance numbers fail.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from course_lib.cleaning.log import RemovalLog
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.document import EMAIL

CARD = re.compile(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d-])")


def passes_luhn(digits: str) -> bool:
    """True if the last of ``digits`` is the check digit of the others.

    >>> passes_luhn("79927398713")
    True
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mask_personal(text: str) -> tuple[str, dict[str, int]]:
    """``text`` with placeholders, and how many places were replaced by kind (``e-mail``, ``card``)."""
    counts: dict[str, int] = {}

    def mask(kind: str, pattern: re.Pattern[str], text: str) -> str:
        numbers: dict[str, int] = {}

        def placeholder(found: re.Match[str]) -> str:
            key = found[0].lower()
            if kind == "card":
                key = re.sub("[ -]", "", key)
                if len(set(key)) == 1 or not passes_luhn(key):
                    return found[0]
            counts[kind] = counts.get(kind, 0) + 1
            return f"[{kind} {numbers.setdefault(key, len(numbers) + 1)}]"

        return pattern.sub(placeholder, text)

    return mask("card", CARD, mask("e-mail", EMAIL, text)), counts


def mask_documents(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """All documents, masked. Reason ``personal-data``; evidence: places by kind, never the value itself."""
    for document in documents:
        text, counts = mask_personal(document.text)
        if counts:
            log.change(document, "personal", "personal-data", **counts)
            document = replace(document, text=text)
        yield document
