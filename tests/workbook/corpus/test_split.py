"""A corpus and its split: nothing leaks, nothing depends on order; MinHash is what it should be."""

import random

import numpy as np
import pytest

from course_lib.workbook.corpus import Corpus, Document, load_corpus, mask_emails, minhash
from course_lib.workbook.corpus.document import TRAIN, VALIDATION, stable_hash, table_of, text_hash
from course_lib.workbook.corpus.split import held_out_hashes, split


def random_text(rng: random.Random, words: int) -> str:
    return " ".join(f"w{rng.randrange(3000)}" for _ in range(words))


def edited(text: str, rng: random.Random, edits: int) -> str:
    words = text.split()
    for place in rng.sample(range(len(words)), edits):
        words[place] = f"new{rng.randrange(10**6)}"
    return " ".join(words)


def make_documents(seed: int, count: int = 300) -> list[Document]:
    rng = random.Random(seed)
    return [Document(f"d{i}", random_text(rng, rng.randint(30, 200))) for i in range(count)]


def exact_jaccard(first: str, second: str) -> float:
    both = [minhash.words(first), minhash.words(second)]
    one, two = ({tuple(own[i : i + 5]) for i in range(len(own) - 4)} for own in both)
    return len(one & two) / len(one | two)


@pytest.mark.parametrize("seed", range(5))
def test_minhash_agrees_with_the_exact_jaccard_similarity(seed: int, monkeypatch) -> None:
    rng = random.Random(seed)
    texts = ["", "\x00", "\ud800", *(random_text(rng, n) for n in range(60)), random_text(rng, 400)]
    texts.append(edited(texts[-1], rng, 12))
    constants, expected = minhash._constants(2000, 1), exact_jaccard(*texts[-2:])
    hashes, starts = minhash.shingles(texts)
    own = [hashes[begin:end] for begin, end in zip(starts[:-1], starts[1:], strict=True)]
    signatures = minhash.signatures(hashes, starts, constants)
    assert minhash.jaccard(own[-2], own[-1]) == pytest.approx(expected)
    assert np.mean(signatures[-2] == signatures[-1]) == pytest.approx(expected, abs=0.06)
    monkeypatch.setattr(minhash, "_CHUNK", 17)  # nothing depends on how many are hashed at once
    again = minhash.shingles(texts)
    assert np.array_equal(again[0], hashes) and np.array_equal(again[1], starts)
    assert np.array_equal(minhash.signatures(*again, constants[:20]), signatures[:, :20])


@pytest.mark.parametrize("seed", range(4))
def test_a_twin_does_not_hide_the_pair_behind_it(seed: int) -> None:
    """A is like B and like C, which are less alike: one cluster, whatever the order."""
    rng = random.Random(seed)
    texts = []
    for _ in range(30):
        middle = random_text(rng, 240)
        texts.append([edited(middle, rng, 4), middle, edited(middle, rng, 4)])  # Jaccard about 0.85
    for order in ((0, 2, 1), (1, 0, 2), (0, 1, 2)):
        labels = minhash.find_clusters([row[place] for row in texts for place in order]).kept
        whole = sum(len(set(labels[3 * n : 3 * n + 3])) == 1 for n in range(30))
        assert whole >= 27  # each pair meets with probability 0.98


def test_odd_and_many_equal_documents_form_clusters() -> None:
    for text in ("", "one", "😀😀😀", "\x00\x00", "\ud800 lone"):
        assert list(minhash.find_clusters([text, text]).kept) == [0, 0]
    assert set(minhash.find_clusters(["the same words again and again"] * 20_000).kept) == {0}


@pytest.mark.parametrize("seed", range(3))
def test_no_planted_copy_crosses_the_split(seed: int) -> None:
    rng = random.Random(seed)
    documents = make_documents(seed)
    copies = [Document(f"copy of {d.id}", d.text + " changed") for d in documents]
    everything = [*documents, *copies]
    rng.shuffle(everything)
    _, parts, notes = split(everything)
    side = {d.id: part for d, part in zip(everything, parts, strict=True)}
    labels = minhash.find_clusters(d.text for d in everything).kept.tolist()
    pairs = {(label, side[d.id]) for d, label in zip(everything, labels, strict=True)}
    assert len(pairs) == len(set(labels))
    assert sum(labels.count(label) > 1 for label in set(labels)) > 200 and not notes
    assert split(everything[::-1])[1] == parts[::-1]


def test_clusters_are_no_likelier_to_be_held_out_than_single_documents() -> None:
    """Of clusters of ten 65 % were held out, of single documents 10 %."""
    held_out = {"single": 0, "cluster": 0}
    for seed in range(8):
        rng = random.Random(seed)
        documents = make_documents(seed, 300)
        for number in range(30):
            text = random_text(rng, 150)
            documents += [Document(f"{number}-{n}", f"{text} copy{n}") for n in range(10)]
        _, parts, _ = split(documents)
        held_out["single"] += parts[:300].count(VALIDATION)
        held_out["cluster"] += parts[300::10].count(VALIDATION)
    assert 0.07 < held_out["single"] / (8 * 300) < 0.13
    assert 0.05 < held_out["cluster"] / (8 * 30) < 0.16  # 240 clusters: two standard errors


@pytest.mark.parametrize("copies", [1, 10])
def test_few_documents_give_two_parts_and_the_reader_is_told(copies: int) -> None:
    text = " ".join(f"Sentence number {n} of the only page." for n in range(30))
    documents, parts, notes = split([Document("only.txt", text)] * copies)
    assert [d.id for d in documents] == ["only.txt"] * copies + ["only.txt#end"] * copies
    assert parts == [TRAIN] * copies + [VALIDATION] * copies and "last tenth" in notes[0]
    assert f"{documents[0].text} {documents[-1].text}" == text
    documents, parts, notes = split([Document("a", "hello")] * copies)
    assert parts == [TRAIN] * copies + [VALIDATION] * copies and documents[-1].text == "hello"
    assert "too short" in notes[0]
    for count in (2, 3, 7, 20):
        assert {TRAIN, VALIDATION} == set(split(make_documents(4, count))[1])
    assert split([]) == ([], [], [])


def test_what_is_held_out_here_was_held_out_there() -> None:
    """Documents shared with the machine that trained mini-falcon lie on the same side."""
    assert held_out_hashes("no-such-model") == frozenset() and text_hash("a") == "ca978112ca1bbdca"
    corpus, listed = load_corpus("python-docs"), held_out_hashes("mini-falcon")
    assert len(listed) > 1_000 and all(len(name) == 16 for name in listed)
    held_out = {text_hash(text) for text in corpus.validation.texts()} & listed
    trained = {text_hash(text) for text in corpus.train.texts()} & listed
    assert len(held_out) > 100 and len(trained) < 0.05 * len(held_out)


def test_a_corpus_is_a_sequence_in_two_parts() -> None:
    documents = [Document(f"d{n}", f"text number {n} " * (n + 1), {"n": n}) for n in range(50)]
    parts = [TRAIN if n % 10 else VALIDATION for n in range(50)]
    corpus = Corpus(table_of(documents, parts), name="toy", source="toy")
    assert list(corpus) == documents and (corpus[3], corpus[-1]) == (documents[3], documents[-1])
    with pytest.raises(IndexError, match="50 documents"):
        corpus[50]
    assert list(corpus.validation) == documents[::10] and len(corpus.train) == 45
    assert len(corpus.joined(corpus)) == 100 and len(corpus.joined(corpus).validation) == 10
    for seed in range(5):
        sample = corpus.sample(3000, seed)
        assert 0 < sample.bytes <= 3000 and "sample" in sample.notes[-1]
        assert list(sample) == list(corpus.sample(3000, seed))
    assert corpus.sample(10**9) is corpus and len(corpus.sample(1)) == 1
    table = table_of([Document("bad", "lone \ud800 surrogate")], [TRAIN])
    assert table["text"][0].as_py() == "lone ? surrogate"


def test_hashes_and_masks() -> None:
    assert stable_hash("abc") == pytest.approx(0.5700819061239782, abs=1e-15)  # on every machine
    assert mask_emails("write to a.b+c@mail.example.org now") == "write to [e-mail] now"
    assert mask_emails("a" * 300_000) == "a" * 300_000  # quick
