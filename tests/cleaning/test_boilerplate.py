"""Lines of the web site: by their frequency and by their form."""

import pytest

from course_lib.cleaning.boilerplate import (
    drop_common_lines,
    drop_site_lines,
    line_frequencies,
    site_line,
)
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

FOOTER = "Thank you for visiting the harbour archive."
BODY = "a line of its own, number {}, long enough to count"


def test_lines_of_many_documents_go_everywhere() -> None:
    log = RemovalLog()
    documents = [Document(str(i), f"{BODY.format(i)}\n  {FOOTER}") for i in range(10)] + [
        Document("f", FOOTER)
    ]
    kept = list(drop_common_lines(iter(documents), log, share=0.5))
    assert [document.text for document in kept] == [BODY.format(i) for i in range(10)]
    assert log.counts() == {
        ("common lines", "changed", "common-lines"): 10,
        ("common lines", "dropped", "only-common-lines"): 1,
    }
    assert log.entries[0].evidence == {"lines": 1, "first": FOOTER}


def test_rare_short_and_repeated_lines_stay() -> None:
    rare = [Document(str(i), FOOTER if i < 4 else BODY.format(i)) for i in range(10)]
    short = [Document(str(i), f"}}\n{BODY.format(i)}") for i in range(10)]
    often_in_one = [Document("a", "\n".join([FOOTER] * 50)), *short]
    for documents in (rare, short, often_in_one):
        assert list(drop_common_lines(documents, RemovalLog(), share=0.3, at_least=5)) == documents
    assert sorted(line_frequencies([f"{FOOTER}\n{FOOTER}", FOOTER, "short"]).values()) == [2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("12,304 views", "counter"),
        ("  5.2K likes · ", "counter"),
        ("Home » Songs » Rivers", "navigation"),
        ("Read more...", "phrase"),
        ("Sign in to your account", "phrase"),
        ("(c) 2019 the harbour archive", "phrase"),
        ("2019-04-01", "digits"),
        ("Contents", "one-word"),
        ("BREAKING NEWS FROM THE HARBOUR", "capitals"),
        ("", None),
        ("----------", None),
        ("The river runs down to the sea.", None),
        ("He liked what he saw, and 12 others did too.", None),
        (
            "A long sentence may say read more and privacy policy, because it has far more than ten words.",
            None,
        ),
        ("x -> y > z", None),
    ],
)
def test_forms_of_lines(line: str, reason: str | None) -> None:
    assert site_line(line) == reason


def test_a_page_of_site_lines_is_dropped_others_lose_them() -> None:
    log = RemovalLog()
    prose = "\n".join(BODY.format(i) for i in range(20))
    documents = [
        Document("a", f"3 likes\n{prose}"),
        Document("b", f"Sign in\n{BODY}\nRead more"),
        Document("c", prose),
    ]
    assert [(d.id, d.text) for d in drop_site_lines(documents, log)] == [("a", prose), ("c", prose)]
    assert [(e.id, e.reason) for e in log.entries] == [
        ("a", "site-lines"),
        ("b", "mostly-site-lines"),
    ]
    assert log.entries[1].evidence["phrase"] == 2 and log.entries[1].evidence[
        "share"
    ] == pytest.approx(4 / 15, abs=1e-3)


def test_even_the_most_lenient_step_leaves_no_empty_document() -> None:
    assert list(drop_site_lines([Document("a", "Home\n12\n")], RemovalLog(), most_flagged=1)) == []
