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


def read_broken(path: Path, content: bytes) -> tuple[str, Problem]:
    """What is read of such a file, and the problem at its end."""
    path.write_bytes(content)
    kept = []
    with pytest.raises(Problem) as caught:
        for chunk in TextFile(path).chunks():
            kept.append(chunk)
    return "".join(kept), caught.value


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


@pytest.mark.parametrize("size", [200, 5_000, 600_000])
def test_random_bytes_and_pictures_are_no_text(path: Path, size: int) -> None:
    noise = random.Random(size).choices(range(1, 256), k=size)
    assert read_broken(path, bytes(noise))[1].reason in ("binary", "encoding")
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20
    assert read_broken(path, picture)[1].reason == "binary"


@pytest.mark.parametrize("before", ["plain words. ", "größere Wörter. "])
def test_a_bad_byte_late_in_a_file_is_reported_with_its_place(path: Path, before: str) -> None:
    sound = before.encode() * (3 * encoding.CHUNK // len(before.encode()))
    kept, problem = read_broken(path, sound + b"\xff\xfe\xfd\x81 and more words" * 3)
    assert problem.reason == "encoding" and kept == sound.decode()
    assert f"{len(sound):,}" in problem.detail and "kept" in problem.detail


@pytest.mark.parametrize("before", [0, 2, 5000])
@pytest.mark.parametrize("chunks", [1, 3])
def test_latin1_after_much_ascii_is_still_recognised(
    path: Path, monkeypatch: pytest.MonkeyPatch, chunks: int, before: int
) -> None:
    """Wherever the border of a chunk falls, ``before`` bytes after the first umlaut."""
    monkeypatch.setattr(encoding, "CHUNK", 10_000)
    plain = ("Ein Satz ohne Umlaut steht. " * 2_000)[: chunks * encoding.CHUNK - before - 1]
    assert read(path, (plain + GERMAN * 100).encode("latin-1")) == plain + GERMAN * 100


def test_utf8_mixed_into_latin1_is_reported(path: Path) -> None:
    mixed = (GERMAN * 20).encode("latin-1") + (GERMAN * 20).encode("utf-8")
    assert "from byte" in read_broken(path, mixed)[1].detail


@pytest.mark.parametrize("junk", [b"\xff\xfe\xfd\x81", b"\x81", b"\xc3", b"\xf0\x9f\x98"])
def test_damage_in_an_english_text_is_no_old_encoding(path: Path, junk: bytes) -> None:
    text = b"The harbour was quiet that evening. " * 50 + junk + b" and the boats came home " + junk
    assert "from byte 1,800 on" in read_broken(path, text)[1].detail


@pytest.mark.parametrize("text", ["hello world", "größere Wörter", "line\n" * encoding.CHUNK])
@pytest.mark.parametrize("zeros", [1, 3, 100])
def test_nul_bytes_end_a_text(path: Path, text: str, zeros: int) -> None:
    """D12: a short text with one NUL was read as UTF-16."""
    kept, problem = read_broken(path, text.encode() + b"\x00" * zeros)
    assert problem.reason == "binary" and kept in (text, "")


@pytest.mark.parametrize("name", ["utf-8", "utf-16", "gb18030"])
def test_characters_across_the_borders_of_chunks(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 64)
    text = ("a\r\n" + CHINESE + "\r") * 9
    assert read(path, text.encode(name)) == text.replace("\r\n", "\n").replace("\r", "\n")
