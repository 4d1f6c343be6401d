"""Repeated passages against a brute-force search, and texts that invite quadratic work."""

import random

import pytest

from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.substrings import drop_passages, find_passages
from course_lib.cleaning.windows import TOKEN, token_codes, window_codes
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document


def by_hand(texts: list[str], size: int) -> dict[int, set[int]]:
    """Row → tokens that lie in a run of ``size`` tokens which stood before."""
    seen: set[tuple[str, ...]] = set()
    gone: dict[int, set[int]] = {}
    for row, text in enumerate(texts):
        tokens = TOKEN.findall(text)
        for place in range(len(tokens) - size + 1):
            run = tuple(tokens[place : place + size])
            if run in seen:
                gone.setdefault(row, set()).update(range(place, place + size))
            seen.add(run)
    return gone


@pytest.mark.parametrize("seed", range(5))
def test_against_brute_force(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.cleaning.windows.CHUNK", 500)  # several groups
    chance = random.Random(seed)
    shared = [" ".join(chance.choices("abcde", k=chance.randrange(3, 30))) for _ in range(6)]
    texts = [
        " ".join(
            chance.choice([*shared, chance.choice("vwxyz")]) for _ in range(chance.randrange(12))
        )
        for _ in range(60)
    ]
    found = find_passages(texts, size=8)
    tokens = {
        row: {place for begin, end in own.tokens.tolist() for place in range(begin, end)}
        for row, own in found.items()
    }
    assert tokens == by_hand(texts, 8)
    assert tokens


def test_a_window_has_one_code_wherever_it_stands() -> None:
    codes = token_codes("one two three . one two three .")
    windows = window_codes(codes, 3)
    assert len(windows) == 6
    assert windows[0] == windows[4] and len(set(windows.tolist())) == 4
    assert len(window_codes(codes[:2], 3)) == 0


def test_the_first_copy_stays_and_the_log_names_it() -> None:
    licence = " ".join(f"word{i}" for i in range(60))
    log = RemovalLog()
    documents = [
        Document("a", f"Alpha:\n{licence}\nThe end."),
        Document("b", f"Beta!\n{licence}\nNothing else."),
        Document("c", licence),
        Document("d", "short"),
    ]
    kept = list(drop_passages(iter(documents), log))
    assert [d.text for d in kept] == [documents[0].text, "Beta!\nNothing else.", "short"]
    assert [(e.id, e.reason) for e in log.entries] == [
        ("b", "repeated-passages"),
        ("c", "only-repeated-passages"),
    ]
    assert log.entries[0].evidence["source"] == "a" and log.entries[0].evidence["tokens"] == 60
    assert str(log.entries[0].evidence["begins"]).startswith("word0 word1")


def test_a_word_repeated_a_million_times_leaves_one() -> None:
    kept = list(
        drop_passages(
            [Document("a", "word " * 1_000_000), Document("b", "x y " * 1_000)], RemovalLog()
        )
    )
    assert [d.text.split() for d in kept] == [["word"], ["x", "y"]]


def test_many_copies_leave_one() -> None:
    text = " ".join(f"w{i}" for i in range(55))
    log = RemovalLog()
    assert [d.id for d in drop_passages((Document(str(i), text) for i in range(20_000)), log)] == [
        "0"
    ]
    assert log.counts() == {("passages", "dropped", "only-repeated-passages"): 19_999}


def test_odd_input() -> None:
    documents = [
        Document(str(i), text)
        for i, text in enumerate(["", "\x00", "\ud800 " * 3, "温" * 60, "室" * 10])
    ]
    assert [d.text for d in drop_passages(documents, RemovalLog())] == [
        "",
        "\x00",
        "\ud800 " * 3,
        "温",
        "室" * 10,
    ]
    assert find_passages([]) == {}
    with pytest.raises(CourseError, match="two tokens"):
        find_passages(["a"], size=1)
