"""Text out of bytes: recognised or reported, never silently mangled, and never all in memory.

The order: byte-order mark; UTF-16 without a mark (by its NUL bytes); strict UTF-8; what the file
itself declares; an encoding from before UTF-8, as chardet ranks them. Its answers for short texts
are guesses, so one stands only if the text is plausible and no other plausible one comes close.
"""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import regex

from course_lib.workbook.corpus.language import identify
from course_lib.workbook.corpus.parts import Problem

CHUNK = 1 << 18  # bytes read at a time
SAMPLE = 1 << 13  # bytes in which an older encoding is looked for,
BEFORE = 600  # of them at most so many before the first byte beyond ASCII
MIN_SAMPLE = 24  # bytes; fewer tell nothing
MAX_CONTROLS = 0.02  # fraction of control characters above which bytes are not text
MAX_ODD = 0.02  # odd places in a plausible text, as a fraction of its characters beyond ASCII
SHORT = 100  # bytes of a sample, below which another encoding comes close sooner
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\r\f\b\x0b\x1a\x1b"))
# "Ã¼", "â€™" or "â‚¬" in an older encoding is UTF-8 that got mixed in, or was cut off.
UTF8_INSIDE = re.compile(rb"\xc3[\x80-\xbf]|\xe2[\x80\x82]")
RARE = ("iso8859-16", "iso8859-10", "cp1006", "hp-roman8")  # always the wrong guess here
FOUL = regex.compile(r"[\p{Cn}\p{Co}\p{Cs}]|[\p{Cc}--[\t\n\r\f\b\x0b\x1a\x1b]]", regex.V1)
# What a wrong encoding leaves: two scripts in a word, a sign within one (Gr¼sse; apostrophes and
# dashes may stand there), a capital after a small letter (mangÇ, KÑufer), ¡ before none, signs.
_EUROPE = r"[\p{Latin}\p{Cyrillic}\p{Greek}]"
_OTHER = r"\p{Hebrew}\p{Arabic}\p{Thai}"
ODD = regex.compile(
    rf"\p{{Latin}}[\p{{Cyrillic}}\p{{Greek}}{_OTHER}]|[\p{{Cyrillic}}\p{{Greek}}{_OTHER}]\p{{Latin}}"
    rf"|\p{{Cyrillic}}[\p{{Greek}}{_OTHER}]|\p{{Greek}}[\p{{Cyrillic}}{_OTHER}]"
    rf"|(?<={_EUROPE})[^\x00-\x7f\p{{L}}\p{{M}}\p{{N}}\s\u00ab\u00ad\u00b4\u00b7\u00bb\u0384"
    rf"\u200c\u200d\u2010-\u2015\u2018\u2019\u2026](?={_EUROPE})"
    r"|[\p{Ll}--[a-z]]\p{Lu}|\p{Ll}[\p{Lu}--[A-Z]]|\d[\p{Ll}--[a-zµª]]|\p{L}[¼-¾]|[¡¿](?!\p{Lu})|[[\p{Sm}\p{So}]--[\x00-\x7f©®°±×÷]--[\u2100-\u214f]]",
    regex.V1,
)
NOT_ENGLISH = regex.compile(r"[\p{Ll}--[a-zéèêëïöüñçàâáóôœæûåäø]]", regex.V1)
# Languages that short texts do not tell apart, and that were written in the same encodings.
ALIKE = {"sr": "hr", "bs": "hr", "sl": "hr", "nb": "no", "nn": "no", "da": "no", "sk": "cs"}


class TextFile:
    """The text of a file, as a stream.

    ``chunks()`` gives strings of bounded size with every line end as ``\\n`` and sets ``encoding``
    and ``guessed``. It raises ``Problem`` (binary, encoding) at the place where the bytes stop
    making sense; what it gave before is right. ``declared`` is the encoding that the file claims.
    """

    def __init__(self, path: Path, declared: str = "") -> None:
        self.path = path
        self.declared = declared
        self.encoding = ""
        self.guessed = False

    def chunks(self) -> Iterator[str]:
        """Pieces of the text, in order."""
        self.encoding, self.guessed = recognise(self.path, self.declared)
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        position = 0
        with self.path.open("rb") as file:
            while block := file.read(CHUNK):
                yield from self._decode(decoder, block, position, newlines)
                position += len(block)
        yield from self._decode(decoder, b"", position, newlines)

    def _decode(self, decoder, block: bytes, position: int, newlines) -> Iterator[str]:  # noqa: ANN001
        problem = None
        try:
            text = decoder.decode(block, not block)
        except UnicodeDecodeError as error:
            name = error.encoding if error.encoding.startswith("utf") else self.encoding
            text = error.object[: error.start].decode(name, "ignore")
            problem = _undecodable(position - len(error.object) + len(block) + error.start)
        mixed = UTF8_INSIDE.search(block) if self.guessed and _is_latin(text) else None
        if mixed:
            raise _undecodable(position + mixed.start(), kept=position > 0)
        text, zero, _ = text.partition("\x00")
        if zero:
            detail = f"binary data begins after byte {position:,}; what stands before is kept"
            problem = Problem("binary", detail)
        if text := newlines.decode(text, final=not block or problem is not None):
            yield text
        if problem:
            raise problem


def recognise(path: Path, declared: str = "") -> tuple[str, bool]:
    """The encoding of a file, as Python names it, and whether it is a guess.

    Raises ``Problem`` when the bytes are no text or their encoding is not certain.
    """
    with path.open("rb") as file:
        head = file.read(CHUNK)
        for mark, encoding in MARKS:
            if head.startswith(mark):
                return encoding, False
        text = head.replace(b"\x00", b"")
        is_text = sum(map(text.count, CONTROLS)) <= MAX_CONTROLS * len(text)
        is_utf8 = len(text.decode("utf-8", "ignore").encode()) > len(text) - 4  # cut at the end
        if len(text) < len(head) and not (is_text and is_utf8 and len(text) > 0.7 * len(head)):
            return _utf16(head), False
        if not is_text:
            raise Problem("binary")
        wrong, only_ascii = _first_wrong(head, file)
        if wrong is None:
            return ("iso2022_jp" if re.search(rb"\x1b\$[@B]", head) else "utf-8"), False
        file.seek(max(0, wrong - BEFORE))
        before, sample = file.read(min(wrong, BEFORE)), file.read(SAMPLE)
    # From the beginning of a line, or of what is not ASCII: the rest is the same in any encoding.
    sample = (
        before[before.rfind(b"\n") + 1 :] + sample if wrong <= BEFORE or b"\n" in before else sample
    )
    if only_ascii and (encoding := _declared(sample, declared)):
        return encoding, False
    if only_ascii and (encoding := guess_encoding(sample)):
        return encoding, True
    if only_ascii and wrong < CHUNK:
        raise _undecodable(wrong, kept=False)
    return "utf-8", False  # up to there it is


def _first_wrong(block: bytes, file: BinaryIO) -> tuple[int | None, bool]:
    """Where a file stops being UTF-8, None if nowhere, and whether only ASCII stands before."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position, only_ascii = 0, True
    while True:
        rest = decoder.getstate()[0]
        try:
            decoder.decode(block, not block)
        except UnicodeDecodeError as error:
            return position - len(rest) + error.start, only_ascii and (
                error.object[: error.start].isascii()
            )
        if not block:
            return None, only_ascii
        only_ascii = only_ascii and block[:-3].isascii()
        position += len(block)
        block = file.read(CHUNK)


def guess_encoding(sample: bytes) -> str | None:
    """The older encoding of ``sample``, which is not UTF-8; None when that is not certain."""
    import chardet

    if len(sample) < MIN_SAMPLE:
        return None
    found: dict[str, list] = {}  # text: confidence, encoding, languages
    era = chardet.EncodingEra.ALL & ~chardet.EncodingEra.MAINFRAME
    for rank in chardet.detect_all(
        sample, ignore_threshold=True, encoding_era=era, exclude_encodings=RARE
    ):
        try:
            name = codecs.lookup(rank["encoding"] or "utf-8").name
            text = codecs.getincrementaldecoder(name)().decode(sample)
        except (LookupError, UnicodeDecodeError):
            continue
        found.setdefault(text, [rank["confidence"], name, set()])[2].add(rank["language"])
    close = 0.97 if len(sample) >= SHORT else 0.8  # of the best one's confidence
    best, fewest = None, 0
    for text, (confidence, name, languages) in found.items():
        odd = _odd_places(text, languages)
        if odd is None or (_is_latin(text) and UTF8_INSIDE.search(sample)):
            continue
        if best is None:
            best, fewest = (confidence, name), odd
        elif odd <= fewest:
            return best[1] if confidence < close * best[0] else None
    return best[1] if best else None


def _odd_places(text: str, languages: set[str]) -> int | None:
    """How often something stands where a real text has it not; None if it is not plausible."""
    if FOUL.search(text):
        return None
    odd = len(ODD.findall(text))
    if _is_latin(text):
        language = identify(text)[0]
        if ALIKE.get(language, language) not in {ALIKE.get(name, name) for name in languages}:
            return None
        odd += len(NOT_ENGLISH.findall(text.lower())) if language == "en" else 0
    return odd if odd <= MAX_ODD * sum(letter > "\x7f" for letter in text) else None


def _is_latin(text: str) -> bool:
    plain = sum("a" <= letter <= "z" for letter in text.lower())
    return 2 * plain > sum(letter > "\x7f" for letter in text)


def _declared(head: bytes, declared: str) -> str | None:
    """The declared encoding if the bytes agree. Latin-1 means Windows' superset, as on the web."""
    try:
        name = codecs.lookup(declared).name if declared else "utf-8"
        name = {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}.get(name, name)
        text = codecs.getincrementaldecoder(name)().decode(head)
    except (LookupError, ValueError):
        return None
    return None if name.startswith("utf") or FOUL.search(text) else name


def _utf16(head: bytes) -> str:
    """UTF-16 without a mark: the NULs of its ASCII characters stand on one side of each pair."""
    zeros = head[0::2].count(0), head[1::2].count(0)
    encoding = "utf-16-le" if zeros[1] >= zeros[0] else "utf-16-be"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        raise Problem("binary") from None
    if min(zeros) > 0.5 * max(zeros) or FOUL.search(text):
        raise Problem("binary")
    return encoding


def _undecodable(position: int, kept: bool = True) -> Problem:
    before = "; what stands before it is kept" if kept else ""
    return Problem(
        "encoding",
        f"the characters from byte {position:,} on cannot be read with certainty{before}; "
        "save the file as UTF-8",
    )
