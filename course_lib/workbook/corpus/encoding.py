"""Text out of bytes: recognised or reported, never silently mangled, and never all in memory.

The order: byte-order mark; strict UTF-8; UTF-16 without a mark (by its NUL bytes); what the file
itself declares; an older encoding (``older.py``). At the first byte that does not fit, reading
stops and says where.
"""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from course_lib.workbook.corpus.alphabets import LATIN
from course_lib.workbook.corpus.older import SAMPLE, TEXT_CONTROLS, is_foul, older_encoding
from course_lib.workbook.corpus.problems import Problem

CHUNK = 1 << 18  # bytes read at a time
MANY_CONTROLS = 0.02  # share of control characters above which bytes are not text
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROLS = bytes(set(range(32)) - set(TEXT_CONTROLS.encode()))
# "Ã¼", "â€™" or "â‚¬" in an older encoding is UTF-8 that got mixed in, or was cut off.
UTF8_INSIDE = re.compile(rb"\xc3[\x80-\xbf]|\xe2[\x80\x82]")


class TextFile:
    """The text of a file, as a stream.

    ``chunks()`` gives strings of bounded size with every line end as ``\\n`` and sets
    ``encoding``. It raises ``Problem`` (binary, undecodable) at the place where the bytes stop
    making sense; what it gave before is right. ``declared`` is the encoding that the file
    claims, believed when UTF-8 does not fit and the bytes agree.
    """

    def __init__(self, path: Path, declared: str = "") -> None:
        self.path = path
        self.declared = declared
        self.encoding = ""

    def chunks(self) -> Iterator[str]:
        """Pieces of the text, in order."""
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        with self.path.open("rb") as file:
            for piece in self._decoded(file):
                if text := newlines.decode(piece):
                    yield text
        if rest := newlines.decode("", final=True):
            yield rest

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        block = file.read(CHUNK)
        self.encoding = recognise(block, self.declared)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        position, only_ascii = 0, True
        while True:
            rest = decoder.getstate()[0]  # the first bytes of a character that is not complete
            try:
                text = decoder.decode(block, not block)
            except UnicodeDecodeError as error:
                wrong = position - len(rest) + error.start
                ahead = file.read(CHUNK) if only_ascii else b""
                other = _older(rest + block + ahead) if only_ascii else None
                if other is None:
                    yield _sound_part(error, self.encoding)
                    raise _undecodable(wrong, kept=True) from None
                # Only ASCII came before, which is the same in the older encoding.
                self.encoding, only_ascii = other, False
                decoder = codecs.getincrementaldecoder(other)()
                position, block = position - len(rest), rest + block + ahead
                continue
            yield from self._checked(text, block, position)
            if not block:
                return
            only_ascii = only_ascii and block[: len(block) - len(decoder.getstate()[0])].isascii()
            position += len(block)
            block = file.read(CHUNK)

    def _checked(self, text: str, block: bytes, position: int) -> Iterator[str]:
        """``text`` as it is, unless something foreign got mixed into the file here."""
        before, zero, _ = text.partition("\x00")
        if self.encoding in LATIN and (mixed := UTF8_INSIDE.search(block)):
            raise _undecodable(position + mixed.start(), kept=position > 0)
        yield before
        if zero:
            raise Problem(
                "binary", f"binary data begins after byte {position:,}; what stands before is kept"
            )


def recognise(head: bytes, declared: str = "") -> str:
    """The encoding of a file that begins with ``head``, as Python names it.

    Raises ``Problem`` when the bytes are no text or their encoding is not certain.
    """
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if b"\x00" in head:
        return _utf16(head)
    if sum(head.count(byte) for byte in CONTROLS) > MANY_CONTROLS * len(head):
        raise Problem("binary")
    wrong = _first_wrong(head)
    if wrong is None:
        return "iso2022_jp" if re.search(rb"\x1b\$[@B]", head) else "utf-8"
    encoding = _declared(head, declared) or _older(head)
    if encoding is None and head[:wrong].isascii() and wrong > CHUNK - SAMPLE:
        return "utf-8"  # too little of it is in this chunk: decided when the next is there
    if encoding is None:
        raise _undecodable(wrong, kept=False)
    return encoding


def _older(block: bytes) -> str | None:
    """The older encoding of ``block``, None if uncertain or if UTF-8 is mixed into it."""
    encoding = older_encoding(block)
    return None if encoding in LATIN and UTF8_INSIDE.search(block) else encoding


def _first_wrong(head: bytes) -> int | None:
    """Where ``head`` stops being UTF-8; a character cut off at the end of a full chunk is none."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < CHUNK)
    except UnicodeDecodeError as error:
        return error.start
    return None


def _declared(head: bytes, declared: str) -> str | None:
    """The declared encoding if the bytes agree. Latin-1 means Windows' superset, as on the web."""
    try:
        name = codecs.lookup(declared).name if declared else "utf-8"
        name = {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}.get(name, name)
        text = codecs.getincrementaldecoder(name)().decode(head)
    except (LookupError, ValueError):
        return None
    return None if name.startswith("utf") or is_foul(text) else name


def _utf16(head: bytes) -> str:
    """UTF-16 without a mark: the NULs of its ASCII characters stand on one side of each pair."""
    zeros = head[0::2].count(0), head[1::2].count(0)
    order = ("utf-16-le", "utf-16-be") if zeros[1] >= zeros[0] else ("utf-16-be", "utf-16-le")
    for encoding in order:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        if not is_foul(text):
            return encoding
    raise Problem("binary")


def _sound_part(error: UnicodeDecodeError, encoding: str) -> str:
    """What could be decoded of the chunk in which ``error`` arose."""
    name = error.encoding if error.encoding.startswith("utf") else encoding
    return error.object[: error.start].decode(name, "ignore")


def _undecodable(position: int, kept: bool) -> Problem:
    before = "; what stands before it is kept" if kept else ""
    return Problem(
        "undecodable",
        f"the characters from byte {position:,} on cannot be read with certainty{before}; save the file as UTF-8",
    )
