"""The published rules: each has a text that fails it, and datatrove's filters decide the same."""

import random

import pytest

from course_lib.cleaning import filters
from course_lib.cleaning.filters import (
    drop_site_lines,
    explain_fineweb,
    explain_quality,
    explain_repetition,
    keep_languages,
    site_line_reason,
)
from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

WORDS = "the river runs down with cold water and reaches green valleys where old boats sleep"
WORDS = f"{WORDS} below tall trees".split()


def sentence(number: int, words: int = 12) -> str:
    rng = random.Random(number)
    return " ".join(rng.choice(WORDS) + str(rng.randrange(40)) for _ in range(words)) + "."


PROSE = "\n".join(sentence(number) for number in range(20))
PLAIN = "\n".join(["the river runs down with water and reaches green valleys"] * 10)  # 100 words
NUMBERS = PLAIN.replace("river", "1234").replace("green", "1234").replace("water", "1234")
SHORT_LINES = "\n".join([sentence(1), sentence(2), *(f"n{i}." for i in range(8))])
LONG_WORDS = "\n".join(f"one-very-long-word-that-fills-a-line-{i}." for i in range(9))
FAILING = [
    (explain_quality, "doc_words", "\n".join(PLAIN.split("\n")[:4])),
    (explain_quality, "avg_word_length", ("the and " + "extraordinarily " * 8) * 10),
    (explain_quality, "hash_word_ratio", PLAIN.replace("river", "r##er")),
    (explain_quality, "ellipsis_word_ratio", PLAIN.replace("river", "r......er")),
    (explain_quality, "bullet_lines_ratio", "-" + PLAIN.replace("\n", "\n-")),
    (explain_quality, "ellipsis_lines_ratio", PLAIN.replace("valleys", "valleys…", 4)),
    (explain_quality, "alpha_words_ratio", NUMBERS),
    (explain_quality, "stop_words", PLAIN.replace("the", "our").replace("with", "amid")),
    (explain_repetition, "dup_para_frac", PROSE + "\n\nla" * 10),
    (explain_repetition, "dup_para_char_frac", PROSE + f"\n\n{sentence(99, 40)}" * 3),
    (explain_repetition, "dup_line_frac", PROSE + "\nla" * 12),
    (explain_repetition, "dup_line_char_frac", PROSE + f"\n{sentence(98, 40)}" * 4),
    (explain_repetition, "top_2_gram", " ".join(f"{w} all the time" for w in PROSE.split()[:80])),
    (explain_repetition, "top_3_gram", " ".join(f"{w} on the way" for w in PROSE.split()[:80])),
    (explain_repetition, "duplicated_10_n_grams", PROSE + f" {sentence(97, 60)}" * 2),
    (explain_fineweb, "line_punct_ratio", PROSE.replace(".", "")),
    (explain_fineweb, "short_line_ratio", SHORT_LINES),
    (explain_fineweb, "char_dup_ratio", PROSE + f"\n{sentence(96, 40)}" * 2),
    (explain_fineweb, "list_ratio", LONG_WORDS),
]


def failed(verdicts: list[filters.Verdict]) -> list[str]:
    return [verdict.reason for verdict in verdicts if not verdict.passed]


def numbered(texts: list[str]) -> list[Document]:
    return [Document(str(number), text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(("explain", "reason", "text"), FAILING)
def test_each_rule_has_a_text_that_fails_it(explain: object, reason: str, text: str) -> None:
    assert failed(explain(PLAIN if explain is explain_quality else PROSE, str.split)) == []
    found = failed(explain(text, str.split))
    assert reason in found if explain is explain_repetition else found == [reason]


def test_limits_themselves_pass() -> None:
    hashes = PLAIN.replace("river", "r#er")  # 10 of 100 words
    assert "hash_word_ratio" not in failed(explain_quality(hashes, str.split))


def random_text(seed: int) -> str:
    rng = random.Random(seed)
    lines = [
        " ".join(rng.choices(WORDS[: rng.randrange(3, 17)], k=rng.randrange(1, 15)))
        for _ in range(12)
    ]
    ends = ["\n", "\n\n", ".\n", "\n\n\n"]
    return "".join(rng.choice(lines) + rng.choice(ends) for _ in range(30))


@pytest.mark.parametrize("seed", range(5))
def test_values_decisions_and_reasons_equal_datatrove(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = pytest.importorskip("datatrove.pipeline.filters")
    from datatrove.data import Document as Theirs

    repetition = theirs.gopher_repetition_filter
    for module in (theirs.fineweb_quality_filter, theirs.gopher_quality_filter, repetition):
        monkeypatch.setattr(module, "split_into_words", lambda text, language: str.split(text))
    pairs = (
        (theirs.GopherRepetitionFilter(), explain_repetition),
        (theirs.GopherQualityFilter(), explain_quality),
        (theirs.FineWebQualityFilter(char_duplicates_ratio=0.1), explain_fineweb),
    )
    texts = [random_text(seed * 100 + number) for number in range(20)]
    texts += ["\n".join(map(sentence, range(lines))) for lines in range(1, 20)]
    texts += [text for *_, text in FAILING if text and "…" not in text]  # theirs knows no end “…”
    for text in texts:
        words = text.split()
        values = {v.reason: v.value for v in explain_repetition(text, str.split)}
        for n in filters.TOP_N_GRAMS:
            expected = repetition.find_top_duplicate(repetition.get_n_grams(words, n))
            assert values[f"top_{n}_gram"] == expected / len(text)
        for n in filters.DUP_N_GRAMS:
            expected = repetition.find_all_duplicate(words, n)
            assert values[f"duplicated_{n}_n_grams"] == expected / len(text)
        for filter_, explain in pairs:
            answer = filter_.filter(Theirs(text=text, id="x"))
            ours = failed(explain(text, str.split))
            assert (answer is True) == (not ours), (filter_.name, answer, ours, text)
            if answer is not True and not answer[1].startswith("gopher"):
                assert answer[1] in ours


FORMS = {
    "12,304 views": "counter",
    "  5.2K likes · ": "counter",
    "Home » Songs » Rivers": "navigation",
    "Read more...": "phrase",
    "(c) 2019 the harbour archive": "phrase",
    "2019-04-01": "digits",
    "Contents": "one-word",
    "BREAKING NEWS FROM THE HARBOUR": "capitals",
    "----------": None,
    "He liked what he saw, and 12 others did too.": None,
    "A long line may say read more and privacy policy, for it has more than ten words.": None,
    "x -> y > z": None,
    "孩子们在花园里玩耍，奶奶从窗户看着他们微笑。": None,  # no blanks, and not one word
    "きょうはとてもいい天気なので、海へ行きました。": None,
    "วันนี้อากาศดีมากทุกคนมีความสุข": None,
    "ថ្ងៃនេះអាកាសធាតុល្អណាស់": None,
    "བོད་ཀྱི་སྐད་ཡིག་ནི་ཡག་པོ་རེད།": None,
}


def test_forms_of_site_lines() -> None:
    assert {line: site_line_reason(line) for line in FORMS} == FORMS


def test_a_page_of_site_lines_is_dropped_others_lose_them() -> None:
    log = RemovalLog()
    prose = "\n".join(f"a line of its own, number {i}, long enough to count" for i in range(20))
    chinese = "孩子们在花园里玩耍，奶奶从窗户看着他们微笑。\n" * 3
    texts = [f"3 likes\n{prose}", "Sign in\nRead more", "Home\n12\n", prose, chinese]
    left = {d.id: d.text for d in drop_site_lines(numbered(texts), log)}
    assert left == {"0": prose, "3": prose, "4": chinese}
    assert [e.reason for e in log.entries] == ["site-lines"] + 2 * ["mostly-site-lines"]
    assert log.entries[1].evidence["phrase"] == 2


def test_languages_go_with_evidence_and_short_texts_stay() -> None:
    log = RemovalLog()
    english = "The keeper of the lighthouse wrote a letter every evening and carried it down."
    german = "Der Wärter des Leuchtturms schrieb jeden Abend einen Brief und trug ihn hinunter."
    short = ["", "Guten Tag", "123 " * 100, "\x00\ud800"]
    kept = list(keep_languages(numbered([english, german, *short]), log))
    assert [d.text for d in kept] == [english, *short]
    foreign, *unknown = log.entries
    assert (foreign.reason, foreign.evidence["language"]) == ("other-language", "de")
    assert {(e.action, e.reason) for e in unknown} == {("kept", "too-short-to-tell")}
