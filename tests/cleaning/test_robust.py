"""Every step, and all in a row, on documents that break naive code: handled, or dropped with a reason."""

import functools
from collections.abc import Iterator

import pytest

from course_lib.cleaning import (
    boilerplate,
    c4,
    exact,
    fineweb,
    gopher,
    html_text,
    language,
    near,
    personal,
    repair,
    repetition,
    substrings,
)
from course_lib.cleaning.steps import DROPPED, RemovalLog
from course_lib.cleaning.steps import run_steps
from course_lib.cleaning.splitters import SPLITTERS
from course_lib.workbook.corpus import Document

SENTENCE = (
    "The keeper of the lighthouse wrote a letter every evening and carried it down to the harbour. "
)
SPLIT = SPLITTERS["words and marks"]
STEPS = {
    "encoding": repair.repair_encoding,
    "entities": repair.unescape_entities,
    "normalise": repair.normalise,
    "empty": repair.drop_empty,
    "pages": html_text.extract_pages,
    "common lines": boilerplate.drop_common_lines,
    "site lines": boilerplate.drop_site_lines,
    "language": language.keep_languages,
    "exact": exact.drop_exact,
    "lines": exact.drop_repeated_lines,
    "repetition": functools.partial(repetition.drop_repetitive, split=SPLIT),
    "quality": functools.partial(gopher.drop_low_quality, split=SPLIT),
    "C4": functools.partial(c4.clean_c4, split=SPLIT),
    "FineWeb": functools.partial(fineweb.drop_fineweb, split=SPLIT),
    "near": near.drop_near,
    "passages": substrings.drop_passages,
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
        "only surrogates": "\udc80" * 1000,
        "nested page": "<html>" + "<div>" * 10_000 + SENTENCE + "</div>" * 10_000,
        "accents": "a" + "\u0301\u0316" * (size // 10),
        "one token": "token " * (size // 6),
        "one word": "x" * size,
        "blanks": " " * size + "x",
        "line ends": "\n" * size,
        "dots": "." * size,
        "brackets": "<" * size,
        "page of brackets": "<html>" + "<" * size,
        "ampersands": "&" * size,
        "digits": "1234567890" * (size // 10),
        "dashes": "-" * size + "\n" + "> " * (size // 2),
        "long": SENTENCE * (size // len(SENTENCE)),
        "large page": "<html><body>" + f"<p>{SENTENCE}</p>" * (size // 100),
        "mojibake": "â€™Ã© " * (size // 50),
        "chinese": "灯塔的看守人每天晚上都写一封信。" * (size // 50),
    }
    for name, text in texts.items():
        yield Document(name, text)


@pytest.mark.parametrize("name", STEPS)
def test_every_step_bears_odd_documents(name: str) -> None:
    log = RemovalLog()
    given = list(odd_documents(200_000))
    kept = {document.id for document in STEPS[name](iter(given), log)}
    dropped = [entry.id for entry in log.entries if entry.action == DROPPED]
    assert len(dropped) == len(set(dropped))
    assert kept | set(dropped) == {document.id for document in given} and not kept & set(dropped)
    assert all(entry.reason for entry in log.entries)


def test_the_whole_pipeline_in_memory_and_on_disk(tmp_path: object) -> None:
    memory = run_steps(odd_documents(30_000), STEPS)
    disk = run_steps(odd_documents(30_000), STEPS, folder=tmp_path)
    assert list(disk.documents) == memory.documents and disk.log == memory.log
    gone = {document.id for document in odd_documents(10)} - {
        document.id for document in memory.documents
    }
    assert gone == {entry.id for entry in memory.log.entries if entry.action == DROPPED}


@pytest.mark.timeout(120)  # comparing all with all would take hours
@pytest.mark.parametrize(
    ("name", "left"), [("common lines", 0), ("near", 1), ("exact", 1), ("lines", 1)]
)
def test_a_hundred_thousand_copies(name: str, left: int) -> None:
    run = run_steps(
        (Document(str(number), SENTENCE * 2) for number in range(100_000)), {name: STEPS[name]}
    )
    assert len(run.documents) == left
    assert sum(run.stages[1].dropped.values()) == 100_000 - left


def test_a_million_repeats_of_one_token_are_dropped_for_repetition() -> None:
    run = run_steps([Document("d", "token " * 1_000_000)], {"repetition": STEPS["repetition"]})
    assert run.stages[1].dropped == {"top-2-gram": 1}


@pytest.mark.thorough
@pytest.mark.parametrize("name", STEPS)
def test_every_step_bears_fifty_megabytes(name: str) -> None:
    for document in odd_documents(50_000_000):
        if document.id in ("one token", "one word", "blanks", "long", "large page"):
            list(STEPS[name]([document], RemovalLog()))
