"""Each Gopher quality rule has a text that fails it and no other."""

import pytest

from course_lib.cleaning.gopher import drop_low_quality, explain_quality
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

GOOD = "\n".join(["the river runs down with water and reaches green valleys"] * 10)  # 100 words


def failed(text: str, split=str.split) -> list[str]:
    return [verdict.reason for verdict in explain_quality(text, split) if not verdict.passed]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join(GOOD.split("\n")[:4]), "words"),
        (("the and " + "a " * 8) * 10, "mean-word-length"),
        (("the and " + "extraordinarily " * 8) * 10, "mean-word-length"),
        (GOOD.replace("river", "r##er"), "hash-signs"),
        (GOOD.replace("river", "r......er"), "ellipses"),
        ("\n".join("-" + line for line in GOOD.split("\n")), "bullet-lines"),
        (GOOD.replace("valleys", "valleys…", 4), "ellipsis-lines"),
        (
            GOOD.replace("river", "1234").replace("green", "1234").replace("water", "1234"),
            "alphabetic-words",
        ),
        (GOOD.replace("the", "our").replace("with", "amid"), "common-words"),
    ],
)
def test_one_rule_fails(text: str, reason: str) -> None:
    assert failed(GOOD) == []
    assert failed(text) == [reason]


def test_the_limits_themselves_pass() -> None:
    assert "words" not in failed("\n".join(GOOD.split("\n")[:5]))
    assert "hash-signs" not in failed(GOOD.replace("river", "r#er"))
    assert "ellipsis-lines" not in failed(GOOD.replace("valleys", "valleys…", 3))


def test_the_splitter_decides() -> None:
    assert "words" in failed(GOOD, split=str.splitlines)


def test_the_log_says_why() -> None:
    log = RemovalLog()
    documents = [
        Document("good", GOOD),
        Document("empty", ""),
        Document("repeat", "word " * 1_000_000),
    ]
    assert [d.id for d in drop_low_quality(documents, log, split=str.split)] == ["good"]
    assert [(e.id, e.reason) for e in log.entries] == [("empty", "words"), ("repeat", "words")]
    assert log.entries[1].evidence == {"value": 1_000_000.0, "failed": "words, common-words"}
