"""The published rules: each has a text that fails it, and datatrove's filters decide the same."""

import random

import pytest

from course_lib.cleaning import filters
from course_lib.cleaning.filters import (
    SPLITTERS,
    c4_line_reason,
    clean_c4,
    count_sentences,
    drop_low_quality,
    drop_site_lines,
    explain_fineweb,
    explain_quality,
    explain_repetition,
    keep_languages,
    site_line_reason,
)
from course_lib.cleaning.steps import RemovalLog, run_steps
from course_lib.workbook.corpus import Document

WORDS = "the river runs down with cold water and reaches green valleys where old boats sleep"
WORDS = f"{WORDS} below tall trees".split()


def sentence(number: int, words: int = 12) -> str:
    rng = random.Random(number)
    return " ".join(rng.choice(WORDS) + str(rng.randrange(40)) for _ in range(words)) + "."


PROSE = "\n".join(sentence(number) for number in range(20))
PLAIN = "\n".join(["the river runs down with water and reaches green valleys"] * 10)  # 100 words


def failed(verdicts: list[filters.Verdict]) -> list[str]:
    return [verdict.reason for verdict in verdicts if not verdict.passed]


def numbered(texts: list[str]) -> list[Document]:
    return [Document(str(number), text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join(PLAIN.split("\n")[:4]), "doc_words"),
        (("the and " + "a " * 8) * 10, "avg_word_length"),
        (("the and " + "extraordinarily " * 8) * 10, "avg_word_length"),
        (PLAIN.replace("river", "r##er"), "hash_word_ratio"),
        (PLAIN.replace("river", "r......er"), "ellipsis_word_ratio"),
        ("\n".join("-" + line for line in PLAIN.split("\n")), "bullet_lines_ratio"),
        (PLAIN.replace("valleys", "valleys…", 4), "ellipsis_lines_ratio"),
        (
            PLAIN.replace("river", "1234").replace("green", "1234").replace("water", "1234"),
            "alpha_words_ratio",
        ),
        (PLAIN.replace("the", "our").replace("with", "amid"), "stop_words"),
    ],
)
def test_one_rule_of_quality_fails(text: str, reason: str) -> None:
    assert failed(explain_quality(PLAIN, str.split)) == []
    assert failed(explain_quality(text, str.split)) == [reason]


def test_limits_themselves_pass_and_the_splitter_decides() -> None:
    def fails(text: str) -> list[str]:
        return failed(explain_quality(text, str.split))

    assert "doc_words" not in fails("\n".join(PLAIN.split("\n")[:5]))
    assert "hash_word_ratio" not in fails(PLAIN.replace("river", "r#er"))
    assert "ellipsis_lines_ratio" not in fails(PLAIN.replace("valleys", "valleys…", 3))
    assert "doc_words" in failed(explain_quality(PLAIN, str.splitlines))
    text = "call os.path.join(a, b), then x[0] += 1"
    counts = {name: len(split(text)) for name, split in SPLITTERS.items()}
    assert counts == {"blanks": 7, "words": 10, "words and marks": 20}


def test_the_log_says_why() -> None:
    log = RemovalLog()
    documents = numbered([PLAIN, "", "word " * 1_000_000])
    assert [d.id for d in drop_low_quality(documents, log, split=str.split)] == ["0"]
    assert [(e.id, e.reason) for e in log.entries] == [("1", "doc_words"), ("2", "doc_words")]
    assert log.entries[1].evidence == {"value": 1_000_000.0, "failed": "doc_words, stop_words"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE + "\n\nla" * 10, "dup_para_frac"),
        (PROSE + "\n\n" + "\n\n".join([sentence(99, 40)] * 3), "dup_para_char_frac"),
        (PROSE + "\nla" * 12, "dup_line_frac"),
        (PROSE + "\n" + "\n".join([sentence(98, 40)] * 4), "dup_line_char_frac"),
        (" ".join(f"{w} all the time" for w in PROSE.split()[:80]), "top_2_gram"),
        (" ".join(f"{w} on the way" for w in PROSE.split()[:80]), "top_3_gram"),
        (PROSE + " " + " ".join([sentence(97, 60)] * 2), "duplicated_10_n_grams"),
    ],
)
def test_repetition(text: str, reason: str) -> None:
    assert failed(explain_repetition(PROSE, str.split)) == []
    assert reason in failed(explain_repetition(text, str.split))


def random_text(seed: int) -> str:
    rng = random.Random(seed)
    lines = [
        " ".join(rng.choices(WORDS[: rng.randrange(3, 17)], k=rng.randrange(1, 15)))
        for _ in range(12)
    ]
    ends = ["\n", "\n\n", ".\n", "\n\n\n"]
    return "".join(rng.choice(lines) + rng.choice(ends) for _ in range(30))


@pytest.mark.parametrize("seed", range(5))
def test_repetition_values_equal_datatrove(seed: int) -> None:
    theirs = pytest.importorskip("datatrove.pipeline.filters.gopher_repetition_filter")
    for number in range(20):
        text = random_text(seed * 100 + number)
        words = text.split()
        ours = {v.reason: v.value for v in explain_repetition(text, str.split)}
        for n in filters.TOP_N_GRAMS:
            expected = theirs.find_top_duplicate(theirs.get_n_grams(words, n))
            assert ours[f"top_{n}_gram"] == expected / len(text)
        for n in filters.DUP_N_GRAMS:
            expected = theirs.find_all_duplicate(words, n)
            assert ours[f"duplicated_{n}_n_grams"] == expected / len(text)


@pytest.mark.parametrize("seed", range(5))
def test_decisions_and_reasons_equal_datatrove(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = pytest.importorskip("datatrove.pipeline.filters")
    from datatrove.data import Document as Theirs
    from datatrove.pipeline.filters import (
        fineweb_quality_filter,
        gopher_quality_filter,
        gopher_repetition_filter,
    )

    for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
        monkeypatch.setattr(module, "split_into_words", lambda text, language: str.split(text))
    pairs = (
        (theirs.GopherRepetitionFilter(), explain_repetition),
        (theirs.GopherQualityFilter(), explain_quality),
        (theirs.FineWebQualityFilter(char_duplicates_ratio=0.1), explain_fineweb),
    )
    outcomes = set()
    for number in range(1, 40):
        text = (
            random_text(seed * 100 + number)
            if number % 2
            else "\n".join(map(sentence, range(number % 19)))
        )
        for filter_, explain in pairs if text else ():
            answer = filter_.filter(Theirs(text=text, id="x"))
            ours = failed(explain(text, str.split))
            assert (answer is True) == (not ours), (filter_.name, answer, ours, text)
            if answer is not True and not answer[1].startswith("gopher"):
                assert answer[1] in ours
            outcomes.add((filter_.name, answer is True))
    assert len(outcomes) >= 4


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (sentence(1), None),
        ('He said: "go home now"', None),
        ("A heading without its end", "no_terminal_punct"),
        ("And then they went home...", "no_terminal_punct"),
        ("Too short here.", "too_few_words"),
        (f"a b c d e {'x' * 1_001}.", "max_word_length"),
        ("Please switch JavaScript on to read this page.", "javascript"),
        ("This page uses cookies to work a little better.", "policy"),
    ],
)
def test_c4_lines(line: str, reason: str | None) -> None:
    assert c4_line_reason(line, str.split) == reason


def test_c4_pages() -> None:
    log = RemovalLog()
    texts = [
        PROSE,
        f"Menu\n{PROSE} [12]\n\nHome",
        PROSE + "\nif (x) { y }",
        "Lorem ipsum. " + PROSE,
        sentence(1),
        "",
    ]
    kept = list(clean_c4(numbered(texts), log, split=str.split))
    assert [(d.id, d.text) for d in kept] == [("0", PROSE), ("1", PROSE)]
    assert [(e.id, e.reason) for e in log.entries] == [
        ("1", "lines"),
        ("2", "curly_bracket"),
        ("3", "lorem_ipsum"),
        ("4", "too_few_sentences"),
        ("5", "too_few_sentences"),
    ]
    assert log.entries[0].evidence == {"no_terminal_punct": 2}
    ends = ("No end", "One. Two! Three?", "Wait... what?!", '"Yes." "No."', "3.14 is pi.", "." * 99)
    assert list(map(count_sentences, ends)) == [1, 3, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE.replace(".", ""), "line_punct_ratio"),
        ("\n".join([sentence(1), sentence(2), *(f"n{i}." for i in range(8))]), "short_line_ratio"),
        (PROSE + "\n" + "\n".join([sentence(96, 40)] * 2), "char_dup_ratio"),
        ("\n".join(f"one-very-long-word-that-fills-a-line-{i}." for i in range(9)), "list_ratio"),
        ("", "line_punct_ratio"),
    ],
)
def test_fineweb(text: str, reason: str) -> None:
    assert failed(explain_fineweb(PROSE, str.split)) == []
    assert failed(explain_fineweb(text, str.split)) == [reason]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("12,304 views", "counter"),
        ("  5.2K likes · ", "counter"),
        ("Home » Songs » Rivers", "navigation"),
        ("Read more...", "phrase"),
        ("(c) 2019 the harbour archive", "phrase"),
        ("2019-04-01", "digits"),
        ("Contents", "one-word"),
        ("BREAKING NEWS FROM THE HARBOUR", "capitals"),
        ("", None),
        ("----------", None),
        ("He liked what he saw, and 12 others did too.", None),
        ("A long line may say read more and privacy policy, for it has more than ten words.", None),
        ("x -> y > z", None),
    ],
)
def test_forms_of_site_lines(line: str, reason: str | None) -> None:
    assert site_line_reason(line) == reason


@pytest.mark.parametrize(
    "line",
    [
        "孩子们在花园里玩耍，奶奶从窗户看着他们微笑。",
        "きょうはとてもいい天気なので、海へ行きました。",
        "วันนี้อากาศดีมากทุกคนมีความสุข",
        "ມື້ນີ້ອາກາດດີຫຼາຍ",
        "ថ្ងៃនេះអាកាសធាតុល្អណាស់",
        "ယနေ့ရာသီဥတုကောင်းသည်",
        "བོད་ཀྱི་སྐད་ཡིག་ནི་ཡག་པོ་རེད།",
        "ꆈꌠꁱꂷꆏꆈꌠꊨꏦ",
    ],
)
def test_a_sentence_without_blanks_is_not_one_word(line: str) -> None:
    assert site_line_reason(line) is None
    page = Document("page", "\n".join([line] * 3))
    assert list(drop_site_lines([page], RemovalLog())) == [page]


def test_a_page_of_site_lines_is_dropped_others_lose_them() -> None:
    log = RemovalLog()
    body = "a line of its own, number {}, long enough to count"
    prose = "\n".join(body.format(i) for i in range(20))
    documents = numbered([f"3 likes\n{prose}", f"Sign in\n{body}\nRead more", prose])
    assert [(d.id, d.text) for d in drop_site_lines(documents, log)] == [("0", prose), ("2", prose)]
    assert [e.reason for e in log.entries] == ["site-lines", "mostly-site-lines"]
    assert log.entries[1].evidence["phrase"] == 2
    assert log.entries[1].evidence["fraction"] == pytest.approx(4 / 15, abs=1e-3)
    assert list(drop_site_lines(numbered(["Home\n12\n"]), RemovalLog())) == []


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
    unsure = RemovalLog()
    assert list(keep_languages(numbered([english]), unsure, min_prob=1.1)) == []
    assert unsure.entries[0].reason == "unsure-language"
    with pytest.raises(ValueError, match="codes such as en"):
        list(keep_languages([], log, languages=("english",)))


def test_refinedweb_keeps_prose_and_says_why_the_rest_went() -> None:
    prose = (
        "The keeper of the lighthouse wrote a letter every evening and took it to the harbour. "
        "When winter had ended, he read all of them to the boats that lay with their crews.\n"
        "Nobody knows what the letters said, but the boats have never since run onto a rock of "
        "the bay. People of the town still light a candle, and leave a sheet of paper beside it."
    )
    run = run_steps(numbered([prose, prose, "x = 1\n" * 60, ""]), filters.refinedweb(str.split))
    assert [d.id for d in run.documents] == ["0"]
    assert {e.id for e in run.log.entries if e.action == "dropped"} == {"1", "2", "3"}
