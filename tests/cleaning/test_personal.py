"""Placeholders for e-mail addresses and card numbers: found, left alone, consistent."""

import random

import pytest

from course_lib.cleaning.log import RemovalLog
from course_lib.cleaning.personal import mask_documents, mask_personal, passes_luhn
from course_lib.workbook.corpus import Document

CARD = "4111 1111 1111 1111"  # a published test number


def test_placeholders_are_typed_and_consistent() -> None:
    text = f"ann@example.org, bob@example.org, Ann@Example.org; {CARD} or {CARD.replace(' ', '-')}"
    masked, counts = mask_personal(text)
    assert masked == "[e-mail 1], [e-mail 2], [e-mail 1]; [card 1] or [card 1]"
    assert counts == {"e-mail": 3, "card": 2}


@pytest.mark.parametrize("text", ["4111 1111 1111 1112", "0" * 16, "1" * 12, "x = 3.14159265358979", "a @ b.c", ""])
def test_what_only_looks_alike_stays(text: str) -> None:
    assert mask_personal(text) == (text, {})


def test_every_single_wrong_digit_is_noticed() -> None:
    chance = random.Random(3)
    for _ in range(50):
        stem = "".join(chance.choice("0123456789") for _ in range(15))
        good = [stem + digit for digit in "0123456789" if passes_luhn(stem + digit)]
        assert len(good) == 1
        place = chance.randrange(16)
        other = str((int(good[0][place]) + chance.randrange(1, 10)) % 10)
        assert not passes_luhn(good[0][:place] + other + good[0][place + 1 :])


def test_the_log_counts_and_does_not_quote() -> None:
    log = RemovalLog()
    documents = [Document("a", f"pay with {CARD}"), Document("b", "nothing here \x00 \ud800")]
    assert [d.text for d in mask_documents(documents, log)] == ["pay with [card 1]", documents[1].text]
    assert [(e.id, e.reason, e.evidence) for e in log.entries] == [("a", "personal-data", {"card": 1})]
