"""Languages: kept, dropped, unsure, too short to tell."""

import pytest

from course_lib.cleaning.language import identify, keep_languages, main_language
from course_lib.cleaning.steps import RemovalLog
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

TEXTS = {
    "en": "The keeper of the lighthouse wrote a letter every evening and carried it down to the harbour.",
    "de": "Der Wärter des Leuchtturms schrieb jeden Abend einen Brief und trug ihn hinunter zum Hafen.",
    "fr": "Le gardien du phare écrivait une lettre chaque soir et la portait jusqu'au port du village.",
    "zh": "灯塔的看守人每天晚上都写一封信，然后把它带到港口去，读给那里的船只听。冬天过后，他把所有的信都带走了。",
}


def test_languages_are_told_apart_and_dropped_with_evidence() -> None:
    log = RemovalLog()
    documents = [Document(code, text) for code, text in TEXTS.items()]
    assert [d.id for d in keep_languages(iter(documents), log, languages=["en", "zh"])] == [
        "en",
        "zh",
    ]
    assert [(e.id, e.reason, e.evidence["language"]) for e in log.entries] == [
        ("de", "other-language", "de"),
        ("fr", "other-language", "fr"),
    ]
    assert all(0.65 <= identify(text)[1] <= 1 for text in TEXTS.values())


def test_the_threshold_decides_about_unsure_texts() -> None:
    mixed = Document("m", TEXTS["en"][:45] + TEXTS["de"][:45] + TEXTS["fr"][:45])
    language, probability = identify(mixed.text)
    log = RemovalLog()
    assert (
        list(keep_languages([mixed], log, languages=[language], least=min(1, probability + 0.001)))
        == []
    )
    assert log.entries[0].reason == "unsure-language"
    assert list(keep_languages([mixed], log, languages=[language], least=probability)) == [mixed]


def test_short_and_odd_texts_stay_and_the_log_says_so() -> None:
    log = RemovalLog()
    documents = [
        Document(str(i), text)
        for i, text in enumerate(["", "Guten Tag", "123 " * 100, "\x00\ud800"])
    ]
    assert list(keep_languages(documents, log)) == documents
    assert {(e.action, e.reason) for e in log.entries} == {("kept", "too-short-to-tell")} and len(
        log.entries
    ) == 4


def test_the_main_language() -> None:
    assert main_language([TEXTS["de"], "ok", TEXTS["de"], TEXTS["en"]]) == "de"
    assert main_language(["", "x"]) == "en"


@pytest.mark.parametrize("languages", [["english"], []])
def test_an_unknown_code_is_said(languages: list[str]) -> None:
    with pytest.raises(CourseError, match="Give codes such as en"):
        list(keep_languages([Document("a", TEXTS["en"])], RemovalLog(), languages=languages))
