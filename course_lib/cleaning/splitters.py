"""Three ways to cut a text into words. The published filters count words and seldom say which way they mean.

datatrove, which made FineWeb, takes spaCy's tokenizer for English: words and marks. The code of
C4 splits at blanks for its lines. A regular expression for words alone is what a first draft has.
"""

import re
from collections.abc import Callable

from course_lib.workbook.corpus.words import split_words

SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "blanks": str.split,
    "words": re.compile(r"\w+").findall,
    "words and marks": split_words,
}
"""Name → splitter: ``blanks`` leaves marks on the words, ``words`` throws them away, the third counts them as words."""
