"""How good are word vectors? Scores, each with what it covers, and a stability.

A score is worth what it covers: a question about a word without a vector is left out, and the
score says how many were.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from sklearn.metrics import roc_auc_score

from course_lib.embeddings.vectors import WordVectors
from course_lib.places import REPOSITORY

QUESTIONS = REPOSITORY / "assets" / "evaluation"


@dataclass(frozen=True)
class CoverageScore:
    """A number between 0 and 1 (nan when nothing could be asked), and what it rests on: how many
    of the questions were answered, since all of their words have vectors."""

    value: float
    answered: int
    asked: int
    unit: str = "questions"

    def __str__(self) -> str:
        """With ± the standard error of a fraction; for an area under the curve that is the upper
        bound of Birnbaum and Klose (1957)."""
        if not self.answered:
            why = f"none of {self.asked:,} {self.unit} has vectors for all its words"
            return f"cannot be measured here: {why}"
        error = (self.value * (1 - self.value) / self.answered) ** 0.5
        covered = f"{self.asked:,} {self.unit} ({self.answered / self.asked:.0%})"
        return f"{self.value:.3f} ± {error:.3f} on {self.answered:,} of {covered}"


def related_pairs_score(
    vectors: WordVectors, pairs: Sequence[tuple[str, str]], seed: int = 0
) -> CoverageScore:
    """Do related words have a higher cosine than the same words paired by chance?

    The area under the ROC curve: 0.5 is guessing, 1 perfect. Each word is as frequent among the
    unrelated pairs as among the related ones, so frequency alone scores nothing.
    """
    index = vectors.index
    known = [(index[a], index[b]) for a, b in pairs if a in index and b in index]
    related = {*known, *((b, a) for a, b in known)}
    first, second = np.array(known, dtype=int).reshape(-1, 2).T
    rng = np.random.default_rng(seed)
    shuffles = (zip(first, rng.permutation(second), strict=True) for _ in range(5))
    unrelated = [(a, b) for pairs in shuffles for a, b in pairs if a != b and (a, b) not in related]
    if len(known) < 2 or not unrelated:
        return CoverageScore(float("nan"), 0, len(pairs), "pairs")
    first, second = np.array([*known, *unrelated]).T
    cosines = (vectors.normed[first] * vectors.normed[second]).sum(1)
    value = float(roc_auc_score(np.arange(len(cosines)) < len(known), cosines))
    return CoverageScore(value, len(known), len(pairs), "pairs")


def read_analogies() -> dict[str, list[list[str]]]:
    """Questions "a is to b as c is to d" by category."""
    return json.loads((QUESTIONS / "analogies.json").read_text(encoding="utf-8"))["categories"]


def read_odd_one_out() -> list[tuple[list[str], str]]:
    """Questions (words, the odd one among them)."""
    stored = json.loads((QUESTIONS / "odd_one_out.json").read_text(encoding="utf-8"))
    return [(question["words"], question["odd"]) for question in stored["questions"]]


def analogy_score(
    vectors: WordVectors, questions: Iterable[Sequence[str]], topn: int = 1
) -> CoverageScore:
    """How many analogies have d among the first ``topn`` answers. Guessing gives nearly 0."""

    def right(a: str, b: str, c: str, d: str) -> bool:
        return d in [word for word, _ in vectors.analogy(a, b, c, topn)]

    questions = list(questions)
    return _fraction([right(*q) for q in questions if _all_known(vectors, q)], len(questions))


def odd_one_out_score(
    vectors: WordVectors, questions: Sequence[tuple[Sequence[str], str]]
) -> CoverageScore:
    """How often the odd word is found. Guessing among four gives 0.25."""
    known = [(words, odd) for words, odd in questions if _all_known(vectors, words)]
    return _fraction([vectors.doesnt_match(words) == odd for words, odd in known], len(questions))


def _all_known(vectors: WordVectors, words: Sequence[str]) -> bool:
    return all(word in vectors for word in words)


def _fraction(right: Sequence[bool], asked: int) -> CoverageScore:
    return CoverageScore(float(np.mean(right)) if right else float("nan"), len(right), asked)


def neighbour_stability(
    models: Sequence[WordVectors], words: Sequence[str], topn: int = 10
) -> float:
    """The mean fraction of a word's nearest neighbours that two models have in common.

    All pairs of models are compared; each word must have a vector in every one.
    """
    near = [[{w for w, _ in model.most_similar(word, topn)} for word in words] for model in models]
    pairs = (pair for x, y in combinations(near, 2) for pair in zip(x, y, strict=True))
    return float(np.mean([len(a & b) / max(1, len(a)) for a, b in pairs]))
