"""Corpus: what it promises as a sequence, a sample and a data set."""

import pytest

from course_lib.workbook.corpus import Corpus, Document, mask_emails
from course_lib.workbook.corpus.document import TRAIN, VALIDATION, megabytes, stable_hash, table_of


@pytest.fixture
def corpus() -> Corpus:
    documents = [Document(f"d{n}", f"text number {n} " * (n + 1), {"n": n}) for n in range(50)]
    parts = [VALIDATION if n % 10 == 0 else TRAIN for n in range(50)]
    return Corpus(table_of(documents, parts), name="toy", source="toy")


def test_it_is_a_sequence(corpus: Corpus) -> None:
    assert len(corpus) == 50
    assert corpus[3] == Document("d3", "text number 3 " * 4, {"n": 3})
    assert corpus[-1].id == "d49"
    assert [d.id for d in corpus][:2] == ["d0", "d1"]
    with pytest.raises(IndexError, match="50 documents"):
        corpus[50]


def test_parts(corpus: Corpus) -> None:
    assert [d.id for d in corpus.validation] == ["d0", "d10", "d20", "d30", "d40"]
    assert len(corpus.train) == 45


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_is_bounded_seeded_and_says_so(corpus: Corpus, seed: int) -> None:
    sample = corpus.sample(3000, seed)
    assert 0 < sample.bytes <= 3000
    assert [d.id for d in sample] == [d.id for d in corpus.sample(3000, seed)]
    assert "sample" in sample.notes[-1]
    assert corpus.sample(10**9) is corpus
    assert len(corpus.sample(1)) == 1


def test_joined(corpus: Corpus) -> None:
    both = corpus.joined(corpus)
    assert len(both) == 100 and len(both.validation) == 10 and "+" in both.name


def test_stable_hash_is_the_same_everywhere() -> None:
    assert stable_hash("abc") == pytest.approx(0.5700819061239782, abs=1e-15)
    assert stable_hash("abc") != stable_hash("abc", seed=1)


def test_lone_surrogates_do_not_stop_the_table() -> None:
    table = table_of([Document("bad", "lone \ud800 surrogate")], [TRAIN])
    assert table["text"][0].as_py() == "lone ? surrogate"


def test_masking_and_sizes() -> None:
    assert mask_emails("write to a.b+c@mail.example.org now") == "write to [e-mail] now"
    assert [megabytes(n) for n in (12, 1500, 2_200_000, 3_000_000_000)] == [
        "12 bytes",
        "1.5 kB",
        "2.2 MB",
        "3.0 GB",
    ]


def test_masking_one_long_line_is_quick() -> None:
    assert mask_emails("a" * 3_000_000) == "a" * 3_000_000
