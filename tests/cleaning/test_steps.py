"""Steps in a row and their log, repairs, and every step on documents that break naive code."""

import functools
from collections.abc import Iterable, Iterator

import pytest

from course_lib.cleaning import duplicates, filters, personal, repair
from course_lib.cleaning.steps import DROPPED, Removal, RemovalLog, run_steps
from course_lib.workbook.corpus import Document

FOOTER = "the same long footer line here"
SENTENCE = (
    "The keeper of the lighthouse wrote a letter every evening and carried it to the harbour. "
)
CLEAN = "The naïve café doesn’t sell “crêpes” – Søren told us so."
SPLIT = filters.SPLITTERS["words and marks"]
STEPS = {
    "encoding": repair.repair_encoding,
    "empty": repair.drop_empty,
    "pages": repair.extract_pages,
    "site lines": filters.drop_site_lines,
    "language": filters.keep_languages,
    "exact": duplicates.drop_exact,
    "lines": duplicates.drop_repeated_lines,
    "repetition": functools.partial(filters.drop_repetitive, split=SPLIT),
    "quality": functools.partial(filters.drop_low_quality, split=SPLIT),
    "FineWeb": functools.partial(filters.drop_fineweb, split=SPLIT),
    "near": duplicates.drop_near,
    "passages": duplicates.drop_passages,
    "personal": personal.mask_documents,
}


def odd_documents(size: int) -> Iterator[Document]:
    """``size``: characters of the large ones."""
    texts = {
        "empty": "",
        "blank": " \n\t\r\n",
        "nul": "\x00" * 1000,
        "nul inside": f"{SENTENCE}\x00{SENTENCE}",
        "lone surrogates": f"\ud800{SENTENCE}\udfff\ud800",
        "nested page": "<html>" + "<div>" * 10_000 + SENTENCE + "</div>" * 10_000,
        "open scripts": "<html>" + "<script>" * (size // 8),
        "attributes": "<html><a " + "x=" * size,
        "accents": "a" + "\u0301\u0316" * (size // 10),
        "one token": "token " * (size // 6),
        "one word": "x" * size,
        "blanks": " " * size + "x",
        "line ends": "\n" * size,
        "brackets": "<" * size,
        "page of brackets": "<html>" + "<" * size,
        "dashes": "-" * size + "\n" + "> " * (size // 2),
        "long": SENTENCE * (size // len(SENTENCE)),
        "large page": "<html><body>" + f"<p>{SENTENCE}</p>" * (size // 100),
        "mojibake": "â€™Ã© " * (size // 50),
        "chinese": "灯塔的看守人每天晚上都写一封信。" * (size // 50),
    }
    for name, text in texts.items():
        yield Document(name, text)


def test_the_stages_count_documents_bytes_and_reasons() -> None:
    texts = [f"one\n{FOOTER}", f"two\n{FOOTER}", f"one\n{FOOTER}", "", "a lone \ud800 surrogate"]
    steps = {"exact copies": duplicates.drop_exact, "lines": duplicates.drop_repeated_lines}
    run = run_steps((Document(f"d{number}", text) for number, text in enumerate(texts)), steps)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    first, exact, lines = run.stages
    assert (first.name, first.num_documents, first.num_bytes) == ("input", 5, size)
    assert (exact.num_documents, exact.num_bytes) == (4, size - len(texts[0]))
    assert (exact.dropped, lines.changed) == ({"exact-duplicate": 1}, {"repeated-lines": 1})
    assert [d.text for d in run.documents] == [texts[0], "two", *texts[3:]]
    assert run.funnel().rows[1][:3] == ("exact copies", "4", "80.0%")
    assert len(run.log.entries) == 2 and run.log.sample(5, "repeated-lines") == run.log.entries[1:]
    assert run_steps([], steps).documents == [] and run_steps([], {}).funnel().rows


def test_documents_pass_one_by_one() -> None:
    seen: list[str] = []

    def note(documents: Iterable[Document], log: RemovalLog, name: str) -> Iterator[Document]:
        for document in documents:
            seen.append(name + document.id)
            yield document

    steps = {name: functools.partial(note, name=name) for name in "ab"}
    run_steps([Document("1", ""), Document("2", "")], steps)
    assert seen == ["a1", "b1", "a2", "b2"]


@pytest.mark.parametrize("name", STEPS)
def test_every_step_bears_odd_documents(name: str) -> None:
    log = RemovalLog()
    given = list(odd_documents(200_000))
    kept = {document.id for document in STEPS[name](iter(given), log)}
    dropped = [entry.id for entry in log.entries if entry.action == DROPPED]
    assert len(dropped) == len(set(dropped))
    assert kept | set(dropped) == {document.id for document in given} and not kept & set(dropped)
    assert all(entry.reason for entry in log.entries)


def test_the_whole_pipeline_on_odd_documents() -> None:
    run = run_steps(odd_documents(30_000), STEPS)
    gone = {d.id for d in odd_documents(10)} - {d.id for d in run.documents}
    assert gone == {entry.id for entry in run.log.entries if entry.action == DROPPED}


@pytest.mark.timeout(120)  # comparing all with all would take hours
@pytest.mark.parametrize("name", ["near", "exact", "lines"])
def test_a_hundred_thousand_copies(name: str) -> None:
    copies = (Document(str(number), SENTENCE * 2) for number in range(100_000))
    run = run_steps(copies, {name: STEPS[name]})
    assert len(run.documents) == 1 and sum(run.stages[1].dropped.values()) == 99_999


# --- Repairs ---


def mend(text: str, step: object) -> tuple[str, list[Removal]]:
    log = RemovalLog()
    left = list(step([Document("d", text)], log))
    return left[0].text if left else "", log.entries


@pytest.mark.parametrize(
    ("text", "mended", "reason"),
    [
        (CLEAN.replace("”", "“").encode().decode("cp1252"), CLEAN.replace("”", "“"), "mojibake"),
        ("Naïve crêpes, Søren".encode().decode("latin-1"), "Naïve crêpes, Søren", "mojibake"),
        (CLEAN, CLEAN, None),
        ("日本語のテキスト", "日本語のテキスト", None),
        ("C:\\path ~ 100 % & more", "C:\\path ~ 100 % & more", None),
        ("‘single’ ﬁne ligature", "‘single’ ﬁne ligature", None),
    ],
)
def test_each_repair_and_good_text_is_left_alone(text: str, mended: str, reason: str) -> None:
    step = repair.repair_encoding
    text = f"{CLEAN}\n{text}\nplain"
    found, entries = mend(text, step)
    assert found == f"{CLEAN}\n{mended}\nplain" and mend(found, step) == (found, [])
    assert reason in [entry.reason for entry in entries] if reason else not entries
    assert all(e.evidence["before"] != e.evidence["after"] for e in entries)


def test_documents_without_letters_go_with_a_reason() -> None:
    log = RemovalLog()
    texts = ["", " \n\t", "-- * --", "___", "7", "字"]
    kept = repair.drop_empty([Document(str(i), text) for i, text in enumerate(texts)], log)
    assert [document.text for document in kept] == ["7", "字"]
    assert [entry.reason for entry in log.entries] == ["empty", "empty", "no-letters", "no-letters"]


def test_pages_become_text_and_only_pages() -> None:
    for page in ("<?xml version='1.0'?>\n<HTML lang=en><body><p>", "<html>" + "<div>" * 10_000):
        text, [entry] = mend(page + SENTENCE, repair.extract_pages)
        assert SENTENCE.strip() in text and entry.reason in ("main-text", "tags-stripped")
    assert mend("<html>" + "<script>" * 5_000, repair.extract_pages)[1][0].reason == "no-text"
    for text in ("In HTML a paragraph is written <p>.", "x = a<b and c>d", "<header>no</header>"):
        assert mend(text, repair.extract_pages) == (text, [])
