"""Text out of bytes: recognised or refused, and told; never all in memory.

The order: byte-order mark; UTF-8; what the file declares; an encoding from before UTF-8. The last
two are chardet's. For a short text its first answer is a guess among several, so one stands only if
nothing in the text speaks against it and no other one comes close.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import regex

from course_lib.workbook.corpus.language import identify

Part = tuple[str, dict[str, str | int]]  # a text and the short facts about it
# Called with a reason (empty, binary, encoding, encrypted, unreadable, unknown_format, left_out;
# ``note`` where a file was read with a guess) and a sentence, while the reading goes on.
Report = Callable[[str, str], None]
MAX_LENGTH = 20_000  # characters in a part
# Where a part may end, best first, each looked for from the back: paragraph, line, sentence, word.
SENTENCE_END = r"[.!?…।]['\"”’)\]]*\s|[。！？]"
PAUSES = [regex.compile(f"(?r){mark}") for mark in ("\n\n", "\n", SENTENCE_END, " ")]
LETTER = regex.compile(r"\X")  # with its accents; a joined emoji
CHUNK = 1 << 18  # bytes or characters read at a time
MAX_WHOLE = 50_000_000  # bytes of what has to be in memory as a whole
MAX_LINE = 10_000_000  # characters of a line, or of a cell of a table
SAMPLE = 1 << 13  # bytes in which an older encoding is looked for
MIN_SAMPLE = 24  # bytes; fewer tell nothing
MAX_CONTROLS = 0.02  # fraction of control characters above which bytes are not text
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\b\x0b\x1a\x1b"))
# A byte-order mark, or an escape of ISO-2022: such a file tells its encoding by itself.
TOLD = re.compile(rb"\A(\xef\xbb\xbf|\xff\xfe|\xfe\xff|\0\0\xfe\xff)|\x1b\$[@B]")
UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# "größer" or "it’s" in UTF-8, in the middle of a file that is in an older encoding.
UTF8_INSIDE = re.compile(rb"[A-Za-z](\xc3[\x80-\xbf][A-Za-z ]|\xe2[\x80\x82])")
RARE = ("iso8859-16", "iso8859-10", "cp1006", "hp-roman8")  # always the wrong guess here
# What a wrong encoding leaves: controls, two scripts in a word, a capital after a small letter
# (mangÇ), mathematical and other signs, a sign in a word (Gr¼sse) and a letter at a number (ú20).
IMPLAUSIBLE = regex.compile(
    r"[\p{Cn}\p{Co}\p{Cs}\x80-\x9f]"
    r"|\p{Latin}[\p{Cyrillic}\p{Greek}\p{Hebrew}\p{Arabic}]"
    r"|[\p{Cyrillic}\p{Greek}\p{Hebrew}\p{Arabic}]\p{Latin}"
    r"|\p{Ll}[\p{Lu}--[A-Z]]|[\p{Ll}--[a-z]]\p{Lu}"
    r"|[\p{Sm}\p{So}--[\x00-\x7f©®°±×÷]]"
    r"|[a-zA-Z][¡¢-¨¬¯´¶¸º¼-¿‚„†‡‰‹›\p{Han}\p{Hangul}][a-zA-Z]"
    r"|[\p{L}--[a-zA-Z]]\d|\d[\p{Latin}--[a-zA-Z]]",
    regex.V1,
)
NOT_ENGLISH = regex.compile(r"[\p{L}--[a-zµßªºéèêëïöüñçàâáóôœæûåäø]]", regex.V1)
BREAK = re.compile("[\0\udce0]")  # binary data; bytes that fit nowhere, as half a character
codecs.register_error("break", lambda error: ("\udce0", error.end))


class Problem(Exception):
    """What ends the reading of a file: the two arguments of its ``Report``."""


def text_chunks(path: Path, report: Report) -> Iterator[str]:
    """The text of a file in pieces of about ``CHUNK`` characters, of whole lines with ``\\n``.

    It ends, and that is reported, where the bytes stop making sense. Raises ``Problem`` when they
    are no text from the beginning, or no encoding is certain.
    """
    encoding = recognise(path)
    older = not encoding.startswith("utf")
    if older:
        report("note", f"read as {encoding}")
    number = 1
    with path.open(encoding=encoding, errors="break") as file:
        while text := file.read(CHUNK) + file.readline(MAX_LINE):
            if older and UTF8_INSIDE.search(text.encode(encoding, "ignore")):
                text = "\udce0"
            bad = BREAK.search(text)
            if good := text[: bad.start()] if bad else text:
                yield good
            number += good.count("\n")
            if bad:
                what = "binary data begins" if bad[0] == "\0" else "characters cannot be read"
                said = f"{what} in line {number:,}; what stands before is kept"
                report("encoding", f"{said}; save the file as UTF-8")
                return


def beginning(path: Path) -> tuple[str, bool]:
    """The first characters of a file, without a report, and whether that is all."""
    chunks = text_chunks(path, lambda reason, detail: None)
    return next(chunks, ""), next(chunks, None) is None


def whole_text(path: Path, report: Report) -> str:
    """All of the text of a file that is not too large for that."""
    if path.stat().st_size > MAX_WHOLE:
        raise Problem("unreadable", f"it is larger than {MAX_WHOLE // 1_000_000} MB")
    return "".join(text_chunks(path, report))


def recognise(path: Path) -> str:
    """The encoding of a file, as Python names it; ``Problem`` when it has none that is certain."""
    import chardet

    with path.open("rb") as file:
        head = file.read(CHUNK)
        if TOLD.search(head):
            return codecs.lookup(chardet.detect(head[:SAMPLE])["encoding"] or "utf-8").name
        if sum(map(head.count, CONTROLS)) > MAX_CONTROLS * len(head):
            raise Problem("binary", "it is not text but binary data")
        file.seek(0)
        lines = iter(lambda: file.readline(SAMPLE), b"")
        line = next((line for line in lines if not line.isascii()), b"")
        position, sample = file.tell(), line + file.read(SAMPLE)
    # After the first character in UTF-8 no guess: if a later one is not, that is told then.
    if not line or UTF8.match(sample.lstrip(bytes(range(128)))):
        return "utf-8"
    declared = re.search(rb"(charset|coding)\s*[=:]", head[:1024])
    encoding = guess_encoding((head[:1024] if declared else b"") + sample)
    if not encoding and position < CHUNK:
        said = "its characters cannot be read with certainty; save it as UTF-8"
        raise Problem("encoding", said)
    return encoding or "utf-8"  # up to there it is


def guess_encoding(sample: bytes) -> str | None:
    """The older encoding of ``sample``, which is not UTF-8; None when that is not certain."""
    import chardet

    if len(sample) < MIN_SAMPLE:
        return None
    found: dict[str, tuple[float, str | None]] = {}  # by text: many encodings differ in few letters
    for rank in chardet.detect_all(
        sample,
        ignore_threshold=True,
        encoding_era=chardet.EncodingEra.ALL & ~chardet.EncodingEra.MAINFRAME,
        exclude_encodings=RARE,
    ):
        try:
            name = codecs.lookup(rank["encoding"] or "utf-8").name
            name = "cp1252" if name == "iso8859-1" else name  # as on the web
            text = codecs.getincrementaldecoder(name)().decode(sample)
        except (LookupError, UnicodeDecodeError):
            continue
        if IMPLAUSIBLE.search(text):
            continue
        if not NOT_ENGLISH.search(text.lower()) or identify(text)[0] != "en":
            found.setdefault(text, (rank["confidence"], name))
        if len(found) == 2:
            break
    best, second = [*found.values(), (0.0, None), (0.0, None)][:2]
    close = 0.97 if len(sample) >= 60 else 0.85
    return best[1] if second[0] < close * best[0] else None


def parts(chunks: Iterable[str], limit: int = MAX_LENGTH) -> Iterator[str]:
    """The text of ``chunks`` in parts of at most ``limit`` characters; blank ones are left out.

    A part ends, within its second half, where a reader pauses. How the text is spread over the
    chunks makes no difference.
    """
    text = ""
    for chunk in chain(chunks, [None]):
        text, start = text + (chunk or ""), 0
        while len(text) - start > limit or (chunk is None and start < len(text)):
            end = pause(text, start + limit // 2, start + limit)
            if not (part := text[start:end]).isspace():
                yield part.strip("\n")
            start = end
        text = text[start:]


def pause(text: str, first: int, last: int) -> int:
    """The best place to cut between ``first`` and ``last``."""
    if last >= len(text):
        return len(text)
    found = (mark.search(text, first, last) for mark in PAUSES)
    if place := next((match.end() for match in found if match), None):
        return place
    letters = [letter.start() for letter in LETTER.finditer(text, max(first, last - 50), last)]
    return letters[-1] if letters else last
