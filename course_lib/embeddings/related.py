"""Pairs of related words to test vectors with, taken from the corpus itself.

Public test sets (WordSim-353, the Google analogies) ask for kings, capitals and currencies,
which technical text hardly mentions. Two sources of pairs fit any corpus better: the "See Also"
sections that authors of numpydoc docstrings write by hand, and, where there are none, words
that stand together in held-out documents.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from course_lib.embeddings.vocabulary import Vocabulary
from course_lib.workbook.corpus import Corpus
from course_lib.workbook.corpus.words import words

Pair = tuple[str, str]
_SECTION = re.compile(
    r"^[ \t]*See Also[ \t]*\n[ \t]*-{3,}[ \t]*\n(?P<body>.*?)(?=^[ \t]*\S[^\n]*\n[ \t]*[-=]{3,}[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(r"^(?::\w+:)?`{0,2}~?(?:\w+\.)*(\w+)`{0,2}(?:\(\))?$")


def split_see_also(text: str) -> tuple[str, list[str]]:
    """The text without its "See Also" section, and the names that the section lists, in lower case.

    >>> split_see_also("Add.\\n\\nSee Also\\n--------\\nnumpy.subtract : The inverse.\\n")
    ('Add.\\n\\n', ['subtract'])
    """
    found = _SECTION.search(text)
    if not found:
        return text, []
    lines = [line.rstrip() for line in found["body"].splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    listed = [line.strip() for line in lines if len(line) - len(line.lstrip()) == margin]
    parts = [part.strip() for line in listed for part in re.split(r"\s*:(?:\s|$)", line, maxsplit=1)[0].split(",")]
    names = [match[1].lower() for part in parts if (match := _NAME.match(part))]
    return text[: found.start()] + text[found.end() :], names
