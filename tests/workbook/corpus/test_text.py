"""Bytes to text, text out of markup, languages and words: right, or reported, never mangled."""

import doctest
import random
from pathlib import Path

import pytest

from course_lib.workbook.corpus import encoding, words
from course_lib.workbook.corpus.encoding import Problem, guess_encoding, text_chunks
from course_lib.workbook.corpus.html import main_text, strip_tags
from course_lib.workbook.corpus.language import identify, main_language

GERMAN = "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße nach Köln."
JAPANESE = "これは日本語の文章です。今日は天気がいいので、公園へ散歩に行きました。楽しかったです。"
CHINESE = "这是一段中文文本。今天天气很好，我们去公园散步吧，孩子们在草地上玩耍，老人们在下棋。"
ARABIC = "مرحبا بالجميع، الطقس جميل اليوم وذهبنا للتنزه في الحديقة حيث يلعب الأطفال."
OLD = {
    GERMAN: "latin-1 cp1252 cp850 mac_roman",
    "Le garçon a mangé à la crème. Ça dépend des élèves, répond-il.": "latin-1 cp1252 mac_roman",
    "It’s the customer’s choice – “really”. Prices start from £20.": "cp1252",
    "The price is 5 €, “cheap”, he said – well… and the café in Köln is closed.": "cp1252",
    "Dziś jest ładna pogoda i poszliśmy na spacer do parku, żeby odpocząć.": "cp1250 iso8859_2",
    "Djeca se igraju u vrtu, išao je kroz šumu i vidio životinju koja traži kuću.": "cp1250 cp852",
    "Bugün hava çok güzel, çocuklar parkta oynuyor ve şarkı söylüyor. İyi günler.": "cp1254",
    "Дети играют в саду, а бабушка смотрит на них из окна и улыбается.": "cp1251 koi8_r cp866",
    "Децата играят в градината, а баба им ги гледа от прозореца и се усмихва.": "cp1251",
    "Деца се играју у башти, а бака их гледа кроз прозор, јер је данас лепо време.": "mac_cyrillic",
    "Діти граються в саду, а бабуся дивиться на них із вікна й усміхається.": "koi8_u",
    "Τα παιδιά παίζουν στον κήπο και η γιαγιά τα κοιτάζει από το παράθυρο.": "cp1253 mac_greek",
    "שלום לכולם, היום מזג האוויר יפה והלכנו לטייל בפארק שבו שיחקו הילדים.": "cp1255",
    ARABIC: "cp1256",
    JAPANESE: "shift_jis euc_jp",
    CHINESE: "gb18030",
    "孩子們在花園裡玩耍，奶奶從窗口看著他們微笑，因為今天天氣很好。": "big5",
    "이것은 한국어 문장입니다. 오늘은 날씨가 좋아서 공원에 갔습니다.": "euc_kr",
    "เด็กๆ เล่นอยู่ในสวน และคุณยายมองพวกเขาจากหน้าต่างแล้วยิ้ม เพราะวันนี้อากาศดี": "tis_620",
    "La knabino iris al la ĝardeno, ĉar ŝi volis aŭdi la birdojn kaj la ĵurnalon.": "iso8859_3",
}
SAMPLES = [(text, name) for text, names in OLD.items() for name in names.split()]


def read(folder: Path, content: bytes) -> tuple[str, str]:
    """The text of such a file, and what was reported."""
    (folder / "a.txt").write_bytes(content)
    text, said = "", []
    try:
        for chunk in text_chunks(folder / "a.txt", lambda *why: said.append(": ".join(why))):
            text += chunk
    except Problem as problem:
        said.append(": ".join(problem.args))
    return text, "; ".join(said)


@pytest.mark.parametrize(("text", "name"), SAMPLES, ids=[f"{t[:6]}-{name}" for t, name in SAMPLES])
def test_older_encodings_are_never_read_wrongly(tmp_path, text: str, name: str) -> None:
    """Snippets of every length: None is allowed, a wrong reading is not."""
    assert read(tmp_path, "\r\n".join([text] * 4).encode(name))[0] == "\n".join([text] * 4)
    wrong = []
    for length in (6, 12, 20, 30, 45):
        for start in range(0, len(text) - length, 7):
            snippet = text[start : start + length]
            found = None if snippet.isascii() else guess_encoding(snippet.encode(name))
            if found and snippet.encode(name).decode(found) != snippet:
                wrong.append((snippet, found))
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("times", [1, 40])
def test_one_sign_of_an_old_macintosh_is_not_exchanged(times: int) -> None:
    text = "The temperature in the room was 20 °C and the ticket cost 5 £, said the owner of it. "
    assert guess_encoding((text * times).encode("mac_roman")) in (None, "mac-roman")


@pytest.mark.parametrize("text", [GERMAN, f"{JAPANESE}\r{JAPANESE}", ARABIC, "👨‍👩‍👧‍👦 ☀️"])
@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read(tmp_path, text: str, name: str) -> None:
    assert read(tmp_path, text.encode(name)) == (text.replace("\r", "\n"), "")


ENGLISH_BYTES = b"The harbour was quiet that evening. " * 50
LONG = "größere Wörter. " * 4 * encoding.CHUNK
BROKEN = {
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20, "", "binary"),
    "noise": (bytes(random.Random(1).choices(range(1, 256), k=5_000)), "", "binary"),
    "a bad byte": (ENGLISH_BYTES + b"\x81 and more. \x81", "", "cannot be read with certainty"),
    "half a character": (ENGLISH_BYTES + b"It\xe2\x80", "", "with certainty"),
    "late": (f"\n{LONG}".encode() + b"\xff\xfe and more", f"\n{LONG}", "cannot be read in line 2"),
    "UTF-8 within": (GERMAN.encode("latin-1") * 20 + GERMAN.encode() * 20, "", "cannot be read"),
    "a NUL": (b"hello world\0", "", "binary"),  # was read as UTF-16
    "a NUL, late": (LONG.encode() + b"\0", LONG, "binary data begins in line 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_text_is_reported_with_the_place(tmp_path, case: str) -> None:
    content, expected, said = BROKEN[case]
    text, reported = read(tmp_path, content)
    assert text == expected and said in reported


@pytest.mark.parametrize("before", [0, 2, 5000])
@pytest.mark.parametrize("chunks", [1, 3])
def test_latin1_after_much_ascii_is_seen(tmp_path, monkeypatch, chunks: int, before: int) -> None:
    """Wherever the border of a chunk falls, ``before`` bytes after the first umlaut."""
    monkeypatch.setattr(encoding, "CHUNK", 10_000)
    plain = ("Ein Satz ohne Umlaut steht. " * 2_000)[: chunks * encoding.CHUNK - before - 1]
    text = plain + GERMAN * 100
    assert read(tmp_path, text.encode("latin-1")) == (text, "note: read as cp1252")


@pytest.mark.parametrize("name", ["utf-8", "utf-16", "gb18030"])
def test_characters_across_the_borders_of_chunks(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 64)
    text = ("a\r\n" + CHINESE + "\r") * 9
    assert read(tmp_path, text.encode(name))[0] == text.replace("\r\n", "\n").replace("\r", "\n")


# As many words as blanks tell, each with its marks.
SPACED = [
    *("हिन्दी में लिखना", "தமிழ் மொழி", "কলকাতা শহর", "සිංහල භාෂාව", "മലയാളം ഭാഷ", "שָׁלוֹם עולם"),
    *("العَرَبِيَّة لغة", "cafe\u0301 re\u0301sume\u0301", "donau\u00addampf schiff"),
    *("می\u200cخواهم رفت", "नेपाली\u200dको भाषा"),
]
OTHERS = [
    *("A plain sentence, with commas; and (more) [brackets].", "Ça va? Très bien!"),
    *("日本語の文章。", "Python 入門 (東京) です", "हिन्दी में लिखना।", "ภาษาไทย ง่าย Python 3 ครับ"),
    *("ខ្ញុំ ស្រឡាញ់\u200bភាសា", "བོད་སྐད་ལ", "می\u200cخواهم رفت؟", "İstanbul güzel"),
    "👩\u200d👩\u200d👧 and 👍🏽 ❤️",
]


@pytest.mark.parametrize("text", SPACED + OTHERS)
def test_words_keep_their_marks_and_join_back(text: str) -> None:
    assert words.join_words(words.split_words(text)) == text
    if text in SPACED:
        assert words.words(text) == words.split_words(text) == text.split()


def test_words_of_scripts_without_spaces_and_of_none() -> None:
    assert doctest.testmod(words) == (0, 4)
    assert words.words("日本語 text") == ["日", "本", "語", "text"]
    assert words.words("ง่ายดี") == ["ง่", "า", "ย", "ดี"]
    assert words.words("ខ្ញុំ") == ["ខ្ញុំ"]
    assert len(words.words("İstanbul")) == 1
    assert words.words("👩\u200d👧 ❤️") == []
    assert len(words.split_words("x" * 1_000_000)) == 1  # quick


TEXTS = {
    "en": "The keeper of the lighthouse wrote a letter each evening and carried it to the harbour.",
    "de": "Der Wärter des Leuchtturms schrieb jeden Abend einen Brief und trug ihn zum Hafen.",
    "fr": "Le gardien du phare écrivait une lettre chaque soir et la portait au port du village.",
    "zh": "灯塔的看守人每天晚上都写一封信，然后把它带到港口去，读给那里的船只听。",
}


def test_languages_are_told_apart() -> None:
    assert {code: identify(text)[0] for code, text in TEXTS.items()} == {c: c for c in TEXTS}
    assert all(0.65 <= identify(text)[1] <= 1 for text in TEXTS.values())
    assert main_language([TEXTS["de"], "ok", TEXTS["de"], TEXTS["en"]]) == "de"
    assert main_language(["", "x"]) == "en"


PAGE = f"""<!DOCTYPE html><html><head><title>Letters</title><style>p > a {{}}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/b">Books</a></li></ul></nav>
<article><h1>Letters</h1><p>{TEXTS["en"] * 3}</p>
<p>When the <b>winter</b> ended he read them &amp; wept. {TEXTS["en"]}</p></article>
<script>if (1 < 2) document.write("<p>advert</p>")</script>
<footer>Subscribe to our newsletter</footer></body></html>"""


def test_the_stripper_keeps_everything_the_extractor_the_main_text() -> None:
    naive, main = strip_tags(PAGE), main_text(PAGE)
    assert naive.splitlines()[:3] == ["Letters", "Home", "Books"]
    assert all("winter ended he read them & wept" in text for text in (naive, main))
    assert "newsletter" in naive and "newsletter" not in main and "Books" not in main
    assert "advert" not in naive and "p > a" not in naive


MARKUP = {
    "a < b and b > c": "a < b and b > c",
    "<p>one<p>two": "one\ntwo",
    "un<b>believ</b>able<br/>b": "unbelievable\nb",
    "<!-- hidden <p> --><SCRIPT>x</Script >y": "y",
    "<script>never closed": "",
    "&lt;b&gt;": "<b>",
}


def test_the_stripper() -> None:
    assert {markup: strip_tags(markup) for markup in MARKUP} == MARKUP
