"""Near duplicates against brute force and datasketch; leaks are found beside their twins, too."""

import random
from itertools import combinations
from statistics import mean

import pytest
from datasketch import MinHash, MinHashLSH

from course_lib.cleaning.duplicates import (
    CLEAN,
    NEAR,
    PASSAGE,
    drop_passages,
    find_clusters,
    find_leaks,
)
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document, load_corpus
from course_lib.workbook.corpus.words import split_words, words


def numbered(texts: list[str]) -> list[Document]:
    return [Document(str(number), text) for number, text in enumerate(texts)]


def some_words(rng: random.Random, count: int, kinds: int = 10_000) -> list[str]:
    return [f"w{rng.randrange(kinds)}" for _ in range(count)]


def families(seed: int, count: int = 50) -> list[str]:
    """Pairs of a text of 120 words and a copy with up to four changed words."""
    rng = random.Random(seed)
    texts = []
    for _ in range(count):
        base = some_words(rng, 120, 3_000)
        copy = list(base)
        for place in rng.sample(range(120), rng.randrange(5)):
            copy[place] = "changed"
        texts += [" ".join(base), " ".join(copy)]
    return texts


def grams(text: str) -> set[bytes]:
    tokens = words(text)
    return {" ".join(tokens[i : i + 5]).encode() for i in range(max(1, len(tokens) - 4))}


def jaccard(one: set[bytes], two: set[bytes]) -> float:
    """Of sets of word 5-grams, without our hashes."""
    return len(one & two) / len(one | two)


# --- Near ---


def datasketch_pairs(sets: list[set[bytes]], seed: int) -> set[tuple[int, int]]:
    index = MinHashLSH(params=(14, 8), num_perm=14 * 8)
    pairs = set()
    for row, own in enumerate(sets):
        sketch = MinHash(num_perm=14 * 8, seed=seed + 1)
        sketch.update_batch(sorted(own))
        pairs |= {(other, row) for other in index.query(sketch)}
        index.insert(row, sketch)
    return pairs


def test_recall_and_precision_beside_datasketch() -> None:
    our_recall, their_recall = [], []
    for seed in range(5):
        texts = families(seed)
        sets = list(map(grams, texts))
        pairs = combinations(range(len(texts)), 2)
        true = {(one, two) for one, two in pairs if jaccard(sets[one], sets[two]) >= 0.8}
        found = find_clusters(texts, bands=14, rows=8, seed=seed)
        ours = {(int(m), row) for row, m in enumerate(found.match) if found.kept[row] != row}
        assert ours <= true  # precision 1: each is verified
        for match, row in ours:
            assert found.similarity[row] == pytest.approx(jaccard(sets[match], sets[row]))
        assert len(true) >= 20
        our_recall.append(len(ours) / len(true))
        their_recall.append(len(datasketch_pairs(sets, seed) & true) / len(true))
    assert mean(our_recall) >= 0.9
    assert abs(mean(our_recall) - mean(their_recall)) < 0.08  # the same curve, other random numbers


def test_a_cluster_is_joined_whatever_its_members_met_first() -> None:
    """A text that matches members of two clusters joins them: chains break by chance only."""
    broken = 0
    for seed in range(60):
        rng = random.Random(seed)
        base = some_words(rng, 120, 10**6)
        chain = [base]
        for place in (20, 35, 50, 65):
            chain.append(list(chain[-1]))
            chain[-1][place], chain[-1][place + 50] = some_words(rng, 2, 10**6)
        texts = [" ".join(own) for own in chain]
        rng.shuffle(texts)
        broken += len(set(find_clusters(texts, seed=seed).kept.tolist())) > 1
    assert broken <= 8  # four links, each missed with a probability of 0.015


# --- Passages ---


@pytest.mark.parametrize("seed", range(5))
def test_passages_against_brute_force(seed: int) -> None:
    rng = random.Random(seed)
    shared = [" ".join(rng.choices("abcde", k=rng.randrange(3, 30))) for _ in range(6)]
    pieces = [rng.choices([*shared, *"vw"], k=rng.randrange(12)) for _ in range(60)]
    documents = numbered(list(map(" ".join, pieces)))
    seen: set[tuple[str, ...]] = set()
    expected = {}
    for document in documents:
        tokens = split_words(document.text)
        gone = set()
        for place in range(len(tokens) - 7):
            run = tuple(tokens[place : place + 8])
            gone |= set(range(place, place + 8)) if run in seen else set()
            seen.add(run)
        if len(gone) < len(tokens) or not tokens:
            expected[document.id] = [t for place, t in enumerate(tokens) if place not in gone]
    found = drop_passages(documents, RemovalLog(), size=8)
    assert {d.id: split_words(d.text) for d in found} == expected


# --- Leaks ---


@pytest.mark.parametrize("seed", range(5))
def test_each_verdict(seed: int) -> None:
    rng = random.Random(seed)
    train = [some_words(rng, 200) for _ in range(30)]
    near = [*train[7][:-2], "other", "words"]
    passage = [*some_words(rng, 150), *train[3][20:75], *some_words(rng, 150)]
    gram = [*some_words(rng, 100), *train[4][5:30]]
    held_out = [near, passage, gram, some_words(rng, 100), ["short"]]
    found = find_leaks([" ".join(t) for t in train], [" ".join(t) for t in held_out])
    assert [leak.verdict for leak in found] == [NEAR, PASSAGE, CLEAN, CLEAN, CLEAN]
    assert [leak.match for leak in found] == [7, 3, -1, -1, -1]
    assert found[0].jaccard == pytest.approx(194 / 198)
    assert found[1].passage_tokens == 55 and found[0].passage_tokens == 198


def test_twins_in_the_held_out_part_hide_no_leak() -> None:
    """A leaked text with a twin beside it is found exactly as often as alone."""
    missed = missed_alone = 0
    for seed in range(60):
        rng = random.Random(seed)
        original = some_words(rng, 120, 10**6)
        leaked, twin = list(original), list(original)
        leaked[20], leaked[60] = twin[20], twin[60] = some_words(rng, 2, 10**6)
        twin[35], twin[75] = some_words(rng, 2, 10**6)
        train = [" ".join(some_words(rng, 120, 10**6)) for _ in range(20)] + [" ".join(original)]
        leaked, twin = " ".join(leaked), " ".join(twin)
        sets = [grams(text) for text in (train[-1], leaked, twin)]
        assert jaccard(sets[0], sets[1]) == jaccard(sets[1], sets[2]) > 0.84
        assert jaccard(sets[0], sets[2]) < 0.75
        missed_alone += find_leaks(train, [leaked], seed=seed)[0].verdict != NEAR
        for held_out in ([leaked, twin], [twin, leaked], [twin, leaked, leaked]):
            found = find_leaks(train, held_out, seed=seed)
            assert found[held_out.index(leaked)] == found[-1 if held_out[-1] == leaked else 0]
            missed += found[held_out.index(leaked)].verdict != NEAR
            assert found[held_out.index(twin)].verdict != NEAR  # its similarity is 0.71
    assert missed == 3 * missed_alone
    assert missed_alone <= 4  # (1 - 0.84**8)**14 is 0.016


def test_the_course_s_split_has_no_near_duplicates() -> None:
    corpus = load_corpus("songbook")
    leaks = find_leaks(list(corpus.train.texts()), list(corpus.validation.texts()))
    assert len(leaks) == len(corpus.validation)
    assert all(leak.verdict != NEAR for leak in leaks)
