"""Cutting long texts, and the sample that does not depend on the order."""

import random

import pytest

from course_lib.workbook.corpus.document import Document
from course_lib.workbook.corpus.pieces import pieces
from course_lib.workbook.corpus.sampling import Sample

PARAGRAPH = (
    "One sentence stands here. Another one follows it! Does a third?\nA new line begins.\n\n"
)


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_pieces_do_not_depend_on_the_chunks(size: int) -> None:
    text = PARAGRAPH * 40
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    assert list(pieces(chunks, 300)) == list(pieces([text], 300))


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (PARAGRAPH * 40, "begins."),
        (PARAGRAPH.replace("\n\n", "\n") * 40, ("begins.", "third?")),
        (PARAGRAPH.replace("\n", " ") * 40, ("here. ", "it! ", "third? ", "begins.  ", "begins. ")),
        ("word " * 400, "word "),
        ("词语。句子" * 400, "。"),
    ],
)
def test_a_cut_is_where_a_reader_pauses(text: str, ends: str | tuple[str, ...]) -> None:
    found = list(pieces([text], 300))
    assert max(map(len, found)) <= 300 and min(map(len, found[:-1])) >= 150
    assert all(piece.endswith(ends) for piece in found[:-1])
    assert "".join("".join(found).split()) == "".join(text.split())


def test_nothing_is_lost_in_a_line_without_any_pause() -> None:
    text = "x" * 1_000_000
    found = list(pieces([text]))
    assert "".join(found) == text and max(map(len, found)) == 20_000


def test_an_accent_and_a_family_stay_whole() -> None:
    for unit in ("e\u0301", "👨\u200d👩\u200d👧"):
        for piece in pieces([unit * 500], 101):
            assert piece == unit * (len(piece) // len(unit))


def test_blank_text_gives_no_piece() -> None:
    assert list(pieces(["\n\n", "  ", "\t\n"])) == []


def documents(count: int) -> list[Document]:
    return [Document(f"f{number}.txt", "é" * (number % 50 + 1)) for number in range(count)]


@pytest.mark.parametrize("budget", [10**9, 20_000, 3_000, 1])
@pytest.mark.parametrize("most", [10**6, 40])
def test_the_sample_does_not_depend_on_the_order(budget: int, most: int) -> None:
    stream = documents(2000)
    results = []
    for shuffle in (None, 1, 2, 3):
        order = list(stream)
        if shuffle:
            random.Random(shuffle).shuffle(order)
        sample = Sample(budget, seed=5, most=most)
        for document in order:
            sample.add(document)
        results.append(sorted(document.id for document in sample.documents))
        assert sample.seen == 2000 and sample.seen_characters == sum(len(d.text) for d in stream)
    assert results[0] and all(result == results[0] for result in results)


def test_the_sample_is_bounded_all_the_time_and_not_wasteful() -> None:
    sample = Sample(20_000)
    for document in documents(20_000):
        sample.add(document)
        assert sum(len(d.text.encode()) for d in sample.documents) <= 20_000
    kept = sum(len(d.text.encode()) for d in sample.documents)
    assert kept > 5_000  # halving leaves at least about half, in expectation three quarters
    assert sample.kept_fraction == pytest.approx(kept / 2 / sample.seen_characters)


def test_what_fits_is_kept_whole_and_another_seed_takes_others() -> None:
    stream = documents(500)
    whole = Sample(10**9)
    first, second = Sample(2_000, seed=1), Sample(2_000, seed=2)
    for document in stream:
        for sample in (whole, first, second):
            sample.add(document)
    assert whole.documents == stream and whole.kept_fraction == 1.0
    assert {d.id for d in first.documents} != {d.id for d in second.documents}
