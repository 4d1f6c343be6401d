"""The published rules: each has a text that fails it, and where datatrove is installed both agree."""

import random

import pytest

from course_lib.cleaning import c4, fineweb, gopher, recipes, repetition
from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.steps import run_steps
from course_lib.cleaning.splitters import SPLITTERS
from course_lib.cleaning.verdicts import Verdict
from course_lib.workbook.corpus import Document

LINE = "the river runs down with cold water and reaches green valleys where old boats sleep below tall trees"
WORDS = LINE.split()


def sentence(number: int, words: int = 12) -> str:
    chance = random.Random(number)
    return " ".join(chance.choice(WORDS) + str(chance.randrange(40)) for _ in range(words)) + "."


GOOD = "\n".join(sentence(number) for number in range(20))


def failed(verdicts: list[Verdict]) -> list[str]:
    return [verdict.reason for verdict in verdicts if not verdict.passed]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD + "\n\nla" * 10, "duplicate-paragraphs"),
        (GOOD + "\n\n" + "\n\n".join([sentence(99, 40)] * 3), "duplicate-paragraph-characters"),
        (GOOD + "\nla" * 12, "duplicate-lines"),
        (GOOD + "\n" + "\n".join([sentence(98, 40)] * 4), "duplicate-line-characters"),
        (" ".join(f"{w} all the time" for w in GOOD.split()[:80]), "top-2-gram"),
        (" ".join(f"{w} on the way" for w in GOOD.split()[:80]), "top-3-gram"),
        (GOOD + " " + " ".join([sentence(97, 60)] * 2), "duplicate-10-grams"),
    ],
)
def test_repetition(text: str, reason: str) -> None:
    assert failed(repetition.explain_repetition(GOOD, str.split)) == []
    assert reason in failed(repetition.explain_repetition(text, str.split))


def test_repetition_by_hand() -> None:
    values = {
        v.reason: v.value
        for v in repetition.explain_repetition("a b c d e f a b c d e\nx", str.split)
    }
    size = len("a b c d e f a b c d e\nx")
    assert values["top-2-gram"] == pytest.approx(2 * 3 / size)
    assert values["duplicate-5-grams"] == pytest.approx(
        5 / size
    )  # the second "a b c d e", letters only
    assert values["duplicate-6-grams"] == 0


def random_text(seed: int) -> str:
    chance = random.Random(seed)
    lines = [
        " ".join(chance.choices(WORDS[: chance.randrange(3, 17)], k=chance.randrange(1, 15)))
        for _ in range(12)
    ]
    return "".join(
        chance.choice(lines) + chance.choice(["\n", "\n\n", ".\n", "\n\n\n"]) for _ in range(30)
    )


@pytest.mark.parametrize("seed", range(5))
def test_repetition_values_equal_datatrove(seed: int) -> None:
    theirs = pytest.importorskip("datatrove.pipeline.filters.gopher_repetition_filter")
    for number in range(20):
        text = random_text(seed * 100 + number)
        words = text.split()
        ours = {v.reason: v.value for v in repetition.explain_repetition(text, str.split)}
        for n in repetition.TOP_NGRAMS:
            assert ours[f"top-{n}-gram"] == theirs.find_top_duplicate(
                theirs.get_n_grams(words, n)
            ) / len(text)
        for n in repetition.DUPLICATE_NGRAMS:
            assert ours[f"duplicate-{n}-grams"] == theirs.find_all_duplicate(words, n) / len(text)


@pytest.mark.parametrize("seed", range(5))
def test_decisions_equal_datatrove(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = pytest.importorskip("datatrove.pipeline.filters")
    from datatrove.data import Document as Theirs
    from datatrove.pipeline.filters import (
        fineweb_quality_filter,
        gopher_quality_filter,
        gopher_repetition_filter,
    )

    for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
        monkeypatch.setattr(module, "split_into_words", lambda text, language: str.split(text))
    pairs = (
        (
            filters.GopherRepetitionFilter(),
            lambda text: repetition.explain_repetition(text, str.split),
        ),
        (filters.GopherQualityFilter(), lambda text: gopher.explain_quality(text, str.split)),
        (
            filters.FineWebQualityFilter(char_duplicates_ratio=0.1),
            lambda t: fineweb.explain_fineweb(t, str.split),
        ),
    )
    outcomes = set()
    for number in range(40):
        text = (
            random_text(seed * 100 + number)
            if number % 2
            else "\n".join(map(sentence, range(number % 19)))
        )
        if not text:
            continue
        for filter_, explain in pairs:
            theirs = filter_.filter(Theirs(text=text, id="x"))
            keeps = theirs is True
            assert keeps == (not failed(explain(text))), (filter_.name, theirs, explain(text), text)
            outcomes.add((filter_.name, keeps))
    assert len(outcomes) >= 4


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (sentence(1), None),
        ('He said: "go home now"', None),
        ("A heading without its end", "no-end-mark"),
        ("And then they went home...", "no-end-mark"),
        ("Too short here.", "few-words"),
        (f"a b c d e {'x' * 1_001}.", "long-word"),
        ("Please switch JavaScript on to read this page.", "javascript"),
        ("This page uses cookies to work a little better.", "policy"),
    ],
)
def test_c4_lines(line: str, reason: str | None) -> None:
    assert c4.judge_line(line, str.split) == reason


def test_c4_pages() -> None:
    log = RemovalLog()
    texts = [
        GOOD,
        f"Menu\n{GOOD} [12]\n\nHome",
        GOOD + "\nif (x) { y }",
        "Lorem ipsum. " + GOOD,
        sentence(1),
        "",
    ]
    kept = list(
        c4.clean_c4([Document(str(i), t) for i, t in enumerate(texts)], log, split=str.split)
    )
    assert [(d.id, d.text) for d in kept][0] == ("0", GOOD)
    assert kept[1].text == GOOD.replace(sentence(19), sentence(19)[:-1] + ".") and len(kept) == 2
    assert [(e.id, e.reason) for e in log.entries] == [
        ("1", "lines"),
        ("2", "curly-brackets"),
        ("3", "lorem-ipsum"),
        ("4", "sentences"),
        ("5", "sentences"),
    ]
    assert log.entries[0].evidence == {"no-end-mark": 2}


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("No end", 1),
        ("One. Two! Three?", 3),
        ("Wait... what?!", 2),
        ('"Yes." "No."', 2),
        ("3.14 is pi.", 1),
        ("." * 99, 1),
    ],
)
def test_sentences_are_counted(line: str, count: int) -> None:
    assert c4.count_sentences(line) == count


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace(".", ""), "end-marks"),
        ("\n".join([sentence(1), sentence(2), *(f"n{i}." for i in range(8))]), "short-lines"),
        (GOOD + "\n" + "\n".join([sentence(96, 40)] * 2), "duplicate-line-characters"),
        (
            "\n".join(f"one-very-long-word-that-fills-a-line-{i}." for i in range(9)),
            "line-ends-per-word",
        ),
        ("", "end-marks"),
    ],
)
def test_fineweb(text: str, reason: str) -> None:
    assert failed(fineweb.explain_fineweb(GOOD, str.split)) == []
    assert failed(fineweb.explain_fineweb(text, str.split)) == [reason]


def test_the_splitters_differ_on_technical_text() -> None:
    text = "call os.path.join(a, b), then x[0] += 1"
    counts = {name: len(split(text)) for name, split in SPLITTERS.items()}
    assert counts == {"blanks": 7, "words": 10, "words and marks": 20}


@pytest.mark.parametrize("recipe", [recipes.refinedweb, recipes.fineweb])
def test_recipes_keep_prose_and_say_why_the_rest_went(recipe: object) -> None:
    prose = (
        "The keeper of the lighthouse wrote a letter every evening and carried it down to the harbour. "
        "When the winter had ended, he read all of them to the boats that lay there with their crews.\n"
        "Nobody knows what the letters said, but the boats have never since run onto the rocks of the bay. "
        "People in the town still light a candle for him, and they leave a sheet of paper beside it."
    )
    documents = [
        Document("prose", prose),
        Document("copy", prose),
        Document("list", "x = 1\n" * 60),
        Document("e", ""),
    ]
    run = run_steps(documents, recipe(str.split))
    assert [d.id for d in run.documents] == ["prose"]
    assert {e.id for e in run.log.entries if e.action == "dropped"} == {"copy", "list", "e"}
