"""Text from bytes: right, or reported with the place; never silently mangled."""

import io
import random
from pathlib import Path

import pytest

from course_lib.workbook.corpus import encoding
from course_lib.workbook.corpus.encoding import TextFile, guess_encoding
from course_lib.workbook.corpus.records import Problem

GERMAN = "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße nach Köln."
FRENCH = (
    "Le garçon a mangé une pâtisserie à la crème près de la forêt. Ça dépend des élèves, "
    "répondit-il."
)
SPANISH = (
    "El niño comió una manzana en el jardín. Según el médico, la situación cambió rápidamente."
)
ENGLISH = (
    "It’s the customer’s choice – “really”. Prices start from £20 and don’t change until spring."
)
POLISH = (
    "Dziś jest ładna pogoda i poszliśmy na spacer do parku, żeby odpocząć po długim tygodniu pracy."
)
CZECH = "Dnes je hezké počasí a šli jsme na procházku do parku, kde žluťoučký kůň pěl písně."
TURKISH = (
    "Bugün hava çok güzel, çocuklar parkta oynuyor ve şarkı söylüyor. İyi günler dilerim kardeşim."
)
RUSSIAN = "Это русский текст. Сегодня хорошая погода, и мы пошли гулять в парк, где играли дети."
GREEK = "Σήμερα ο καιρός είναι καλός και πήγαμε βόλτα στο πάρκο όπου έπαιζαν τα παιδιά."
HEBREW = "שלום לכולם, היום מזג האוויר יפה והלכנו לטייל בפארק שבו שיחקו הילדים."
ARABIC = "مرحبا بالجميع، الطقس جميل اليوم وذهبنا للتنزه في الحديقة حيث يلعب الأطفال."
JAPANESE = "これは日本語の文章です。今日は天気がいいので、公園へ散歩に行きました。楽しかったです。"
CHINESE = "这是一段中文文本。今天天气很好，我们去公园散步吧，孩子们在草地上玩耍，老人们在下棋。"
KOREAN = "이것은 한국어 문장입니다. 오늘은 날씨가 좋아서 공원에 갔습니다. 아이들이 놀고 있었습니다."
EMOJI = "Rain 🌧️ then sun ☀️, and the family 👨‍👩‍👧‍👦 went out."

OLD = [
    (GERMAN, "latin-1"),
    (GERMAN, "cp1252"),
    (GERMAN, "cp850"),
    (GERMAN, "mac_roman"),
    (FRENCH, "latin-1"),
    (FRENCH, "cp1252"),
    (FRENCH, "mac_roman"),
    (SPANISH, "latin-1"),
    (ENGLISH, "cp1252"),
    (POLISH, "cp1250"),
    (POLISH, "iso8859_2"),
    (CZECH, "cp1250"),
    (TURKISH, "cp1254"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8_r"),
    (GREEK, "cp1253"),
    (HEBREW, "cp1255"),
    (ARABIC, "cp1256"),
    (JAPANESE, "shift_jis"),
    (JAPANESE, "euc_jp"),
    (CHINESE, "gb18030"),
    (KOREAN, "euc_kr"),
]


RARE = {
    "iso8859_3": "La knabino iris al la ĝardeno, ĉar ŝi volis aŭdi la birdojn kaj la ĵurnalon.",
    "mac_cyrillic": "Деца се играју у башти, а бака их гледа кроз прозор, јер је данас лепо време.",
    "mac_greek": "Τα παιδιά παίζουν στον κήπο και η γιαγιά τα κοιτάζει από το παράθυρο.",
    "cp852": "Djeca se igraju u vrtu, išao je kroz šumu i vidio životinju koja je tražila kuću.",
    "koi8_u": "Діти граються в саду, а бабуся дивиться на них із вікна й усміхається.",
    "cp866": "Дети играют в саду, а бабушка смотрит на них из окна и улыбается.",
    "cp1257": "Vaikai žaidžia sode, o močiutė žiūri į juos pro langą ir šypsosi.",
    "tis_620": "เด็กๆ เล่นอยู่ในสวน และคุณยายมองพวกเขาจากหน้าต่างแล้วยิ้ม เพราะวันนี้อากาศดี",
    "big5": "孩子們在花園裡玩耍，奶奶從窗口看著他們微笑，因為今天天氣很好。",
}


def read(path: Path, declared: str = "") -> str:
    return "".join(TextFile(path, declared).chunks())


def read_broken(tmp_path: Path, content: bytes) -> tuple[str, Problem]:
    """What is read of such a file, and the problem at its end."""
    path = tmp_path / "broken.txt"
    path.write_bytes(content)
    kept = []
    with pytest.raises(Problem) as caught:
        for chunk in TextFile(path).chunks():
            kept.append(chunk)
    return "".join(kept), caught.value


@pytest.mark.parametrize(("text", "name"), OLD, ids=[f"{text[:6]}-{name}" for text, name in OLD])
def test_older_encodings_are_read_rightly(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("\r\n".join([text] * 4).encode(name))
    assert read(path) == "\n".join([text] * 4)


@pytest.mark.parametrize(("text", "name"), OLD, ids=[f"{text[:6]}-{name}" for text, name in OLD])
def test_a_little_text_is_read_rightly_or_reported(text: str, name: str) -> None:
    """Snippets of every length: None is allowed, a wrong reading is not."""
    wrong = []
    for length in (6, 12, 20, 30, 45):
        for start in range(0, len(text) - length, 7):
            snippet = text[start : start + length]
            data = snippet.encode(name)
            found = None if snippet.isascii() else guess_encoding(data)
            if found and data.decode(found) != snippet:
                wrong.append((snippet, found, data.decode(found)))
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("name", RARE)
def test_rare_encodings_are_read_rightly_and_short_ones_never_wrongly(name: str) -> None:
    text = RARE[name]
    for sample in (text, text * 20):
        found = guess_encoding(sample.encode(name))
        assert found and sample.encode(name).decode(found) == sample
    for start in range(0, len(text) - 46, 4):
        data = text[start : start + 45].encode(name)
        found = guess_encoding(data)
        assert not found or data.isascii() or data.decode(found) == text[start : start + 45]


@pytest.mark.parametrize("times", [1, 40])
def test_one_sign_of_an_old_macintosh_is_not_exchanged(times: int) -> None:
    text = "The temperature in the room was 20 °C and the ticket cost 5 £, said the owner of it. "
    assert guess_encoding((text * times).encode("mac_roman")) in (None, "mac-roman")


@pytest.mark.parametrize(
    "text", [GERMAN, JAPANESE, ARABIC, EMOJI], ids=["German", "CJK", "RTL", "emoji"]
)
@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / "new.txt"
    path.write_bytes(text.encode(name))
    assert read(path) == text


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [GERMAN, JAPANESE + "\r\n" + JAPANESE], ids=["German", "CJK"])
def test_utf16_without_a_mark(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / "bare.txt"
    path.write_bytes(text.encode(name))
    assert read(path) == text.replace("\r\n", "\n")


@pytest.mark.parametrize("size", [200, 5_000, 600_000])
def test_random_bytes_and_pictures_are_no_text(tmp_path: Path, size: int) -> None:
    noise = random.Random(size).choices(range(1, 256), k=size)
    assert read_broken(tmp_path, bytes(noise))[1].reason in ("binary", "encoding")
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20
    assert read_broken(tmp_path, picture)[1].reason == "binary"


@pytest.mark.parametrize("before", ["plain words. ", "größere Wörter. "])
def test_a_bad_byte_late_in_a_file_is_reported_with_its_place(tmp_path: Path, before: str) -> None:
    sound = before.encode() * (3 * encoding.CHUNK // len(before.encode()))
    kept, problem = read_broken(tmp_path, sound + b"\xff\xfe\xfd\x81 and more words" * 3)
    assert problem.reason == "encoding" and kept == sound.decode()
    assert f"{len(sound):,}" in problem.detail and "kept" in problem.detail


@pytest.mark.parametrize("before", [0, 1, 2, 20, 300, 5000])
def test_latin1_after_much_ascii_is_still_recognised(tmp_path: Path, before: int) -> None:
    """Wherever the border of a chunk falls, ``before`` bytes after the first umlaut."""
    for chunks in (1, 3):
        plain = "Ein Satz ohne Umlaut steht. " * (chunks * encoding.CHUNK // 28 + 1)
        plain = plain[: chunks * encoding.CHUNK - before - 1]
        path = tmp_path / "late.txt"
        path.write_bytes((plain + GERMAN * 100).encode("latin-1"))
        assert read(path) == plain + GERMAN * 100


def test_utf8_mixed_into_latin1_is_reported(tmp_path: Path) -> None:
    mixed = (GERMAN * 20).encode("latin-1") + (GERMAN * 20).encode("utf-8")
    assert "from byte" in read_broken(tmp_path, mixed)[1].detail


@pytest.mark.parametrize(
    "junk", [b"\xff\xfe\xfd\x81", b"\xff" * 8, b"\x81", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"]
)
def test_damage_in_an_english_text_is_no_old_encoding(tmp_path: Path, junk: bytes) -> None:
    text = b"The harbour was quiet that evening. " * 50 + junk + b" and the boats came home " + junk
    assert "from byte 1,800 on" in read_broken(tmp_path, text)[1].detail


@pytest.mark.parametrize("text", ["hello world", "größere Wörter", "line\n" * encoding.CHUNK])
@pytest.mark.parametrize("zeros", [1, 3, 100])
def test_nul_bytes_end_a_text(tmp_path: Path, text: str, zeros: int) -> None:
    kept, problem = read_broken(tmp_path, text.encode() + b"\x00" * zeros)
    assert problem.reason == "binary" and (kept == text or (zeros == 100 and not kept))


def test_characters_across_the_borders_of_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 64)
    for name in ("utf-8", "utf-16", "utf-16-le", "gb18030"):
        text = ("a\r\n" + CHINESE + "\r") * 9
        path = tmp_path / f"{name}.txt"
        path.write_bytes(text.encode(name))
        assert read(path) == io.IncrementalNewlineDecoder(None, translate=True).decode(
            text, final=True
        ), name


def test_a_declared_encoding_is_believed_only_if_it_fits(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_bytes("Café".encode("latin-1"))  # too short to tell
    assert read(path, "iso-8859-1") == "Café"
    for declared in ("", "utf-8", "no-such-encoding", "utf-16"):
        with pytest.raises(Problem):
            read(path, declared)
    path.write_bytes("Café".encode())  # says Latin-1, is UTF-8
    assert read(path, "iso-8859-1") == "Café"
