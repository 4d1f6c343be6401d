"""MinHash with LSH against datasketch, with the same documents, shingles, bands and rows."""

import random
from itertools import combinations
from statistics import mean

import numpy as np
from datasketch import MinHash, MinHashLSH

from course_lib.cleaning.near import find_clusters
from course_lib.workbook.corpus import minhash
from course_lib.workbook.corpus.words import words

BANDS, ROWS = 14, 8
SEEDS = range(5)


def family_texts(seed: int, families: int = 50) -> list[str]:
    """Pairs of a text of 120 words and a copy with up to three changed words."""
    chance = random.Random(seed)
    texts = []
    for _ in range(families):
        base = [f"w{chance.randrange(3000)}" for _ in range(120)]
        copy = list(base)
        for place in chance.sample(range(120), chance.randrange(4)):
            copy[place] = "changed"
        texts += [" ".join(base), " ".join(copy)]
    return texts


def grams(text: str) -> set[bytes]:
    tokens = words(text)
    return {" ".join(tokens[i : i + 5]).encode() for i in range(len(tokens) - 4)}


def theirs(sets: list[set[bytes]], seed: int) -> tuple[set[tuple[int, int]], list[MinHash]]:
    """Candidate pairs of datasketch, and its signatures."""
    index = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
    pairs, sketches = set(), []
    for row, own in enumerate(sets):
        sketch = MinHash(num_perm=BANDS * ROWS, seed=seed + 1)
        sketch.update_batch(sorted(own))
        pairs |= {(other, row) for other in index.query(sketch)}
        index.insert(row, sketch)
        sketches.append(sketch)
    return pairs, sketches


def exact(sets: list[set[bytes]], pair: tuple[int, int]) -> float:
    first, second = sets[pair[0]], sets[pair[1]]
    return len(first & second) / len(first | second)


def test_recall_and_precision_beside_datasketch() -> None:
    our_recall, their_recall = [], []
    for seed in SEEDS:
        texts = family_texts(seed)
        sets = list(map(grams, texts))
        true = {pair for pair in combinations(range(len(texts)), 2) if exact(sets, pair) >= 0.8}
        found = find_clusters(texts, bands=BANDS, rows=ROWS, seed=seed)
        ours = {(int(match), row) for row, match in enumerate(found.match) if match != row}
        candidates, _ = theirs(sets, seed)
        verified = {pair for pair in candidates if exact(sets, pair) >= 0.8}
        assert ours <= true  # precision 1: each is verified
        assert len(true) >= 20
        our_recall.append(len(ours) / len(true))
        their_recall.append(len(verified) / len(true))
    assert mean(our_recall) >= 0.9
    assert abs(mean(our_recall) - mean(their_recall)) < 0.08  # the same curve, other random numbers


def test_signatures_estimate_as_well_as_datasketch_s() -> None:
    """112 values guess a similarity of J with a standard deviation of sqrt(J (1 - J) / 112), 0.047 at most."""
    our_errors, their_errors = [], []
    for seed in SEEDS:
        texts = family_texts(seed)
        sets = list(map(grams, texts))
        signature = minhash.signatures(*minhash.shingles(texts), seed=seed)
        _, sketches = theirs(sets, seed)
        for row in range(0, len(texts), 2):
            true = exact(sets, (row, row + 1))
            our_errors.append(float((signature[row] == signature[row + 1]).mean()) - true)
            their_errors.append(sketches[row].jaccard(sketches[row + 1]) - true)
    for errors in (our_errors, their_errors):
        assert abs(mean(errors)) < 0.02  # no bias
        assert np.std(errors) < 0.06
