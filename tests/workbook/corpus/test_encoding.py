"""Text from bytes: right, or reported with the place; never silently mangled."""

import random
from pathlib import Path

import pytest

from course_lib.workbook.corpus import encoding
from course_lib.workbook.corpus.encoding import TextFile, guess_encoding
from course_lib.workbook.corpus.records import Problem

GERMAN = "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße nach Köln."
FRENCH = (
    "Le garçon a mangé une pâtisserie à la crème près de la forêt. Ça dépend des élèves, dit-il."
)
ENGLISH = "It’s the customer’s choice – “really”. Prices start from £20 and don’t change until May."
CROATIAN = "Djeca se igraju u vrtu, išao je kroz šumu i vidio životinju koja je tražila kuću."
RUSSIAN = "Дети играют в саду, а бабушка смотрит на них из окна и улыбается."
JAPANESE = "これは日本語の文章です。今日は天気がいいので、公園へ散歩に行きました。楽しかったです。"
CHINESE = "这是一段中文文本。今天天气很好，我们去公园散步吧，孩子们在草地上玩耍，老人们在下棋。"
ARABIC = "مرحبا بالجميع، الطقس جميل اليوم وذهبنا للتنزه في الحديقة حيث يلعب الأطفال."
EMOJI = "Rain 🌧️ then sun ☀️, and the family 👨‍👩‍👧‍👦 went out."
OLD = {
    GERMAN: "latin-1 cp1252 cp850 mac_roman",
    FRENCH: "latin-1 cp1252 mac_roman",
    "El niño comió una manzana en el jardín. Según el médico, la situación cambió.": "latin-1",
    ENGLISH: "cp1252",
    "Dziś jest ładna pogoda i poszliśmy na spacer do parku, żeby odpocząć.": "cp1250 iso8859_2",
    "Dnes je hezké počasí a šli jsme na procházku do parku, kde kůň pěl písně.": "cp1250",
    CROATIAN: "cp1250 cp852",
    "Bugün hava çok güzel, çocuklar parkta oynuyor ve şarkı söylüyor. İyi günler.": "cp1254",
    RUSSIAN: "cp1251 koi8_r cp866",
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
    "Vaikai žaidžia sode, o močiutė žiūri į juos pro langą ir šypsosi.": "cp1257",
    "La knabino iris al la ĝardeno, ĉar ŝi volis aŭdi la birdojn kaj la ĵurnalon.": "iso8859_3",
}
SAMPLES = [(text, name) for text, names in OLD.items() for name in names.split()]


def read(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return "".join(TextFile(path).chunks())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.txt"


@pytest.mark.parametrize(("text", "name"), SAMPLES, ids=[f"{t[:6]}-{name}" for t, name in SAMPLES])
def test_older_encodings_are_read_rightly_and_a_little_text_never_wrongly(
    path: Path, text: str, name: str
) -> None:
    """Faults 25, 26 and 28. Snippets of every length: None is allowed, a wrong reading is not."""
    assert read(path, "\r\n".join([text] * 4).encode(name)) == "\n".join([text] * 4)
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
    """Fault 27."""
    text = "The temperature in the room was 20 °C and the ticket cost 5 £, said the owner of it. "
    assert guess_encoding((text * times).encode("mac_roman")) in (None, "mac-roman")


@pytest.mark.parametrize("text", [GERMAN, f"{JAPANESE}\r{JAPANESE}", ARABIC, EMOJI])
@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read(path: Path, text: str, name: str) -> None:
    assert read(path, text.encode(name)) == text.replace("\r", "\n")


ENGLISH_BYTES = b"The harbour was quiet that evening. " * 50
LONG = "größere Wörter. " * 4 * encoding.CHUNK
BROKEN = {
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20, "", "binary"),
    "noise": (bytes(random.Random(1).choices(range(1, 256), k=5_000)), "", "binary"),
    "a bad byte": (ENGLISH_BYTES + b"\x81 and more. \x81", "", "from byte 1,800 on"),
    "half a character": (ENGLISH_BYTES + b"\xc3 and more. \xf0\x9f", "", "from byte 1,800 on"),
    "late": (LONG.encode() + b"\xff\xfe and more", LONG, f"from byte {len(LONG.encode()):,} on"),
    "UTF-8 within": (GERMAN.encode("latin-1") * 20 + GERMAN.encode() * 20, "", "from byte"),
    "D12 a NUL": (b"hello world\0", "hello world", "binary"),  # was read as UTF-16
    "D12 a NUL, late": (LONG.encode() + b"\0", LONG, "binary data begins after byte"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_text_is_reported_with_the_place(path: Path, case: str) -> None:
    content, expected, said = BROKEN[case]
    path.write_bytes(content)
    kept = []
    with pytest.raises(Problem) as caught:
        for chunk in TextFile(path).chunks():
            kept.append(chunk)
    assert "".join(kept) == expected and said in f"{caught.value.reason}: {caught.value.detail}"


@pytest.mark.parametrize("before", [0, 2, 5000])
@pytest.mark.parametrize("chunks", [1, 3])
def test_latin1_after_much_ascii_is_still_recognised(
    path: Path, monkeypatch: pytest.MonkeyPatch, chunks: int, before: int
) -> None:
    """Wherever the border of a chunk falls, ``before`` bytes after the first umlaut."""
    monkeypatch.setattr(encoding, "CHUNK", 10_000)
    plain = ("Ein Satz ohne Umlaut steht. " * 2_000)[: chunks * encoding.CHUNK - before - 1]
    assert read(path, (plain + GERMAN * 100).encode("latin-1")) == plain + GERMAN * 100


@pytest.mark.parametrize("name", ["utf-8", "utf-16", "gb18030"])
def test_characters_across_the_borders_of_chunks(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 64)
    text = ("a\r\n" + CHINESE + "\r") * 9
    assert read(path, text.encode(name)) == text.replace("\r\n", "\n").replace("\r", "\n")
