"""The split: nothing leaks, nothing depends on order, every corpus gets two parts."""

import random

import pytest

from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.corpus.document import TRAIN, VALIDATION, Document, stable_hash, text_hash
from course_lib.workbook.corpus.minhash import find_clusters
from course_lib.workbook.corpus.split import held_out_hashes, split


def make_documents(seed: int, count: int = 300) -> list[Document]:
    rng = random.Random(seed)
    words = [f"word{i}" for i in range(2000)]
    return [
        Document(f"d{i}", " ".join(rng.choices(words, k=rng.randint(30, 200))))
        for i in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_no_planted_copy_crosses_the_split(seed: int) -> None:
    rng = random.Random(seed)
    documents = make_documents(seed)
    copies = []
    for number, document in enumerate(documents[:120]):
        words = document.text.split()
        if len(words) > 100:
            words[rng.randrange(len(words))] = "changed"
        copies.append(Document(f"copy{number}", " ".join(words)))
    everything = [*documents, *copies]
    rng.shuffle(everything)
    _, parts, _ = split(everything)
    side = {d.id: part for d, part in zip(everything, parts, strict=True)}
    together = find_clusters(d.text for d in everything).kept
    for label in set(together.tolist()):
        members = [d.id for d, own in zip(everything, together, strict=True) if own == label]
        assert len({side[m] for m in members}) == 1
    assert all(side[f"copy{n}"] == side[f"d{n}"] for n in range(120))


def test_a_split_by_chance_would_have_leaked() -> None:
    """The test above can fail: without clusters, copies do cross."""
    documents = make_documents(1)
    copies = [Document(f"copy{d.id}", d.text + " changed") for d in documents]
    sides = [
        (stable_hash(d.text) < 0.1, stable_hash(c.text) < 0.1)
        for d, c in zip(documents, copies, strict=True)
    ]
    assert any(a != b for a, b in sides)


def test_order_does_not_matter() -> None:
    documents = make_documents(2)
    _, parts, _ = split(documents)
    backwards = documents[::-1]
    _, again, _ = split(backwards)
    assert parts == again[::-1]


def test_about_a_tenth_is_validation() -> None:
    documents, parts, notes = split(make_documents(3, 2000))
    assert 0.07 < parts.count(VALIDATION) / len(parts) < 0.13
    assert len(documents) == 2000 and not notes


def test_clusters_are_no_likelier_to_be_held_out_than_single_documents() -> None:
    held_out = {"single": 0, "cluster": 0}
    for seed in range(8):
        rng = random.Random(seed)
        documents = make_documents(seed, 330)
        for number, document in enumerate(documents[300:]):
            words = document.text.split() + [f"tail{n}" for n in range(60)]
            for copy in range(9):
                changed = [*words[:-1], f"copy{rng.random()}"]
                documents.append(Document(f"c{number}-{copy}", " ".join(changed)))
            documents[300 + number] = Document(document.id, " ".join(words))
        _, parts, _ = split(documents)
        for place, part in enumerate(parts):
            held_out["single" if place < 300 else "cluster"] += part == VALIDATION
    assert 0.07 < held_out["single"] / (8 * 300) < 0.13
    assert 0.05 < held_out["cluster"] / (8 * 300) < 0.16  # 240 clusters: two standard errors


@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_few_documents_still_give_two_parts(count: int) -> None:
    documents, parts, _ = split(make_documents(4, count))
    assert {TRAIN, VALIDATION} == set(parts)
    assert len(documents) >= count


def test_one_document_is_cut_and_the_reader_is_told() -> None:
    text = " ".join(f"Sentence number {n} of the only page." for n in range(30))
    documents, parts, notes = split([Document("only.txt", text)])
    assert [d.id for d in documents] == ["only.txt", "only.txt#end"]
    assert parts == [TRAIN, VALIDATION]
    assert " ".join(d.text for d in documents) == text
    assert "last tenth" in notes[0]


def test_a_text_of_one_word_repeats_and_says_so() -> None:
    documents, parts, notes = split([Document("a", "hello")])
    assert parts == [TRAIN, VALIDATION] and documents[1].text == "hello"
    assert "too short" in notes[0]


def test_many_copies_of_one_document_are_cut_too() -> None:
    text = "The same page. " * 40
    _, parts, notes = split([Document(f"d{n}", text) for n in range(10)])
    assert {TRAIN, VALIDATION} == set(parts) and notes


def test_an_empty_list_stays_empty() -> None:
    assert split([]) == ([], [], [])


def test_what_is_held_out_here_was_held_out_there() -> None:
    """Documents shared with the machine that trained mini-falcon lie on the same side."""
    assert held_out_hashes("no-such-model") == frozenset() and text_hash("a") == "ca978112ca1bbdca"
    corpus, listed = load_corpus("python-docs"), held_out_hashes("mini-falcon")
    assert len(listed) > 1_000 and all(len(name) == 16 for name in listed)
    held_out = {text_hash(text) for text in corpus.validation.texts()} & listed
    trained = {text_hash(text) for text in corpus.train.texts()} & listed
    assert len(held_out) > 100 and len(trained) < 0.05 * len(held_out)
