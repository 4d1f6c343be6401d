"""Pairs of related words to test vectors with, taken from the corpus itself.

Public test sets (WordSim-353, the Google analogies) ask for kings, capitals and currencies,
which technical text hardly mentions. Two sources of pairs fit any corpus better: the "See Also"
sections that authors of numpydoc docstrings write by hand, and, where there are none, words
that stand together in held-out paragraphs more often than chance.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csr_array, triu

from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import words

Pair = tuple[str, str]
MOST_WORDS = 2_000  # of these all pairs are counted
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
    parts = [
        part.strip()
        for line in listed
        for part in re.split(r"\s*:(?:\s|$)", line, maxsplit=1)[0].split(",")
    ]
    names = [match[1].lower() for part in parts if (match := _NAME.match(part))]
    return text[: found.start()] + text[found.end() :], names


def see_also_pairs(documents: Iterable[Document]) -> tuple[list[str], list[Pair]]:
    """Every text without its "See Also" section, and the pairs (documented name, listed name).

    A document's own name is the last part of its id: ``numpy.linalg.norm`` gives ``norm``. Each
    pair is given once, whichever way round it was listed, and none of a word with itself.
    """
    texts, pairs = [], {}
    for document in documents:
        text, listed = split_see_also(document.text)
        texts.append(text)
        own = re.split(r"\W", document.id.split("#")[0])[-1].lower()
        for name in listed:
            if own and name != own:
                pairs.setdefault(tuple(sorted((own, name))), (own, name))
    return texts, list(pairs.values())


def cooccurrence_pairs(texts: Sequence[str], most: int = 2_000, at_least: int = 3) -> list[Pair]:
    """Words that share more paragraphs than chance would give them, the strongest first.

    texts      held-out documents, that no vector was trained on
    most       pairs in the answer, at most
    at_least   paragraphs that both words of a pair must stand in

    The strength is the significance of the overlap, G² (Dunning 1993), which unlike the ratio
    of observed to expected does not favour words that occur three times in all. Very frequent
    words (in more than a tenth of the paragraphs) go with everything and are left out.
    """
    inside = [
        found for text in texts for part in text.split("\n\n") if len(found := set(words(part))) > 1
    ]
    seen = Counter(word for document in inside for word in document if len(word) > 1)
    ceiling = max(at_least, len(inside) // 10)
    ranked = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    chosen = {
        word: n
        for n, (word, _) in enumerate(
            [i for i in ranked if at_least <= i[1] <= ceiling][:MOST_WORDS]
        )
    }
    rows = [sorted(chosen[word] for word in document if word in chosen) for document in inside]
    flat = np.array([number for row in rows for number in row], dtype=np.int64)
    table = csr_array(
        (np.ones(len(flat)), flat, np.cumsum([0, *map(len, rows)])),
        shape=(len(rows), max(1, len(chosen))),
    )
    together = triu((table.T @ table).tocsr(), k=1).tocoo()
    counts = np.array([seen[word] for word in chosen], dtype=float)
    used = together.data >= at_least
    first, second = together.coords[0][used], together.coords[1][used]
    strength = _strength(together.data[used], counts[first], counts[second], len(inside))
    order = np.argsort(-strength, kind="stable")[:most]
    names = list(chosen)
    return [(names[first[n]], names[second[n]]) for n in order if strength[n] > 0]


def _strength(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, documents: int
) -> np.ndarray:
    """G² of the 2 × 2 tables of documents with and without each of two words; 0 if they avoid each other."""
    observed = np.stack([both, first - both, second - both, documents - first - second + both])
    rows = np.stack([first, first, documents - first, documents - first])
    columns = np.stack([second, documents - second, second, documents - second])
    ratio = np.maximum(observed, 1e-12) * documents / np.maximum(rows * columns, 1e-12)
    surprise = 2 * np.where(observed > 0, observed * np.log(ratio), 0).sum(0)
    return np.where(both * documents > first * second, surprise, 0.0)
