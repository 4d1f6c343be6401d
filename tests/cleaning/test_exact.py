"""Exact duplicates and repeated lines: what stays, what goes, and what the log says."""

from course_lib.cleaning.exact import drop_exact, drop_repeated_lines
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

FOOTER = "Copyright notice, all rights reserved."


def test_the_first_copy_stays_and_is_named() -> None:
    log = RemovalLog()
    documents = [
        Document("a", "one"),
        Document("b", "two"),
        Document("c", " one\n"),
        Document("d", "One"),
    ]
    assert [d.id for d in drop_exact(iter(documents), log)] == ["a", "b", "d"]
    assert [(e.id, e.reason, e.evidence) for e in log.entries] == [
        ("c", "exact-duplicate", {"kept": "a"})
    ]


def test_odd_text_is_handled() -> None:
    log = RemovalLog()
    documents = [
        Document(str(i), text) for i, text in enumerate(["", "\x00", "\ud800", "\ud800", ""])
    ]
    assert [d.id for d in drop_exact(documents, log)] == ["0", "1", "2"]
    assert [d.text for d in drop_repeated_lines(documents, log)] == [d.text for d in documents]


def test_a_hundred_thousand_copies_leave_one() -> None:
    log = RemovalLog()
    assert [d.id for d in drop_exact((Document(str(i), "same") for i in range(100_000)), log)] == [
        "0"
    ]
    assert log.counts() == {("exact", "dropped", "exact-duplicate"): 99_999}


def test_the_steps_read_a_stream() -> None:
    def endless():
        number = 0
        while True:
            yield Document(str(number), f"text {number}")
            number += 1

    log = RemovalLog()
    assert next(drop_exact(endless(), log)).id == "0"
    assert next(drop_repeated_lines(endless(), log)).id == "0"


def test_a_repeated_line_goes_and_short_lines_stay() -> None:
    log = RemovalLog()
    documents = [
        Document("a", f"alpha\n{FOOTER}"),
        Document("b", f"alpha\n  {FOOTER}\nbeta"),
        Document("c", FOOTER),
    ]
    assert [d.text for d in drop_repeated_lines(documents, log)] == [
        f"alpha\n{FOOTER}",
        "alpha\nbeta",
    ]
    assert [(e.id, e.action, e.reason) for e in log.entries] == [
        ("b", "changed", "repeated-lines"),
        ("c", "dropped", "only-repeated-lines"),
    ]
    assert log.entries[0].evidence == {"lines": 1, "first": FOOTER}
