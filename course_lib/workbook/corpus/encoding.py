"""Text out of bytes: recognised or reported, never silently mangled, and never all in memory.

The order: byte-order mark; UTF-8; what the file declares; an encoding from before UTF-8, as chardet
ranks them. Its answers for short texts are guesses, so one stands only if the text is plausible and
no other plausible one comes close.
"""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

import regex

from course_lib.workbook.corpus.language import identify
from course_lib.workbook.corpus.records import Problem, until_it_breaks

CHUNK = 1 << 18  # bytes read at a time
SAMPLE = 1 << 13  # bytes in which an older encoding is looked for,
BEFORE = 600  # and at most so many before the first byte beyond ASCII
MIN_SAMPLE = 24  # bytes; fewer tell nothing
SHORT = 100  # bytes of a sample, below which another encoding comes close sooner
MAX_CONTROLS = 0.02  # fraction of control characters above which bytes are not text
MAX_NULS = 0.3  # the same for NULs; the text before the first one is kept
CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\r\f\b\x0b\x1a\x1b"))
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# "Ã¼", "â€™" or "â‚¬" in an older encoding is UTF-8 that got mixed in, or was cut off.
UTF8_INSIDE = re.compile(rb"\xc3[\x80-\xbf]|\xe2[\x80\x82]")
RARE = ("iso8859-16", "iso8859-10", "cp1006", "hp-roman8")  # always the wrong guess here
# In the head of a page or a program.
DECLARED = re.compile(rb"(?:charset|coding)\s*[=:]\s*[\"']?([-\w.]+)", re.IGNORECASE)
# What a wrong encoding leaves: controls, two scripts in a word, a sign within one (Gr¼sse), a
# capital after a small letter (mangÇ), mathematical and other signs.
_FOUL = r"[\p{Cn}\p{Co}\p{Cs}]|[\p{Cc}--[\t\n\r\f\b\x0b\x1a\x1b]]"
_SCRIPTS = [rf"\p{{{name}}}" for name in ("Latin", "Cyrillic", "Greek", "Hebrew", "Arabic", "Thai")]
_MIXED = "|".join(a + b for a in _SCRIPTS for b in _SCRIPTS if a != b)
_INSIDE = r"[^\p{L}\p{M}\p{N}\s\x00-\x7f\u00ad\u00b4\u00b7\u00ab\u00bb\u2010-\u2019\u2026]"
_CAPITAL = r"\p{Ll}[\p{Lu}--[A-Z]]|[\p{Ll}--[a-z]]\p{Lu}"
_SIGN = r"[\p{Sm}\p{So}--[\x00-\x7f©®°±×÷\u2100-\u214f]]|\p{L}[¼-¾]"
IMPLAUSIBLE = regex.compile(
    rf"{_FOUL}|{_MIXED}|{_CAPITAL}|{_SIGN}"
    rf"|(?<=[{''.join(_SCRIPTS[:3])}]){_INSIDE}(?=[{''.join(_SCRIPTS[:3])}])",
    regex.V1,
)
NOT_ENGLISH = regex.compile(r"[\p{Ll}--[a-zéèêëïöüñçàâáóôœæûåäø]]", regex.V1)
# Languages that short texts do not tell apart, and that were written in the same encodings.
ALIKE = {"sr": "hr", "bs": "hr", "sl": "hr", "nb": "no", "nn": "no", "da": "no", "sk": "cs"}


class TextFile:
    """The text of a file, as a stream.

    ``chunks()`` gives strings of bounded size with every line end as ``\\n`` and sets ``encoding``
    and ``guessed``. It raises ``Problem`` (binary, encoding) at the place where the bytes stop
    making sense; what it gave before is right.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.encoding = ""
        self.guessed = False

    def chunks(self) -> Iterator[str]:
        """Pieces of the text, in order."""
        self.encoding, self.guessed = recognise(self.path)
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        position, problem, block = 0, None, b"-"
        with self.path.open("rb") as file:
            while block and not problem:
                block = file.read(CHUNK)
                try:
                    text = decoder.decode(block, not block)
                except UnicodeDecodeError as error:
                    name = error.encoding if error.encoding.startswith("utf") else self.encoding
                    text = error.object[: error.start].decode(name, "ignore")
                    start = position + len(block) - len(error.object) + error.start
                    problem = _undecodable(start, kept=True)
                mixed = UTF8_INSIDE.search(block) if self.guessed and _is_latin(text) else None
                if mixed:
                    raise _undecodable(position + mixed.start(), kept=position > 0)
                text, zero, _ = text.partition("\x00")
                if zero:
                    said = f"binary data begins after byte {position:,}; what stands before is kept"
                    problem = Problem("binary", said)
                if text := newlines.decode(text, final=not block or problem is not None):
                    yield text
                position += len(block)
        if problem:
            raise problem

    def whole(self, limit: int) -> tuple[str, Problem | None]:
        """All of the text of a file of at most ``limit`` bytes; the problem at which it ended."""
        if self.path.stat().st_size > limit:
            raise Problem("unreadable", f"it is larger than {limit // 1_000_000} MB")
        chunks = list(until_it_breaks(self.chunks()))
        problem = chunks.pop() if chunks and isinstance(chunks[-1], Problem) else None
        if problem and not chunks:
            raise problem
        return "".join(chunks), problem


def recognise(path: Path) -> tuple[str, bool]:
    """The encoding of a file, as Python names it, and whether it is a guess.

    Raises ``Problem`` when the bytes are no text or their encoding is not certain.
    """
    with path.open("rb") as file:
        head = block = file.read(CHUNK)
        for mark, encoding in MARKS:
            if head.startswith(mark):
                return encoding, False
        controls = sum(map(head.count, CONTROLS)) > MAX_CONTROLS * len(head)
        if controls or head.count(0) > MAX_NULS * len(head):
            raise Problem("binary")
        position = 0  # of the first byte beyond ASCII
        while block.isascii():
            position += len(block)
            if not (block := file.read(CHUNK)):
                return ("iso2022_jp" if re.search(rb"\x1b\$[@B]", head) else "utf-8"), False
        position += len(block) - len(block.lstrip(bytes(range(128))))
        file.seek(max(0, position - BEFORE))
        before, sample = file.read(min(position, BEFORE)), file.read(SAMPLE)
    try:
        sample[:4].decode("utf-8")
        return "utf-8", False
    except UnicodeDecodeError as error:
        if error.start:  # the first character is UTF-8; if a later one is not, that is told then
            return "utf-8", False
    # From the beginning of a line, or of what is not ASCII: the rest is the same in any encoding.
    if position <= BEFORE or b"\n" in before:
        sample = before[before.rfind(b"\n") + 1 :] + sample
    if (declared := DECLARED.search(head[:4096])) and (name := _fitting(declared[1], sample)):
        return name, False
    if encoding := guess_encoding(sample):
        return encoding, True
    if position < CHUNK:
        raise _undecodable(position, kept=False)
    return "utf-8", False  # up to there it is


def _fitting(declared: bytes, sample: bytes) -> str | None:
    """The declared encoding if the bytes agree. Latin-1 means Windows' superset, as on the web."""
    try:
        name = codecs.lookup(declared.decode("ascii")).name
        name = {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}.get(name, name)
        text = codecs.getincrementaldecoder(name)().decode(sample)
    except (LookupError, ValueError):
        return None
    return None if name.startswith("utf") or IMPLAUSIBLE.search(text) else name


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
    first, *others = [own for text, own in found.items() if _plausible(text, own[2], sample)] or [0]
    close = 0.97 if len(sample) >= SHORT else 0.8
    return first[1] if first and not (others and others[0][0] >= close * first[0]) else None


def _plausible(text: str, languages: set[str], sample: bytes) -> bool:
    """Whether a text could be real: nothing in it that a wrong encoding leaves."""
    if IMPLAUSIBLE.search(text):
        return False
    if not _is_latin(text):
        return True
    language = identify(text)[0]
    return (
        ALIKE.get(language, language) in {ALIKE.get(name, name) for name in languages}
        and not UTF8_INSIDE.search(sample)
        and not (language == "en" and NOT_ENGLISH.search(text.lower()))
    )


def _is_latin(text: str) -> bool:
    plain = sum("a" <= letter <= "z" for letter in text.lower())
    return 2 * plain > sum(letter > "\x7f" for letter in text)


def _undecodable(position: int, kept: bool) -> Problem:
    before = "; what stands before it is kept" if kept else ""
    return Problem(
        "encoding",
        f"the characters from byte {position:,} on cannot be read with certainty{before}; "
        "save the file as UTF-8",
    )
