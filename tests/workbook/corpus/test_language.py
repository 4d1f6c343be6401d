"""Languages are told apart."""

from course_lib.workbook.corpus.language import identify, main_language

TEXTS = {
    "en": "The keeper of the lighthouse wrote a letter each evening and carried it to the harbour.",
    "de": "Der Wärter des Leuchtturms schrieb jeden Abend einen Brief und trug ihn zum Hafen.",
    "fr": "Le gardien du phare écrivait une lettre chaque soir et la portait au port du village.",
    "zh": "灯塔的看守人每天晚上都写一封信，然后把它带到港口去，读给那里的船只听。",
}


def test_languages_are_told_apart() -> None:
    assert {code: identify(text)[0] for code, text in TEXTS.items()} == {c: c for c in TEXTS}
    assert all(0.65 <= identify(text)[1] <= 1 for text in TEXTS.values())


def test_the_main_language() -> None:
    assert main_language([TEXTS["de"], "ok", TEXTS["de"], TEXTS["en"]]) == "de"
    assert main_language(["", "x"]) == "en"
